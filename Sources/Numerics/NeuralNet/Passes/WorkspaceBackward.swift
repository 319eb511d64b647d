// A workspace's passes back through the net: gradients, and their change in a direction.

import CKernels
import Tensor

extension Workspace {
  /// Forgets the convolutions' sums; to be called before the first `backward` of a gradient.
  package func clearSums() { sums.update(repeating: 0, count: plan.laneSumFloats) }

  /// Takes the logits' adjoint back through the net; the linear layers' gradients are added to `gradient`, the
  /// convolutions' to sums that `flushSums` adds to it.
  ///
  /// With a `direction`, the adjoints' change for a change of the parameters in that direction goes back beside
  /// the adjoints, and its gradients are those that are added up (Pearlmutter 1994, the R-operator's backward
  /// half); `tangentForward` must have run, and `lossHessian` with `curved`. With `adjointsKnown` the adjoints are
  /// there from an earlier call and only their change goes back.
  package func backward(
    _ parameters: UnsafePointer<Float>, _ tape: Tape, gradient: UnsafeMutablePointer<Float>,
    direction: UnsafePointer<Float>? = nil, adjointsKnown: Bool = false
  ) {
    precondition(!adjointsKnown || plan.adjointsAreDistinct && direction != nil)
    for index in plan.operations.indices.reversed() {
      backward(
        index, parameters, tape, gradient: gradient, direction: direction, adjointsKnown: adjointsKnown)
    }
  }

  /// One operation's part of `backward`, batch normalisation with fixed statistics.
  func backward(
    _ index: Int, _ parameters: UnsafePointer<Float>, _ tape: Tape, gradient: UnsafeMutablePointer<Float>,
    direction: UnsafePointer<Float>? = nil, adjointsKnown: Bool = false
  ) {
    switch plan.operations[index].kind {
    case .convolution:
      for pack in 0..<packs {
        backwardConvolution(index, tape, pack, parameters, direction, adjointsKnown)
      }
    case .linear: backwardLinear(index, tape, parameters, gradient, direction, adjointsKnown)
    case .batchNorm: backwardNormalisation(index, parameters, tape, direction)
    case .averagePool:
      let source = plan.operations[index].source
      spreadAverage(index, adjoint(index + 1), to: adjoint(source))
      if direction != nil { spreadAverage(index, curved(index + 1), to: curved(source)) }
    }
  }

  /// Whether what goes back to an activation is to be zeroed where its ReLU is off; batch normalisation does that
  /// itself.
  private func masks(_ activation: Int) -> Bool {
    plan.operations[activation - 1].relu && !plan.operations[activation - 1].isNormalisation
  }

  private func backwardLinear(
    _ index: Int, _ tape: Tape, _ parameters: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ direction: UnsafePointer<Float>?, _ adjointsKnown: Bool
  ) {
    let operation = plan.operations[index]
    let source = operation.source
    let dyPack = plan.adjoints[index + 1].pack
    let x = activation(source, tape)
    let d = adjoint(index + 1)
    let summed = direction == nil ? d : curved(index + 1)
    if operation.dropout > 0, dropoutKey != nil {
      // The dropped are off already: their activation is 0, as with ReLU.
      for i in 0..<packs * dyPack { d[i] *= 1 / (1 - operation.dropout) }
    }
    for pack in 0..<packs {
      kernels.reduceLanes(
        summed + pack * dyPack, gradient + operation.bias, operation.full.channels, 1)
    }
    linearWeights(index, x: x, dy: summed, gradient: gradient)
    if source == 0 { return }
    let weight = parameters + operation.weight
    if let direction {
      linearWeights(index, x: tangent(source), dy: d, gradient: gradient)
      propagate(summed, weight, d, direction + operation.weight, to: curved(source))
    }
    if !adjointsKnown { propagate(d, weight, nil, nil, to: adjoint(source)) }

    func propagate(
      _ dy0: UnsafePointer<Float>, _ w0: UnsafePointer<Float>, _ dy1: UnsafePointer<Float>?,
      _ w1: UnsafePointer<Float>?, to dx: UnsafeMutablePointer<Float>
    ) {
      var arguments = LinearBackward(
        dy0: dy0, dy1: dy1, w0: w0, w1: w1, mask: x, dx: dx, dyPack: dyPack,
        dxPack: plan.adjoints[source].pack, sources: dy1 == nil ? 1 : 2,
        inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
        packs: Int32(packs), epilogue: Int32(masks(source) ? KERNEL_MASK : KERNEL_PLAIN))
      kernels.linearBackward(&arguments)
    }
  }

