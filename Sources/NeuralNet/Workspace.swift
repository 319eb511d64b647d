// One thread's memory, and the passes over a chunk of up to 32 images in it.

import CKernels
import Tensor

/// Where a chunk's activations lie: a thread's own memory or a place in a cache.
package struct Tape {
  package let floats: UnsafeMutablePointer<Float>
  package let codes: UnsafeMutablePointer<UInt8>

  package init(at memory: UnsafeMutableRawPointer, plan: Plan) {
    floats = memory.bindMemory(to: Float.self, capacity: plan.tapeFloats)
    codes = (memory + plan.tapeFloats * 4).bindMemory(to: UInt8.self, capacity: plan.tapeCodes)
  }
}

/// A thread's memory for passes over chunks of images; not for two threads at once.
package final class Workspace {
  package let network: Network
  private let plan: Plan
  private let kernels: Kernels
  private let inputBuffer: Buffer<Float>
  private let tapeBuffer: Buffer<UInt8>
  private let adjointBuffer: Buffer<Float>
  private let unpooledBuffer: Buffer<Float>
  private let sumsBuffer: Buffer<Float>
  private let transposedBuffer: Buffer<Float>
  private let tangentBuffer: Buffer<Float>
  private let labelBuffer: Buffer<UInt8>
  /// Losses of the chunk at hand, after `loss`.
  package let losses: Buffer<Float>
  /// Predicted classes of the chunk at hand, after `loss`.
  package let predictions: Buffer<UInt8>
  /// The thread's own tape.
  package let tape: Tape
  /// Images in the chunk at hand, and the groups of 16 that they fill.
  package private(set) var count = 0
  package var groups: Int { (count + groupSize - 1) / groupSize }
  private let transposedRow: Int

  /// Bytes that a workspace takes.
  package static func bytes(_ plan: Plan) -> Int {
    let floats =
      plan.activations[0].end + 2 * plan.tapeFloats + plan.adjointFloats + plan.unpooledFloats
      + plan.laneSumFloats + chunkSize * (plan.widestInput + groupSize)
    return 4 * floats + plan.tapeCodes
  }

  package init(_ network: Network, variant: KernelVariant) {
    self.network = network
    plan = network.plan
    kernels = variant.kernels.pointee
    inputBuffer = Buffer(count: plan.activations[0].end)
    tapeBuffer = Buffer(count: plan.tapeBytes)
    adjointBuffer = Buffer(count: plan.adjointFloats)
    unpooledBuffer = Buffer(count: plan.unpooledFloats)
    sumsBuffer = Buffer(count: plan.laneSumFloats)
    transposedRow = (plan.widestInput + groupSize - 1) / groupSize * groupSize
    transposedBuffer = Buffer(count: chunkSize * transposedRow)
    tangentBuffer = Buffer(count: plan.tapeFloats)
    labelBuffer = Buffer(count: chunkSize)
    losses = Buffer(count: chunkSize)
    predictions = Buffer(count: chunkSize)
    tape = Tape(at: UnsafeMutableRawPointer(tapeBuffer.pointer), plan: plan)
  }

  /// Converts the images of `indices` (at most 32) to normalised activations; unused lanes are zero.
  package func load(_ data: ImageSet, _ indices: ArraySlice<Int>) {
    count = indices.count
    let layout = plan.activations[0]
    let gain = 1 / (255 * data.deviation)
    let offset = -data.mean / data.deviation
    let plane = data.height * data.width
    data.images.withUnsafeBufferPointer { images in
      withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>?.self, capacity: groupSize) { pointers in
        for group in 0..<groups {
          for channel in 0..<data.channels {
            for lane in 0..<groupSize {
              let place = group * groupSize + lane
              pointers[lane] =
                place < count
                ? images.baseAddress! + indices[indices.startIndex + place] * data.pixels + channel * plane
                : nil
            }
            kernels.loadImages(
              pointers.baseAddress,
              inputBuffer.pointer + group * layout.group + layout.origin + channel * layout.channel,
              layout.row, Int32(data.height), Int32(data.width), gain, offset)
          }
        }
      }
    }
    for place in 0..<chunkSize {
      labelBuffer.pointer[place] = place < count ? data.labels[indices[indices.startIndex + place]] : 0
    }
  }

  /// The first float of activation `index` on a tape (0: the input).
  private func activation(_ index: Int, _ tape: Tape) -> UnsafeMutablePointer<Float> {
    index == 0 ? inputBuffer.pointer : tape.floats + plan.activations[index].offset
  }

  private func adjoint(_ index: Int) -> UnsafeMutablePointer<Float> {
    adjointBuffer.pointer + plan.adjoints[index].offset
  }

  private func tangent(_ index: Int) -> UnsafeMutablePointer<Float> {
    tangentBuffer.pointer + plan.activations[index].offset
  }

  // MARK: - Forward

  /// Computes all activations of the loaded chunk.
  package func forward(_ parameters: UnsafePointer<Float>, _ tape: Tape) {
    for (index, operation) in plan.operations.enumerated() {
      let epilogue =
        operation.pool ? KERNEL_POOL_RELU : operation.relu ? KERNEL_RELU : KERNEL_PLAIN
      apply(
        index, tape, epilogue: epilogue, bias: parameters + operation.bias,
        first: (activation(index, tape), parameters + operation.weight), second: nil,
        output: activation(index + 1, tape))
    }
  }

  /// Computes the change of all activations, to first order, for a change `direction` of the parameters, along
  /// the branches that the tape's forward pass took (Pearlmutter 1994, the R-operator's forward half).
  package func tangentForward(
    _ parameters: UnsafePointer<Float>, _ direction: UnsafePointer<Float>, _ tape: Tape
  ) {
    for (index, operation) in plan.operations.enumerated() {
      let epilogue =
        operation.pool ? KERNEL_POOL_SELECT : operation.relu ? KERNEL_MASK : KERNEL_PLAIN
      apply(
        index, tape, epilogue: epilogue, bias: direction + operation.bias,
        first: (activation(index, tape), direction + operation.weight),
        second: index == 0 ? nil : (tangent(index), parameters + operation.weight),
        output: tangent(index + 1))
    }
  }

  private typealias Factors = (x: UnsafeMutablePointer<Float>, w: UnsafePointer<Float>)

  /// output = bias + Σ w·x over one or two pairs of factors, with the epilogue.
  private func apply(
    _ index: Int, _ tape: Tape, epilogue: some BinaryInteger, bias: UnsafePointer<Float>, first: Factors,
    second: Factors?, output: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let from = plan.activations[index]
    let to = plan.activations[index + 1]
    let mask = activation(index + 1, tape)
    switch operation.kind {
    case .convolution(let kernel, let stride, _):
      for group in 0..<groups {
        let x = group * from.group
        let y = group * to.group + to.origin
        var arguments = ConvForward(
          x0: first.x + x, x1: second.map { UnsafePointer($0.x + x) }, w0: first.w, w1: second?.w, bias: bias,
          mask: mask + y, y: output + y,
          code: tape.codes + plan.codes[index + 1] + group * to.shape.count * groupSize,
          xRow: from.row, xChannel: from.channel, yRow: to.row, yChannel: to.channel,
          sources: second == nil ? 1 : 2, inChannels: Int32(operation.input.channels),
          outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
          outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
          epilogue: Int32(epilogue))
        kernels.convForward(&arguments)
      }
    case .linear:
      var arguments = LinearForward(
        x0: first.x, x1: second.map { UnsafePointer($0.x) }, w0: first.w, w1: second?.w, bias: bias,
        mask: mask, y: output, xGroup: from.group, yGroup: to.group, sources: second == nil ? 1 : 2,
        inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
        groups: Int32(groups), epilogue: Int32(epilogue))
      kernels.linearForward(&arguments)
    }
  }

  // MARK: - Loss

  /// Cross-entropy of the chunk: fills `losses`, `predictions`, the tape's probabilities, and the adjoint of the
  /// logits times `scale`.
  package func loss(_ tape: Tape, scale: Float) {
    let last = plan.operations.count
    let logits = plan.activations[last]
    for group in 0..<groups {
      let place = group * groupSize
      var arguments = SoftmaxLoss(
        logits: activation(last, tape) + group * logits.group, labels: labelBuffer.pointer + place,
        losses: losses.pointer + place, predictions: predictions.pointer + place,
        probabilities: tape.floats + plan.probabilities.offset + group * logits.group,
        gradient: adjoint(last) + group * logits.group, scale: scale, classes: Int32(network.classes),
        count: Int32(count - place))
      kernels.softmaxLoss(&arguments)
    }
  }

  /// Sets the logits' adjoint to scale · H_L · tangent, with H_L the loss's Hessian at the logits.
  package func lossHessian(_ tape: Tape, scale: Float) {
    let last = plan.operations.count
    let logits = plan.activations[last]
    for group in 0..<groups {
      kernels.softmaxHessian(
        tape.floats + plan.probabilities.offset + group * logits.group,
        tangent(last) + group * logits.group, adjoint(last) + group * logits.group,
        Int32(network.classes), scale, Int32(count - group * groupSize))
    }
  }

  // MARK: - Backward

  /// Forgets the convolutions' sums; to be called before the first `backward` of a gradient.
  package func clearSums() { sumsBuffer.clear() }

  /// Takes the logits' adjoint back through the net; the linear layers' gradients are added to `gradient`, the
  /// convolutions' to lane sums that `flushSums` adds to it.
  package func backward(
    _ parameters: UnsafePointer<Float>, _ tape: Tape, gradient: UnsafeMutablePointer<Float>
  ) {
    for index in stride(from: plan.operations.count - 1, through: 0, by: -1) {
      let operation = plan.operations[index]
      switch operation.kind {
      case .convolution:
        for group in 0..<groups { backwardConvolution(index, tape, group, parameters) }
      case .linear:
        linearWeights(index, x: activation(index, tape), dy: adjoint(index + 1), gradient: gradient)
        if index > 0 {
          let masked = plan.operations[index - 1].relu
          var arguments = LinearBackward(
            dy0: adjoint(index + 1), dy1: nil, w0: parameters + operation.weight, w1: nil,
            mask: activation(index, tape), dx: adjoint(index), dyGroup: plan.adjoints[index + 1].group,
            dxGroup: plan.adjoints[index].group, sources: 1, inputs: Int32(operation.input.count),
            outputs: Int32(operation.full.channels), groups: Int32(groups),
            epilogue: Int32(masked ? KERNEL_MASK : KERNEL_PLAIN))
          kernels.linearBackward(&arguments)
        }
      }
    }
  }

  private func linearWeights(
    _ index: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let from = plan.activations[index]
    let dyGroup = plan.adjoints[index + 1].group
    for group in 0..<groups {
      kernels.transpose(
        x + group * from.group, transposedBuffer.pointer + group * groupSize * transposedRow,
        transposedRow, Int32(operation.input.count))
      kernels.reduceLanes(
        dy + group * dyGroup, gradient + operation.bias, operation.full.channels, 1)
    }
    var arguments = LinearWeights(
      dy: dy, xt: transposedBuffer.pointer, gradient: gradient + operation.weight, dyGroup: dyGroup,
      xtRow: transposedRow, inputs: Int32(operation.input.count),
      outputs: Int32(operation.full.channels), groups: Int32(groups))
    kernels.linearWeights(&arguments)
  }

  private func backwardConvolution(
    _ index: Int, _ tape: Tape, _ group: Int, _ parameters: UnsafePointer<Float>
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let pooled = plan.adjoints[index + 1]
    let own = adjoint(index + 1) + group * pooled.group
    let x = activation(index, tape) + group * plan.activations[index].group
    let sums = sumsBuffer.pointer + plan.laneSums[index]
    let biasSums = sums + (operation.bias - operation.weight) * groupSize
    for channel in 0..<operation.full.channels {
      kernels.sumPixels(
        own + channel * pooled.channel + pooled.origin, biasSums + channel * groupSize, pooled.row,
        Int32(pooled.shape.height), Int32(pooled.shape.width))
    }
    guard let spread = plan.unpooled[index] else {
      convolutionWeights(index, dy: own + pooled.origin, pooled, x: x, sums: sums, rows: operation.full.height)
      if index > 0 { propagate(own + pooled.origin, pooled) }
      return
    }
    let codes = tape.codes + plan.codes[index + 1] + group * pooled.shape.count * groupSize
    let full = unpooledBuffer.pointer + spread.offset + spread.origin
    // All rows at once, or for the first layer two by two.
    let step = index == 0 ? 1 : pooled.shape.height
    for top in Swift.stride(from: 0, to: pooled.shape.height, by: step) {
      for channel in 0..<operation.full.channels {
        kernels.unpool(
          own + channel * pooled.channel + top * pooled.row,
          codes + (channel * pooled.shape.height + top) * pooled.shape.width * groupSize,
          full + channel * spread.channel, spread.row, Int32(step), Int32(pooled.shape.width))
      }
      convolutionWeights(
        index, dy: full, spread, x: x + 2 * top * stride * plan.activations[index].row, sums: sums,
        rows: 2 * step)
    }
    if index > 0 { propagate(full, spread) }

    func propagate(_ dy: UnsafePointer<Float>, _ layout: Layout) {
      let below = plan.adjoints[index]
      let under = plan.activations[index]
      var arguments = ConvBackward(
        dy0: dy, dy1: nil, w0: parameters + operation.weight, w1: nil, mask: x + under.origin,
        dx: adjoint(index) + group * below.group + below.origin, dyRow: layout.row,
        dyChannel: layout.channel, dxRow: below.row, dxChannel: below.channel, maskRow: under.row,
        maskChannel: under.channel, sources: 1, inChannels: Int32(operation.input.channels),
        outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
        padding: Int32(padding), inHeight: Int32(operation.input.height),
        inWidth: Int32(operation.input.width), outHeight: Int32(operation.full.height),
        outWidth: Int32(operation.full.width),
        epilogue: Int32(plan.operations[index - 1].relu ? KERNEL_MASK : KERNEL_PLAIN))
      kernels.convBackward(&arguments)
    }
  }

  private func convolutionWeights(
    _ index: Int, dy: UnsafePointer<Float>, _ layout: Layout, x: UnsafePointer<Float>,
    sums: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, _) = operation.kind else { return }
    let from = plan.activations[index]
    var arguments = ConvWeights(
      dy: dy, x: x, sums: sums, dyRow: layout.row, dyChannel: layout.channel, xRow: from.row,
      xChannel: from.channel, inChannels: Int32(operation.input.channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      rows: Int32(rows), outWidth: Int32(operation.full.width))
    kernels.convWeights(&arguments)
  }

  /// Adds the convolutions' lane sums to `gradient`.
  package func flushSums(_ gradient: UnsafeMutablePointer<Float>) {
    for (index, operation) in plan.operations.enumerated() where operation.isConvolution {
      kernels.reduceLanes(
        sumsBuffer.pointer + plan.laneSums[index], gradient + operation.weight, operation.parameterCount, 1)
    }
  }

  // MARK: - Outputs

  /// Copies the last layer's input of each image of the chunk to rows of `featureCount` floats.
  package func copyFeatures(_ tape: Tape, to rows: UnsafeMutablePointer<Float>) {
    let index = plan.operations.count - 1
    let layout = plan.activations[index]
    let width = layout.shape.count
    for place in 0..<count {
      let x = activation(index, tape) + place / groupSize * layout.group + place % groupSize
      for i in 0..<width { rows[place * width + i] = x[i * groupSize] }
    }
  }

  /// One step of SGD on a range of the parameters; false if a parameter became NaN or infinite.
  package func step(_ arguments: inout SGDStep) -> Bool { kernels.sgdStep(&arguments) == 0 }
}
