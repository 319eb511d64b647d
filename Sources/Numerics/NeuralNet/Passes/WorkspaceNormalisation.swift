// A workspace's passes through batch normalisation and average pooling.

import CKernels
import Tensor

/// Batch normalisation's constants: PyTorch's defaults.
package enum BatchNormalisation {
  /// Added to the variance.
  package static let epsilon: Float = 1e-5
  /// Weight of a batch in the running statistics.
  package static let momentum: Float = 0.1
}

extension Workspace {
  /// Sets the statistics to the net's running ones, as in evaluation.
  func useRunningStatistics() {
    for operation in plan.operations {
      guard case .batchNorm(let first) = operation.kind else { continue }
      let channels = operation.full.channels
      for c in 0..<channels {
        statistics.pointer[first + c] = network.buffers[first + c]
        let variance = network.buffers[first + channels + c]
        statistics.pointer[first + channels + c] = 1 / (variance + BatchNormalisation.epsilon).squareRoot()
      }
    }
  }

  /// A batch normalisation's means and inverse deviations.
  private func centre(_ operation: Operation) -> (mean: UnsafePointer<Float>, inverse: UnsafePointer<Float>) {
    guard case .batchNorm(let first) = operation.kind else { preconditionFailure("no batch normalisation") }
    let mean = UnsafePointer(statistics.pointer + first)
    return (mean, mean + operation.full.channels)
  }

  /// y = max(0, γ (x − mean)/√(variance + ε) + β + addend), ReLU and addend where the operation has them.
  func normalise(_ index: Int, _ parameters: UnsafePointer<Float>, _ tape: Tape) {
    let operation = plan.operations[index]
    let channels = operation.full.channels
    let (mean, inverse) = centre(operation)
    let scale = coefficients.pointer
    let shift = scale + channels
    for c in 0..<channels {
      scale[c] = parameters[operation.weight + c] * inverse[c]
      shift[c] = parameters[operation.bias + c] - mean[c] * scale[c]
    }
    apply(
      index, epilogue: operation.relu ? KERNEL_RELU : KERNEL_PLAIN, first: activation(operation.source, tape),
      second: nil, addend: operation.addend.map { activation($0, tape) }, mask: activation(index + 1, tape),
      output: activation(index + 1, tape))
  }

  /// The change of `normalise`'s output for a change of γ, β, x and addend, with fixed statistics.
  func tangentNormalise(
    _ index: Int, _ parameters: UnsafePointer<Float>, _ direction: UnsafePointer<Float>, _ tape: Tape
  ) {
    let operation = plan.operations[index]
    let channels = operation.full.channels
    let (mean, inverse) = centre(operation)
    let scale = coefficients.pointer
    let shift = scale + channels
    let change = shift + channels
    for c in 0..<channels {
      scale[c] = parameters[operation.weight + c] * inverse[c]
      change[c] = direction[operation.weight + c] * inverse[c]
      shift[c] = direction[operation.bias + c] - mean[c] * change[c]
    }
    apply(
      index, epilogue: operation.relu ? KERNEL_MASK : KERNEL_PLAIN, first: tangent(operation.source),
      second: activation(operation.source, tape), addend: operation.addend.map { tangent($0) },
      mask: activation(index + 1, tape), output: tangent(index + 1))
  }

  /// The kernel with `coefficients`: scale of `first`, shift, scale of `second`.
  private func apply(
    _ index: Int, epilogue: some BinaryInteger, first: UnsafePointer<Float>, second: UnsafePointer<Float>?,
    addend: UnsafePointer<Float>?, mask: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let channels = operation.full.channels
    let from = plan.activations[operation.source]
    let to = plan.activations[index + 1]
    let beside = plan.activations[operation.addend ?? 0]
    for pack in 0..<packs {
      let x = pack * from.pack + from.origin
      let y = pack * to.pack + to.origin
      var arguments = NormForward(
        x0: first + x, x1: second.map { $0 + x }, scale0: coefficients.pointer,
        scale1: coefficients.pointer + 2 * channels, shift: coefficients.pointer + channels,
        addend: addend.map { $0 + pack * beside.pack + beside.origin }, mask: mask + y, y: output + y,
        xRow: from.row, xChannel: from.channel, addendRow: beside.row, addendChannel: beside.channel,
        yRow: to.row, yChannel: to.channel, channels: Int32(channels), height: Int32(operation.full.height),
        width: Int32(operation.full.width), epilogue: Int32(epilogue))
      kernels.normForward(&arguments)
    }
  }