  private func linearWeights(
    _ index: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let from = plan.activations[operation.source]
    for pack in 0..<packs {
      kernels.transpose(
        x + pack * from.pack, transposedBuffer.pointer + pack * laneCount * transposedRow,
        transposedRow, Int32(operation.input.count))
    }
    var arguments = LinearWeights(
      dy: dy, xt: transposedBuffer.pointer, gradient: gradient + operation.weight,
      dyPack: plan.adjoints[index + 1].pack, xtRow: transposedRow,
      inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
      packs: Int32(packs))
    kernels.linearWeights(&arguments)
  }

  private func backwardConvolution(
    _ index: Int, _ tape: Tape, _ pack: Int, _ parameters: UnsafePointer<Float>,
    _ direction: UnsafePointer<Float>?, _ adjointsKnown: Bool
  ) {
    let operation = plan.operations[index]
    let pooled = plan.adjoints[index + 1]
    let own = adjoint(index + 1) + pack * pooled.pack
    let change = curved(index + 1) + pack * pooled.pack
    let summed = direction == nil ? own : change
    let source = operation.source
    let from = plan.activations[source]
    let x = activation(source, tape) + pack * from.pack
    let sums = self.sums + plan.laneSums[index]
    let biasSums = biasSums(index)
    for channel in 0..<(operation.hasBias ? operation.full.channels : 0) {
      kernels.sumPixels(
        summed + channel * pooled.channel + pooled.origin, biasSums + channel * laneCount, pooled.row,
        Int32(pooled.shape.height), Int32(pooled.shape.width))
    }
    guard let spread = plan.unpooled[index] else {
      let rows = operation.full.height
      convolutionWeights(index, dy: summed + pooled.origin, pooled, x: x, sums: sums, rows: rows)
      if source == 0 { return }
      if direction != nil {
        let t = tangent(source) + pack * from.pack
        convolutionWeights(index, dy: own + pooled.origin, pooled, x: t, sums: sums, rows: rows)
      }
      propagateConvolution(
        index, tape, pack, parameters, direction, own + pooled.origin, change + pooled.origin, pooled,
        adjointsKnown)
      return
    }
    let codes = tape.codes + plan.codes[index + 1] + pack * pooled.shape.count * laneCount
    let full = unpooledBuffer.pointer + spread.offset + spread.origin
    if source == 0 {
      // Nothing goes back beyond the first layer: its gradients are spread two rows at a time.
      for top in 0..<pooled.shape.height {
        unpool(index, summed, codes, top: top, rows: 1, to: full)
        convolutionWeights(
          index, dy: full, spread, x: x + 2 * top * operation.stride * from.row, sums: sums, rows: 2)
      }
      return
    }
    let fullChange = full + spread.pack
    let rows = pooled.shape.height
    unpool(index, own, codes, top: 0, rows: rows, to: full)
    if direction != nil {
      unpool(index, change, codes, top: 0, rows: rows, to: fullChange)
      let t = tangent(source) + pack * from.pack
      convolutionWeights(index, dy: full, spread, x: t, sums: sums, rows: spread.shape.height)
    }
    convolutionWeights(
      index, dy: direction == nil ? full : fullChange, spread, x: x, sums: sums, rows: spread.shape.height)
    propagateConvolution(
      index, tape, pack, parameters, direction, full, fullChange, spread, adjointsKnown)
  }

