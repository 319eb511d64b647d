// The Neumann series for an inverse, and LiSSA, its stochastic form.

import Tensor

/// The outcome of a truncated Neumann series.
public struct NeumannSolution: Sendable {
  /// α Σ_{j<J} (I − α(A + damping·I))ʲ b.
  public let x: [Float]
  /// Terms summed, J.
  public let iterations: Int
  /// The damping in the system that the series converges to: for LiSSA's published form damping × scale.
  public let seriesDamping: Double
  /// The damping the result behaves as if it had: `seriesDamping` + 1/(αJ), because directions with curvature
  /// well below 1/(αJ) are not yet inverted. Of a series that starts at 0; along those directions one that starts
  /// elsewhere keeps what it starts with.
  public let effectiveDamping: Double
  /// ‖b − (A + seriesDamping·I) x‖ / ‖b‖ with the product of iteration J.
  public let relativeResidual: Double
}

/// Approximates (A + damping·I)⁻¹ b by J = `iterations` steps x ← x + α (b − (A + damping·I) x) from `start`.
///
/// Converges for 0 < α < 2/(λmax + damping). LiSSA (Agarwal, Bullins & Hazan 2017, as used by Koh & Liang 2017),
/// h ← b + (1 − d) h − H h / σ with result h/σ, is this with α = 1/σ and damping = d·σ: its damping and scale
/// multiply; `lissa` takes its options. The product may be of another batch in each iteration.
///
/// - Parameters:
///   - start: First iterate; zero by default. From the x of J₁ steps, J₂ steps more are those of one series of J₁ + J₂,
///     to rounding.
///   - product: (iteration, v) ↦ A v.
///   - progress: Called after each iteration; what it throws ends the series and is rethrown.
/// - Throws: `solverDiverged` naming the iteration when the iterate grows without bound; `invalidOption`.
public func neumann(
  rhs: [Float], damping: Double, step: Double, iterations: Int, start: [Float]? = nil,
  progress: ((_ iteration: Int) throws -> Void)? = nil,
  product: (_ iteration: Int, _ v: [Float]) throws -> [Float]
) throws -> NeumannSolution {
  guard step > 0, step.isFinite, damping >= 0, damping.isFinite, iterations >= 1 else {
    throw NeuralNetError.invalidOption(
      name: "neumann", reason: "needs a positive step, a damping of at least 0 and an iteration")
  }
  let n = rhs.count
  let b = rhs.map(Double.init)
  let size = dot(b, b).squareRoot()
  guard size.isFinite else { throw NeuralNetError.nonFiniteValue(what: "the right-hand side", iteration: 0) }
  precondition(start.map { $0.count == n } ?? true, "a start must be as long as the right-hand side")
  var x = start?.map(Double.init) ?? [Double](repeating: 0, count: n)
  func residual(_ iteration: Int) throws -> [Double] {
    let ax = try product(iteration, x.map { Float($0) })
    precondition(ax.count == n, "a product must be as long as its argument")
    return (0..<n).map { b[$0] - Double(ax[$0]) - damping * x[$0] }
  }
  for iteration in 0..<iterations {
    let r = iteration == 0 && start == nil ? b : try residual(iteration)
    let growth = dot(r, r).squareRoot()
    // A contraction's residual never grows; a stochastic one's may somewhat.
    guard growth.isFinite, growth <= 1e6 * max(size, .leastNormalMagnitude) else {
      throw NeuralNetError.solverDiverged(iteration: iteration)
    }
    for i in 0..<n { x[i] += step * r[i] }
    try progress?(iteration + 1)
  }
  let r = try residual(iterations)
  let relative = size == 0 ? 0 : dot(r, r).squareRoot() / size
  guard relative.isFinite else { throw NeuralNetError.solverDiverged(iteration: iterations) }
  return NeumannSolution(
    x: x.map { Float($0) }, iterations: iterations, seriesDamping: damping,
    effectiveDamping: damping + 1 / (step * Double(iterations)), relativeResidual: relative)
}

/// LiSSA with its published options: h ← b + (1 − damping) h − H h / scale, result h / scale, which solves
/// (H + damping·scale·I) x = b. See `neumann`.
public func lissa(
  rhs: [Float], damping: Double, scale: Double, iterations: Int, start: [Float]? = nil,
  progress: ((_ iteration: Int) throws -> Void)? = nil,
  product: (_ iteration: Int, _ v: [Float]) throws -> [Float]
) throws -> NeumannSolution {
  guard scale > 0 else { throw NeuralNetError.invalidOption(name: "scale", reason: "must be positive") }
  return try neumann(
    rhs: rhs, damping: damping * scale, step: 1 / scale, iterations: iterations, start: start,
    progress: progress, product: product)
}
