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
  private let curvedBuffer: Buffer<Float>
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
  /// Key of the dropout's draws; nil outside training.
  package var dropoutKey: UInt64?
  /// The chunk's first place in its batch, for the dropout's draws.
  package var dropoutPlace = 0
  private let transposedRow: Int

  /// Bytes that a workspace takes.
  package static func bytes(_ plan: Plan) -> Int {
    let floats =
      plan.activations[0].end + 2 * plan.tapeFloats + 2 * plan.adjointFloats + plan.unpooledFloats
      + plan.laneSumFloats + max(chunkSize * (plan.widestInput + groupSize), plan.transposedFloats)
    return 4 * floats + plan.tapeCodes
  }

  package init(_ network: Network, variant: KernelVariant) {
    self.network = network
    plan = network.plan
    kernels = variant.kernels.pointee
    inputBuffer = Buffer(count: plan.activations[0].end)
    tapeBuffer = Buffer(count: plan.tapeBytes)
    adjointBuffer = Buffer(count: plan.adjointFloats)
    curvedBuffer = Buffer(count: plan.adjointFloats)
    unpooledBuffer = Buffer(count: plan.unpooledFloats)
    sumsBuffer = Buffer(count: plan.laneSumFloats)
    transposedRow = (plan.widestInput + groupSize - 1) / groupSize * groupSize
    transposedBuffer = Buffer(count: max(chunkSize * transposedRow, plan.transposedFloats))
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

  /// The change of adjoint `index` in the direction of a Hessian product.
  private func curved(_ index: Int) -> UnsafeMutablePointer<Float> {
    curvedBuffer.pointer + plan.adjoints[index].offset
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
      if operation.dropout > 0, let dropoutKey { drop(index, operation.dropout, dropoutKey, tape) }
    }
  }

  /// Zeroes activations at random and scales the rest: the image at place i of the batch keeps feature 4f + w of
  /// operation o if word w of the Philox block (f, i, o, 3) is at least p·2³².
  private func drop(_ index: Int, _ probability: Float, _ key: UInt64, _ tape: Tape) {
    let layout = plan.activations[index + 1]
    let threshold = UInt32(Double(probability) * 0x1p32)
    let scale = 1 / (1 - probability)
    let width = layout.shape.count
    for place in 0..<count {
      let first = activation(index + 1, tape) + place / groupSize * layout.group + place % groupSize
      for block in 0..<(width + 3) / 4 {
        let words = RandomStream.philox(
          counter: SIMD4(UInt32(block), UInt32(dropoutPlace + place), UInt32(index), 3), key: key)
        for feature in 4 * block..<min(4 * block + 4, width) {
          first[feature * groupSize] *= words[feature & 3] >= threshold ? scale : 0
        }
      }
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

  /// Sets the logits' adjoint, or with `curved` its change, to scale · H_L · tangent, with H_L the loss's Hessian
  /// at the logits.
  package func lossHessian(_ tape: Tape, scale: Float, curved isCurved: Bool = false) {
    let last = plan.operations.count
    let target = isCurved ? curved(last) : adjoint(last)
    let logits = plan.activations[last]
    for group in 0..<groups {
      kernels.softmaxHessian(
        tape.floats + plan.probabilities.offset + group * logits.group,
        tangent(last) + group * logits.group, target + group * logits.group,
        Int32(network.classes), scale, Int32(count - group * groupSize))
    }
  }

  // MARK: - Backward

  /// Forgets the convolutions' sums; to be called before the first `backward` of a gradient.
  package func clearSums() { sumsBuffer.clear() }

  /// Takes the logits' adjoint back through the net; the linear layers' gradients are added to `gradient`, the
  /// convolutions' to sums that `flushSums` adds to it.
  ///
  /// With a `direction`, the adjoints' change for a change of the parameters in that direction goes back beside
  /// the adjoints, and its gradients are those that are added up (Pearlmutter 1994, the R-operator's backward
  /// half); `tangentForward` must have run, and `lossHessian` with `curved`.
  package func backward(
    _ parameters: UnsafePointer<Float>, _ tape: Tape, gradient: UnsafeMutablePointer<Float>,
    direction: UnsafePointer<Float>? = nil
  ) {
    for index in stride(from: plan.operations.count - 1, through: 0, by: -1) {
      switch plan.operations[index].kind {
      case .convolution:
        for group in 0..<groups { backwardConvolution(index, tape, group, parameters, direction) }
      case .linear:
        backwardLinear(index, tape, parameters, gradient, direction)
      }
    }
  }

  private func backwardLinear(
    _ index: Int, _ tape: Tape, _ parameters: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ direction: UnsafePointer<Float>?
  ) {
    let operation = plan.operations[index]
    let dyGroup = plan.adjoints[index + 1].group
    let x = activation(index, tape)
    let d = adjoint(index + 1)
    let summed = direction == nil ? d : curved(index + 1)
    if operation.dropout > 0, dropoutKey != nil {
      // The dropped are off already: their activation is 0, as with ReLU.
      for i in 0..<groups * dyGroup { d[i] *= 1 / (1 - operation.dropout) }
    }
    for group in 0..<groups {
      kernels.reduceLanes(
        summed + group * dyGroup, gradient + operation.bias, operation.full.channels, 1)
    }
    linearWeights(index, x: x, dy: summed, gradient: gradient)
    if index == 0 { return }
    let weight = parameters + operation.weight
    if let direction {
      linearWeights(index, x: tangent(index), dy: d, gradient: gradient)
      propagate(summed, weight, d, direction + operation.weight, to: curved(index))
    }
    propagate(d, weight, nil, nil, to: adjoint(index))

    func propagate(
      _ dy0: UnsafePointer<Float>, _ w0: UnsafePointer<Float>, _ dy1: UnsafePointer<Float>?,
      _ w1: UnsafePointer<Float>?, to dx: UnsafeMutablePointer<Float>
    ) {
      var arguments = LinearBackward(
        dy0: dy0, dy1: dy1, w0: w0, w1: w1, mask: x, dx: dx, dyGroup: dyGroup,
        dxGroup: plan.adjoints[index].group, sources: dy1 == nil ? 1 : 2,
        inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
        groups: Int32(groups),
        epilogue: Int32(plan.operations[index - 1].relu ? KERNEL_MASK : KERNEL_PLAIN))
      kernels.linearBackward(&arguments)
    }
  }

  private func linearWeights(
    _ index: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let from = plan.activations[index]
    for group in 0..<groups {
      kernels.transpose(
        x + group * from.group, transposedBuffer.pointer + group * groupSize * transposedRow,
        transposedRow, Int32(operation.input.count))
    }
    var arguments = LinearWeights(
      dy: dy, xt: transposedBuffer.pointer, gradient: gradient + operation.weight,
      dyGroup: plan.adjoints[index + 1].group, xtRow: transposedRow,
      inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
      groups: Int32(groups))
    kernels.linearWeights(&arguments)
  }

  private func backwardConvolution(
    _ index: Int, _ tape: Tape, _ group: Int, _ parameters: UnsafePointer<Float>,
    _ direction: UnsafePointer<Float>?
  ) {
    let operation = plan.operations[index]
    let pooled = plan.adjoints[index + 1]
    let own = adjoint(index + 1) + group * pooled.group
    let change = curved(index + 1) + group * pooled.group
    let summed = direction == nil ? own : change
    let from = plan.activations[index]
    let x = activation(index, tape) + group * from.group
    let sums = sumsBuffer.pointer + plan.laneSums[index]
    let biasSums = biasSums(index)
    for channel in 0..<operation.full.channels {
      kernels.sumPixels(
        summed + channel * pooled.channel + pooled.origin, biasSums + channel * groupSize, pooled.row,
        Int32(pooled.shape.height), Int32(pooled.shape.width))
    }
    guard let spread = plan.unpooled[index] else {
      let rows = operation.full.height
      convolutionWeights(index, dy: summed + pooled.origin, pooled, x: x, sums: sums, rows: rows)
      if index == 0 { return }
      if direction != nil {
        let t = tangent(index) + group * from.group
        convolutionWeights(index, dy: own + pooled.origin, pooled, x: t, sums: sums, rows: rows)
      }
      propagateConvolution(
        index, tape, group, parameters, direction, own + pooled.origin, change + pooled.origin, pooled)
      return
    }
    let codes = tape.codes + plan.codes[index + 1] + group * pooled.shape.count * groupSize
    let full = unpooledBuffer.pointer + spread.offset + spread.origin
    if index == 0 {
      // Nothing goes back beyond the first layer: its gradients are spread two rows at a time.
      for top in 0..<pooled.shape.height {
        unpool(index, summed, codes, top: top, rows: 1, to: full)
        convolutionWeights(
          index, dy: full, spread, x: x + 2 * top * operation.stride * from.row, sums: sums, rows: 2)
      }
      return
    }
    let fullChange = full + spread.group
    let rows = pooled.shape.height
    unpool(index, own, codes, top: 0, rows: rows, to: full)
    if direction != nil {
      unpool(index, change, codes, top: 0, rows: rows, to: fullChange)
      let t = tangent(index) + group * from.group
      convolutionWeights(index, dy: full, spread, x: t, sums: sums, rows: spread.shape.height)
    }
    convolutionWeights(
      index, dy: direction == nil ? full : fullChange, spread, x: x, sums: sums, rows: spread.shape.height)
    propagateConvolution(index, tape, group, parameters, direction, full, fullChange, spread)
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
        codes + (channel * pooled.shape.height + top) * pooled.shape.width * groupSize,
        full + channel * spread.channel, spread.row, Int32(rows), Int32(pooled.shape.width))
    }
  }

  /// The adjoint of a convolution's input, and with a direction its change.
  private func propagateConvolution(
    _ index: Int, _ tape: Tape, _ group: Int, _ parameters: UnsafePointer<Float>,
    _ direction: UnsafePointer<Float>?, _ d: UnsafePointer<Float>, _ change: UnsafePointer<Float>,
    _ layout: Layout
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else { return }
    let below = plan.adjoints[index]
    let under = plan.activations[index]
    let target = group * below.group + below.origin
    var arguments = ConvBackward(
      dy0: d, dy1: nil, w0: parameters + operation.weight, w1: nil,
      mask: activation(index, tape) + group * under.group + under.origin, dx: adjoint(index) + target,
      dyRow: layout.row, dyChannel: layout.channel, dxRow: below.row, dxChannel: below.channel,
      maskRow: under.row, maskChannel: under.channel, sources: 1,
      inChannels: Int32(operation.input.channels), outChannels: Int32(operation.full.channels),
      kernel: Int32(kernel), stride: Int32(stride), padding: Int32(padding),
      inHeight: Int32(operation.input.height), inWidth: Int32(operation.input.width),
      outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
      epilogue: Int32(plan.operations[index - 1].relu ? KERNEL_MASK : KERNEL_PLAIN))
    kernels.convBackward(&arguments)
    guard let direction else { return }
    arguments.dy0 = change
    arguments.dy1 = d
    arguments.w1 = direction + operation.weight
    arguments.dx = curved(index) + target
    arguments.sources = 2
    kernels.convBackward(&arguments)
  }

  private func convolutionWeights(
    _ index: Int, dy: UnsafePointer<Float>, _ layout: Layout, x: UnsafePointer<Float>,
    sums: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, _) = operation.kind else { return }
    let from = plan.activations[index]
    if operation.sumsChannels {
      channelWeights(index, dy: dy, layout, x: x, sums: sums, images: 0..<groupSize)
      return
    }
    var arguments = ConvWeights(
      dy: dy, x: x, sums: sums, dyRow: layout.row, dyChannel: layout.channel, xRow: from.row,
      xChannel: from.channel, inChannels: Int32(operation.input.channels),
      outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
      rows: Int32(rows), outWidth: Int32(operation.full.width))
    kernels.convWeights(&arguments)
  }

  /// `convolutionWeights` for some images of the group, with vectors of input channels.
  private func channelWeights(
    _ index: Int, dy: UnsafePointer<Float>, _ layout: Layout, x: UnsafePointer<Float>,
    sums: UnsafeMutablePointer<Float>, images: Range<Int>
  ) {
    let operation = plan.operations[index]
    guard case .convolution(let kernel, let stride, _) = operation.kind else { return }
    let from = plan.activations[index]
    let channels = operation.input.channels
    kernels.transposeChannels(
      x, transposedBuffer.pointer, from.channel, from.channel / groupSize * channels, Int32(channels),
      Int32(from.channel / groupSize))
    var arguments = ConvChannelWeights(
      dy: dy, xt: transposedBuffer.pointer, sums: sums, dyRow: layout.row, dyChannel: layout.channel,
      xtRow: from.row / groupSize * channels, xtImage: from.channel / groupSize * channels,
      inChannels: Int32(channels), outChannels: Int32(operation.full.channels), kernel: Int32(kernel),
      stride: Int32(stride), outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
      firstImage: Int32(images.lowerBound), images: Int32(images.count))
    kernels.convChannelWeights(&arguments)
  }

  /// Lane sums of a convolution's biases.
  private func biasSums(_ index: Int) -> UnsafeMutablePointer<Float> {
    let operation = plan.operations[index]
    return sumsBuffer.pointer + plan.laneSums[index]
      + operation.weightCount * (operation.sumsChannels ? 1 : groupSize)
  }

  /// Adds the convolutions' sums to `gradient`.
  package func flushSums(_ gradient: UnsafeMutablePointer<Float>) {
    for (index, operation) in plan.operations.enumerated() {
      guard case .convolution(let kernel, _, _) = operation.kind else { continue }
      let sums = sumsBuffer.pointer + plan.laneSums[index]
      kernels.reduceLanes(biasSums(index), gradient + operation.bias, operation.full.channels, 1)
      guard operation.sumsChannels else {
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

  // MARK: - Outputs

  /// Copies the last layer's input of each image of the chunk to rows of `featureCount` floats.
  package func copyFeatures(_ tape: Tape, to rows: UnsafeMutablePointer<Float>) {
    let index = plan.operations.count - 1
    copy(activation(index, tape), plan.activations[index], to: rows)
  }

  /// Copies the logits' tangents of each image of the chunk to rows of `classes` floats.
  package func copyLogitTangents(to rows: UnsafeMutablePointer<Float>) {
    let index = plan.operations.count
    copy(tangent(index), plan.activations[index], to: rows)
  }

  private func copy(_ x: UnsafePointer<Float>, _ layout: Layout, to rows: UnsafeMutablePointer<Float>) {
    let width = layout.shape.count
    for place in 0..<count {
      let first = x + place / groupSize * layout.group + place % groupSize
      for i in 0..<width { rows[place * width + i] = first[i * groupSize] }
    }
  }

  /// Squared norms of the gradients of each image of a loaded chunk of at most 16, after `loss`; a convolution's
  /// lane sums are per-image gradients, a linear layer's gradient has the norm ‖dy‖·‖(x, 1)‖.
  package func squaredGradientNorms(
    _ parameters: UnsafePointer<Float>, _ tape: Tape, scratch: UnsafeMutablePointer<Float>
  ) -> [Float] {
    precondition(groups == 1, "lane sums are per image for one group only")
    clearSums()
    backward(parameters, tape, gradient: scratch)
    var total = [Float](repeating: 0, count: groupSize)
    for (index, operation) in plan.operations.enumerated() {
      switch operation.kind {
      case .convolution:
        kernels.squareLanes(biasSums(index), &total, operation.full.channels)
        let sums = sumsBuffer.pointer + plan.laneSums[index]
        if operation.sumsChannels {
          squareImages(index, tape, sums, &total)
        } else {
          kernels.squareLanes(sums, &total, operation.weightCount)
        }
      case .linear:
        var dy = [Float](repeating: 0, count: groupSize)
        var x = [Float](repeating: 1, count: groupSize)
        kernels.squareLanes(adjoint(index + 1), &dy, operation.full.channels)
        kernels.squareLanes(activation(index, tape), &x, operation.input.count)
        for lane in 0..<groupSize { total[lane] += dy[lane] * x[lane] }
      }
    }
    return total
  }

  /// Adds the squared norms of a convolution's weight gradients, image by image.
  private func squareImages(
    _ index: Int, _ tape: Tape, _ sums: UnsafeMutablePointer<Float>, _ total: inout [Float]
  ) {
    let operation = plan.operations[index]
    let layout = plan.unpooled[index] ?? plan.adjoints[index + 1]
    var dy: UnsafePointer<Float> = UnsafePointer(adjoint(index + 1) + layout.origin)
    if let spread = plan.unpooled[index] {
      let full = unpooledBuffer.pointer + spread.offset + spread.origin
      unpool(
        index, adjoint(index + 1), tape.codes + plan.codes[index + 1], top: 0,
        rows: plan.adjoints[index + 1].shape.height, to: full)
      dy = UnsafePointer(full)
    }
    for lane in 0..<count {
      sums.update(repeating: 0, count: operation.weightCount)
      channelWeights(index, dy: dy, layout, x: activation(index, tape), sums: sums, images: lane..<lane + 1)
      for i in 0..<operation.weightCount { total[lane] += sums[i] * sums[i] }
    }
  }

  /// One step of SGD on a range of the parameters; false if a parameter became NaN or infinite.
  package func step(_ arguments: inout SGDStep) -> Bool { kernels.sgdStep(&arguments) == 0 }
}