  /// Mean and sum of squared deviations of each channel of activation `index` over a pack's images and pixels.
  func moments(
    _ index: Int, pack: Int, _ tape: Tape, mean: UnsafeMutablePointer<Double>,
    squares: UnsafeMutablePointer<Double>
  ) {
    let layout = plan.activations[index]
    var arguments = Moments(
      x: activation(index, tape) + pack * layout.pack + layout.origin, mean: mean, squares: squares,
      xRow: layout.row, xChannel: layout.channel, channels: Int32(layout.shape.channels),
      height: Int32(layout.shape.height), width: Int32(layout.shape.width), count: Int32(images(of: pack)))
    kernels.moments(&arguments)
  }

  /// Images in a pack of the chunk at hand.
  func images(of pack: Int) -> Int { min(laneCount, count - pack * laneCount) }

  // MARK: - Backward

  /// Adds one pack's lane sums of γ's and β's gradients for an adjoint of the output; `isChange`: x is a
  /// change of the input, whose mean is not taken off.
  func sumNormalisation(
    _ index: Int, pack: Int, _ tape: Tape, adjoint d: UnsafePointer<Float>, x: UnsafePointer<Float>,
    isChange: Bool = false, weightSums: UnsafeMutablePointer<Float>,
    biasSums: UnsafeMutablePointer<Float>?
  ) {
    let operation = plan.operations[index]
    let (mean, inverse) = centre(operation)
    let above = plan.adjoints[index + 1]
    let from = plan.activations[operation.source]
    let to = plan.activations[index + 1]
    let none = coefficients.pointer
    if isChange { none.update(repeating: 0, count: operation.full.channels) }
    var arguments = NormSums(
      d: d + pack * above.pack + above.origin, x: x + pack * from.pack + from.origin,
      mask: operation.relu ? activation(index + 1, tape) + pack * to.pack + to.origin : nil,
      centre: isChange ? UnsafePointer(none) : mean, inverse: inverse, weightSums: weightSums,
      biasSums: biasSums, dRow: above.row, dChannel: above.channel, xRow: from.row, xChannel: from.channel,
      maskRow: to.row, maskChannel: to.channel, channels: Int32(operation.full.channels),
      height: Int32(operation.full.height), width: Int32(operation.full.width))
    kernels.normSums(&arguments)
  }

  /// Coefficients of the adjoint that goes back through a batch normalisation: with d' the output's adjoint where
  /// ReLU is on, dx = p·d' + q·second + r.
  struct BackwardCoefficients {
    var p: UnsafePointer<Float>
    var q: UnsafePointer<Float>?
    var r: UnsafePointer<Float>?
  }

  /// What stands in for `second`.
  enum BackwardSecond {
    case none
    /// Another adjoint of the output, zeroed where ReLU is off.
    case adjoint(UnsafePointer<Float>)
    /// The input.
    case input
  }

