// Least squares by conjugate gradients on the normal equations.

import NeuralNet
import Tensor

/// Minimises ‖b − A x‖ by conjugate gradients on the normal equations, with their residual kept apart from the
/// misfit's (CGLS; Björck, Numerical Methods for Least Squares Problems, 7.4.1): curvature along a direction is a
/// square here, never negative.
///
/// The normal equations' residual is small long before directions of little curvature are solved for, so the iteration
/// also goes on until the last steps have lowered ‖b − A x‖ by no more than the tolerance: with every parameter
/// selected that is the bound of the plain residual (Strakoš & Tichý 2002, the estimate of the error by the steps that
/// follow).
struct LeastSquaresIteration {
  typealias Map = ([Double]) throws -> [Double]

  private(set) var x: [Double]
  private(set) var iterations = 0
  private let rhs: [Double]
  private let tolerance: Double
  /// v ↦ A v.
  private let forward: Map
  /// r ↦ Aᵀ r.
  private let back: Map
  /// s ↦ M⁻¹ s for an M near AᵀA.
  private let precondition: ([Double]) -> [Double]
  /// b − A x and Aᵀ(b − A x), by the recurrence between replacements.
  private var r: [Double]
  private var s: [Double]
  /// ‖s‖, and at the start.
  private var size: Double
  private let target: Double
  private var direction: [Double]
  /// sᵀM⁻¹s.
  private var gamma: Double
  /// What each step lowered ‖b − A x‖² by.
  private var gains: [Double] = []
  /// The least ‖b − A x‖² so far, by the recurrence.
  private var least: Double

  /// What rounding may add to ‖b − A x‖², relative. With more, a solve that is at the floor of its products drifts away from
  /// it before it is noticed.
  private static let slack = 1e-12

  /// Starts at x = 0, which takes one product with Aᵀ.
  ///
  /// - Throws: `InfluenceError.notFinite`, and what the maps throw.
  init(
    rhs: [Double], tolerance: Double, forward: @escaping Map, back: @escaping Map,
    preconditioner: (([Double]) -> [Double])?
  ) throws {
    self.rhs = rhs
    self.tolerance = tolerance
    self.forward = forward
    self.back = back
    precondition = preconditioner ?? { $0 }
    r = rhs
    s = try back(rhs)
    x = [Double](repeating: 0, count: s.count)
    target = dot(s, s).squareRoot()
    guard target.isFinite else { throw InfluenceError.notFinite(what: "the curvature product") }
    size = target
    least = dot(rhs, rhs)
    direction = precondition(s)
    gamma = dot(s, direction)
  }

  /// ‖Aᵀ(b − A x)‖ / ‖Aᵀb‖; true after `run`.
  var relativeResidual: Double { target == 0 ? 0 : size / target }
  /// ‖b − A x‖ / ‖b‖; true after `run`.
  var misfit: Double {
    let given = dot(rhs, rhs)
    return given == 0 ? 0 : (dot(r, r) / given).squareRoot()
  }
  /// Whether both ends of the iteration are reached: the residual, and steps that no longer lower the misfit.
  var converged: Bool { relativeResidual <= tolerance && isSettled }

  private var isSettled: Bool {
    let recent = min(5, x.count)
    let bar = tolerance * tolerance * dot(rhs, rhs)
    return gamma == 0 || gains.count >= recent && gains.suffix(recent).reduce(0, +) <= bar
  }

  /// Iterates to the tolerance, or to the last iteration; the residual at the end is recomputed.
  ///
  /// - Parameters:
  ///   - isSpentToTheEnd: Whether all iterations are made whatever the residual.
  ///   - progress: Called after each iteration with the relative residual by the recurrence.
  /// - Throws: `nonFiniteValue` naming the iteration; what the maps and `progress` throw.
  mutating func run(
    maxIterations: Int, isSpentToTheEnd: Bool, progress: (_ iteration: Int, _ residual: Double) throws -> Void
  ) throws {
    let bound = isSpentToTheEnd ? 0 : tolerance * target
    var replaced = Double.infinity
    var isTakenBack = false
    while target > 0 {
      let ended = iterations >= maxIterations || gamma == 0
      if ended || isTakenBack || size <= bound && isSettled {
        try replaceResidual()
        if ended || size <= bound || size > 0.5 * replaced { return }
        replaced = size
        direction = precondition(s)
        gamma = dot(s, direction)
      }
      switch try step() {
      case .flat: return
      case .made: isTakenBack = false
      case .takenBack: isTakenBack = true
      }
      try progress(iterations, size / target)
    }
  }

  private mutating func replaceResidual() throws {
    let product = try forward(x)
    for i in r.indices { r[i] = rhs[i] - product[i] }
    s = try back(r)
    size = dot(s, s).squareRoot()
    least = dot(r, r)
  }

  private enum Step { case made, takenBack, flat }

  /// One step along the direction, unless A maps that to zero. Each step lowers ‖b − A x‖ but for rounding; one that raises
  /// it follows the noise of the products, and those after it would raise it without bound, so that it is taken back.
  private mutating func step() throws -> Step {
    let product = try forward(direction)
    iterations += 1
    let bend = dot(product, product)
    guard bend.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: iterations)
    }
    if bend == 0 { return .flat }
    let length = gamma / bend
    for i in x.indices { x[i] += length * direction[i] }
    for i in r.indices { r[i] -= length * product[i] }
    let left = dot(r, r)
    guard left <= least * (1 + Self.slack) else {
      for i in x.indices { x[i] -= length * direction[i] }
      return .takenBack
    }
    least = min(least, left)
    gains.append(length * gamma)
    s = try back(r)
    size = dot(s, s).squareRoot()
    let z = precondition(s)
    let next = dot(s, z)
    for i in direction.indices { direction[i] = z[i] + next / gamma * direction[i] }
    gamma = next
    return .made
  }
}
