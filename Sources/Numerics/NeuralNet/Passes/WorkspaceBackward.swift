// A workspace's passes back through the net: gradients, and their change in a direction.

import CKernels
import Tensor

extension Workspace {
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
    var layout = plan.adjoints[index + 1]
    var d = adjoint(index + 1) + pack * layout.pack + layout.origin
    var change = curved(index + 1) + pack * layout.pack + layout.origin
    let source = operation.source
    let from = plan.activations[source]
    let biasSums = biasSums(index)
    for channel in 0..<(operation.hasBias ? operation.full.channels : 0) {
      kernels.sumPixels(
        (direction == nil ? d : change) + channel * layout.channel, biasSums + channel * laneCount,
        layout.row, Int32(layout.shape.height), Int32(layout.shape.width))
    }
    if let spread = plan.spread[index] {
      let full = spreadBuffer.pointer + spread.offset + spread.origin
      self.spread(d, layout, to: full, spread)
      if direction != nil { self.spread(change, layout, to: full + spread.pack, spread) }
      (d, change, layout) = (full, full + spread.pack, spread)
    }
    convolutionWeights(
      index, tape, pack, dy: direction == nil ? d : change, layout,
      x: activation(source, tape) + pack * from.pack)
    if source == 0 { return }
    if direction != nil {
      convolutionWeights(index, tape, pack, dy: d, layout, x: tangent(source) + pack * from.pack)
    }
    propagateConvolution(index, tape, pack, parameters, direction, d, change, layout, adjointsKnown)
  }

  /// Copies an adjoint without margins into rows that have them.
  private func spread(
    _ d: UnsafePointer<Float>, _ bare: Layout, to full: UnsafeMutablePointer<Float>, _ spread: Layout
  ) {
    for line in 0..<bare.shape.channels * bare.shape.height {
      (full + line * spread.row).update(from: d + line * bare.row, count: bare.row)
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
      mask: activation(source, tape) + pack * under.pack + under.origin,
      code: operation.followsBranches ? branches(index, tape, pack) : nil, dx: adjoint(source) + target,
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
}