  /// Takes an adjoint of the output back to those of the source and the addend.
  func propagateNormalisation(
    _ index: Int, _ tape: Tape, adjoint d: UnsafePointer<Float>, second: BackwardSecond,
    _ factors: BackwardCoefficients, source: UnsafeMutablePointer<Float>, addend: UnsafeMutablePointer<Float>?
  ) {
    let operation = plan.operations[index]
    let above = plan.adjoints[index + 1]
    let from = plan.activations[operation.source]
    let to = plan.activations[index + 1]
    let below = plan.adjoints[operation.source]
    let beside = plan.adjoints[operation.addend ?? 0]
    for pack in 0..<packs {
      let at = pack * above.pack + above.origin
      var d1: UnsafePointer<Float>?
      var x: UnsafePointer<Float>?
      switch second {
      case .none: break
      case .adjoint(let other): d1 = other + at
      case .input: x = UnsafePointer(activation(operation.source, tape) + pack * from.pack + from.origin)
      }
      var arguments = NormBackward(
        d0: d + at, d1: d1, x: x,
        mask: operation.relu ? activation(index + 1, tape) + pack * to.pack + to.origin : nil,
        p: factors.p, q: factors.q, r: factors.r, dx: source + pack * below.pack + below.origin,
        da: addend.map { $0 + pack * beside.pack + beside.origin }, dRow: above.row,
        dChannel: above.channel, xRow: from.row, xChannel: from.channel, maskRow: to.row,
        maskChannel: to.channel, dxRow: below.row, dxChannel: below.channel, daRow: beside.row,
        daChannel: beside.channel, channels: Int32(operation.full.channels),
        height: Int32(operation.full.height), width: Int32(operation.full.width),
        count: Int32(images(of: pack)), adds: plan.addsToAddend[index] ? 1 : 0)
      kernels.normBackward(&arguments)
    }
  }

  /// Back through a batch normalisation with fixed statistics; with a direction the adjoint's change too.
  func backwardNormalisation(
    _ index: Int, _ parameters: UnsafePointer<Float>, _ tape: Tape, _ direction: UnsafePointer<Float>?
  ) {
    let operation = plan.operations[index]
    let channels = operation.full.channels
    let (_, inverse) = centre(operation)
    let x = activation(operation.source, tape)
    let d = adjoint(index + 1)
    let weightSums = self.sums + plan.laneSums[index]
    for pack in 0..<packs {
      sumNormalisation(
        index, pack: pack, tape, adjoint: direction == nil ? d : curved(index + 1), x: x,
        weightSums: weightSums, biasSums: biasSums(index))
      if direction != nil {
        sumNormalisation(
          index, pack: pack, tape, adjoint: d, x: tangent(operation.source), isChange: true,
          weightSums: weightSums, biasSums: nil)
      }
    }
    let scale = coefficients.pointer
    let change = scale + channels
    for c in 0..<channels { scale[c] = parameters[operation.weight + c] * inverse[c] }
    if let direction {
      for c in 0..<channels { change[c] = direction[operation.weight + c] * inverse[c] }
      propagateNormalisation(
        index, tape, adjoint: curved(index + 1), second: .adjoint(d),
        BackwardCoefficients(p: scale, q: change), source: curved(operation.source),
        addend: operation.addend.map { curved($0) })
    }
    propagateNormalisation(
      index, tape, adjoint: d, second: .none, BackwardCoefficients(p: scale),
      source: adjoint(operation.source), addend: operation.addend.map { adjoint($0) })
  }

  // MARK: - Average pooling

  func average(_ index: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
    let from = plan.activations[plan.operations[index].source]
    let to = plan.activations[index + 1]
    for pack in 0..<packs {
      kernels.averagePool(
        x + pack * from.pack + from.origin, y + pack * to.pack, from.row, from.channel,
        Int32(from.shape.channels), Int32(from.shape.height), Int32(from.shape.width))
    }
  }

  func spreadAverage(_ index: Int, _ d: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>) {
    let above = plan.adjoints[index + 1]
    let below = plan.adjoints[plan.operations[index].source]
    for pack in 0..<packs {
      kernels.averageSpread(
        d + pack * above.pack, dx + pack * below.pack + below.origin, below.row, below.channel,
        Int32(below.shape.channels), Int32(below.shape.height), Int32(below.shape.width))
    }
  }
}
