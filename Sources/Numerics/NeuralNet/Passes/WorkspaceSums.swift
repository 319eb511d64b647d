// A workspace's gradients of convolutions' weights, and the sums that they are added to.

import CKernels
import Tensor

extension Workspace {
  /// Forgets the convolutions' sums; to be called before the first `backward` of a gradient.
  package func clearSums() { sums.update(repeating: 0, count: plan.laneSumFloats) }

  /// Adds one pack's weight gradients to the sums; `x` is the start of its input's block.
  func convolutionWeights(
    _ index: Int, _ tape: Tape, _ pack: Int, dy: UnsafePointer<Float>, _ layout: Layout,
    x: UnsafePointer<Float>
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let from = plan.activations[operation.source]
    let sums = self.sums + plan.laneSums[index]
    if operation.followsBranches {
      branchWeights(index, tape, pack, dy: dy, x: x, images: 0..<laneCount)
      return
    }
    if operation.sumsChannels {
      transposeInput(index, x)
      channelWeights(index, dy: dy, layout, sums: sums, images: 0..<laneCount)
      return
    }
    var arguments = ConvWeights(
      dy: dy, x: x + from.start(padding: padding), sums: sums, dyRow: layout.row, dyChannel: layout.channel,
      xRow: from.row, xChannel: from.channel, inChannels: Int32(operation.input.channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      rows: Int32(operation.full.height), outWidth: Int32(operation.full.width))
    kernels.convWeights(&arguments)
  }

  /// The branches that a pack's pooling took.
  func branches(_ index: Int, _ tape: Tape, _ pack: Int) -> UnsafePointer<UInt8> {
    UnsafePointer(
      tape.codes + plan.codes[index + 1] + pack * plan.operations[index].output.count * laneCount)
  }

  /// Adds the weight gradients of some images of the pack to a pooled convolution's sums; `x` is the start of its
  /// input's block.
  func branchWeights(
    _ index: Int, _ tape: Tape, _ pack: Int, dy: UnsafePointer<Float>, x: UnsafePointer<Float>,
    images: Range<Int>
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let from = plan.activations[operation.source]
    let pooled = plan.adjoints[index + 1]
    var arguments = ConvBranchWeights(
      dy: dy, x: x + from.start(padding: padding), code: branches(index, tape, pack),
      sums: sums + plan.laneSums[index], dyRow: pooled.row, dyChannel: pooled.channel, xRow: from.row,
      xChannel: from.channel, inChannels: Int32(operation.input.channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      height: Int32(pooled.shape.height), width: Int32(pooled.shape.width),
      firstImage: Int32(images.lowerBound), images: Int32(images.count), room: roomBuffer.pointer)
    kernels.convBranchWeights(&arguments)
  }

  /// Puts one pack's input of a convolution, channels innermost, where `channelWeights` reads it.
  func transposeInput(_ index: Int, _ x: UnsafePointer<Float>) {
    let from = plan.activations[plan.operations[index].source]
    let channels = from.shape.channels
    let pixels = from.channel / laneCount
    kernels.transposeChannels(
      x, transposedBuffer.pointer, from.channel, Int32(channels), Int32(pixels))
  }

  /// Weight gradients of some images of the pack, with vectors of input channels.
  func channelWeights(
    _ index: Int, dy: UnsafePointer<Float>, _ layout: Layout, sums: UnsafeMutablePointer<Float>,
    images: Range<Int>
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let from = plan.activations[operation.source]
    let channels = operation.input.channels
    var arguments = ConvChannelWeights(
      dy: dy, xt: transposedBuffer.pointer + from.start(padding: padding) * channels, sums: sums,
      dyRow: layout.row, dyChannel: layout.channel, xtRow: from.row * channels, inChannels: Int32(channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      padding: Int32(padding), inHeight: Int32(operation.input.height), inWidth: Int32(operation.input.width),
      outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
      firstImage: Int32(images.lowerBound), images: Int32(images.count), room: roomBuffer.pointer,
      roomFloats: roomBuffer.count)
    kernels.convChannelWeights(&arguments)
  }

  /// Lane sums of a convolution's or batch normalisation's biases.
  func biasSums(_ index: Int) -> UnsafeMutablePointer<Float> {
    sums + plan.laneSums[index] + plan.operations[index].weightSums
  }

  /// Adds the sums to `gradient`.
  package func flushSums(_ gradient: UnsafeMutablePointer<Float>) {
    for (index, operation) in plan.operations.enumerated() where operation.sums > 0 {
      let sums = self.sums + plan.laneSums[index]
      if operation.hasBias {
        kernels.reduceLanes(biasSums(index), gradient + operation.bias, operation.full.channels, 1)
      }
      guard operation.sumsOnce, case .convolution(let kernel, _, _) = operation.kind else {
        kernels.reduceLanes(sums, gradient + operation.weight, operation.weightCount, 1)
        continue
      }
      let taps = kernel * kernel
      let channels = operation.input.channels
      for output in 0..<operation.full.channels {
        let from = sums + output * taps * channels
        let to = gradient + operation.weight + output * taps * channels
        for channel in 0..<channels {
          for tap in 0..<taps { to[channel * taps + tap] += from[tap * channels + channel] }
        }
      }
    }
  }
}
