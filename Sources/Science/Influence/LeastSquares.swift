// Least squares on some parameters, by conjugate gradients on the normal equations.

import NeuralNet
import Tensor

/// An iteration that minimises ‖rhs − H[:, J] x‖ by conjugate gradients on the normal equations, with their
/// residual kept apart from the misfit's (CGLS; Björck, Numerical Methods for Least Squares Problems, 7.4.1): curvature along
/// a direction is a square here, never negative.
///
/// The normal equations' residual is small long before directions of little curvature are solved for, so the
/// iteration also goes on until the last steps have lowered ‖rhs − H x‖ by no more than the tolerance: with every
/// parameter selected that is the bound of the plain residual (Strakoš & Tichý 2002, the estimate of the error by
/// the steps that follow).
struct LeastSquares {
  private let product: ([Double]) throws -> [Double]
  private let precondition: ([Double]) -> [Double]
  private let rhs: [Double]
  private let places: [Int]
  /// ‖rhs − H x‖² below which a step's gain no longer matters.
  private let bar: Double

  /// At the places.
  private(set) var x: [Double]
  /// Products made.
  private(set) var products = 0
  /// Steps taken.
  private(set) var iterations = 0
  /// ‖Hᵀ rhs‖ at the places: the residual of the normal equations at the start.
  private(set) var target = 0.0
  /// Their residual's norm now.
  private(set) var size = 0.0
  /// rhs − H x.
  private var r: [Double]
  /// Hᵀ r at the places.
  private var s: [Double] = []
  /// M⁻¹ s.
  private var z: [Double] = []
  /// The direction of the next step.
  private var p: [Double] = []
  /// sᵀM⁻¹s.
  private var gamma = 0.0
  /// What each step lowered ‖rhs − H x‖² by.
  private var gains: [Double] = []

  /// Starts at zero.
  ///
  /// - Parameters:
  ///   - product: v ↦ H v for a v of all parameters, H symmetric.
  ///   - precondition: v ↦ M⁻¹ v at the places.
  init(
    _ rhs: [Double], at places: [Int], tolerance: Double, precondition: @escaping ([Double]) -> [Double],
    product: @escaping ([Double]) throws -> [Double]
  ) throws {
    self.product = product
    self.precondition = precondition
    self.rhs = rhs
    self.places = places
    bar = tolerance * tolerance * dot(rhs, rhs)
    x = [Double](repeating: 0, count: places.count)
    r = rhs
    s = try back(r)
    size = dot(s, s).squareRoot()
    target = size
    guard target.isFinite else { throw InfluenceError.notFinite(what: "the curvature product") }
    restart()
  }

  /// ‖rhs − H x‖ / ‖rhs‖.
  var misfit: Double {
    let given = dot(rhs, rhs)
    return given == 0 ? 0 : (dot(r, r) / given).squareRoot()
  }

  /// Whether the residual of the normal equations is zero.
  var isSolved: Bool { gamma == 0 }

  /// Whether the last steps gained no more than the tolerance.
  var isSettled: Bool {
    let recent = min(5, places.count)
    return gamma == 0 || gains.count >= recent && gains.suffix(recent).reduce(0, +) <= bar
  }

  /// Computes both residuals afresh: those of the recurrences drift from the true ones.
  mutating func refresh() throws {
    let hx = try forward(x)
    for i in r.indices { r[i] = rhs[i] - hx[i] }
    s = try back(r)
    size = dot(s, s).squareRoot()
  }

  /// Takes the direction of the present residual, as at the start.
  mutating func restart() {
    z = precondition(s)
    gamma = dot(s, z)
    p = z
  }

  /// Takes a step; false if there is no curvature along its direction, and none was taken.
  mutating func step() throws -> Bool {
    let q = try forward(p)
    iterations += 1
    let bend = dot(q, q)
    guard bend.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: iterations)
    }
    if bend == 0 { return false }
    let step = gamma / bend
    gains.append(step * gamma)
    for i in x.indices { x[i] += step * p[i] }
    for i in r.indices { r[i] -= step * q[i] }
    s = try back(r)
    size = dot(s, s).squareRoot()
    z = precondition(s)
    let next = dot(s, z)
    for i in p.indices { p[i] = z[i] + next / gamma * p[i] }
    gamma = next
    return true
  }

  private mutating func forward(_ x: [Double]) throws -> [Double] {
    products += 1
    return try product(x.scattered(to: places, count: rhs.count))
  }

  private mutating func back(_ r: [Double]) throws -> [Double] {
    products += 1
    return try product(r).gathered(at: places)
  }
}