  private func unpool(
    _ index: Int, _ d: UnsafePointer<Float>, _ codes: UnsafePointer<UInt8>, top: Int, rows: Int,
    to full: UnsafeMutablePointer<Float>
  ) {
    guard let spread = plan.unpooled[index] else { return }
    let pooled = plan.adjoints[index + 1]
    guard plan.operations[index].pool else {
      for line in 0..<pooled.shape.channels * rows {
        (full + line * spread.row).update(from: d + line * pooled.row, count: pooled.row)
      }
      return
    }
    for channel in 0..<pooled.shape.channels {
      kernels.unpool(
        d + channel * pooled.channel + top * pooled.row,
        codes + (channel * pooled.shape.height + top) * pooled.shape.width * laneCount,
        full + channel * spread.channel, spread.row, Int32(rows), Int32(pooled.shape.width))
    }
  }

  /// The adjoint of a convolution's input, and with a direction its change.
  private func propagateConvolution(
    _ index: Int, _ tape: Tape, _ pack: Int, _ parameters: UnsafePointer<Float>,
    _ direction: UnsafePointer<Float>?, _ d: UnsafePointer<Float>, _ change: UnsafePointer<Float>,
    _ layout: Layout, _ adjointsKnown: Bool
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let source = operation.source
    let below = plan.adjoints[source]
    let under = plan.activations[source]
    let target = pack * below.pack + below.origin
    let epilogue = masks(source) ? KERNEL_MASK : plan.addsToSource[index] ? KERNEL_ADD : KERNEL_PLAIN
    var arguments = ConvBackward(
      dy0: d, dy1: nil, w0: parameters + operation.weight, w1: nil,
      mask: activation(source, tape) + pack * under.pack + under.origin, dx: adjoint(source) + target,
      dyRow: layout.row, dyChannel: layout.channel, dxRow: below.row, dxChannel: below.channel,
      maskRow: under.row, maskChannel: under.channel, sources: 1,
      inChannels: Int32(operation.input.channels), outChannels: Int32(operation.full.channels),
      kernel: Int32(kernel), stride: Int32(stride), padding: Int32(padding),
      inHeight: Int32(operation.input.height), inWidth: Int32(operation.input.width),
      outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
      epilogue: Int32(epilogue), room: roomBuffer.pointer, roomFloats: roomBuffer.count)
    if !adjointsKnown { kernels.convBackward(&arguments) }
    guard let direction else { return }
    arguments.dy0 = change
    arguments.dy1 = d
    arguments.w1 = direction + operation.weight
    arguments.dx = curved(source) + target
    arguments.sources = 2
    kernels.convBackward(&arguments)
  }

  /// Adds one pack's weight gradients to the sums; `x` is the start of its input's block.
  private func convolutionWeights(
    _ index: Int, dy: UnsafePointer<Float>, _ layout: Layout, x: UnsafePointer<Float>,
    sums: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let from = plan.activations[operation.source]
    if operation.sumsChannels {
      transposeInput(index, x)
      channelWeights(index, dy: dy, layout, sums: sums, images: 0..<laneCount)
      return
    }
    var arguments = ConvWeights(
      dy: dy, x: x + from.start(padding: padding), sums: sums, dyRow: layout.row, dyChannel: layout.channel,
      xRow: from.row, xChannel: from.channel, inChannels: Int32(operation.input.channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      rows: Int32(rows), outWidth: Int32(operation.full.width))
    kernels.convWeights(&arguments)
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
    let operation = plan.operations[index]
    return self.sums + plan.laneSums[index]
      + operation.weightCount * (operation.sumsChannels ? 1 : laneCount)
  }

  /// Adds the sums to `gradient`.
  package func flushSums(_ gradient: UnsafeMutablePointer<Float>) {
    for (index, operation) in plan.operations.enumerated() where operation.sums > 0 {
      let sums = self.sums + plan.laneSums[index]
      if operation.hasBias {
        kernels.reduceLanes(biasSums(index), gradient + operation.bias, operation.full.channels, 1)
      }
      guard operation.sumsChannels, case .convolution(let kernel, _, _) = operation.kind else {
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
