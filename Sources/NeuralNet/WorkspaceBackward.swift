// A workspace's passes back through the net: gradients, and their change in a direction.

import CKernels
import Tensor

extension Workspace {
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
}
