// Conjugate gradients with float64 arithmetic, an honest residual and no illusions about negative curvature.

import Tensor

/// The outcome of an iterative solution of (A + damping·I) x = b.
public struct Solution<Scalar: Sendable>: Sendable {
  /// The approximate solution; with negative curvature the iterate before it was met, not to be used as a step.
  public let x: [Scalar]
  /// Products made in the iteration, without those that compute true residuals.
  public let iterations: Int
  /// ‖b − (A + damping·I) x‖ / ‖b‖, recomputed at the end with a fresh product; 0 if b is 0.
  public let relativeResidual: Double
  /// Whether `relativeResidual` is within the tolerance asked for.
  public let converged: Bool
  /// Whether a direction p with pᵀ(A + damping·I)p ≤ 0 was met, which ends the iteration.
  public let negativeCurvature: Bool
  /// Estimates of A's extreme eigenvalues (damping taken off) from inside: the extreme Ritz values of the Krylov
  /// space built. Nil if no product was made.
  public let curvature: ClosedRange<Double>?
}

/// One iteration of a solver.
public struct SolverProgress: Sendable {
  /// Iterations done.
  public let iteration: Int
  /// The most iterations allowed.
  public let maxIterations: Int
  /// ‖residual‖ / ‖b‖ by the recurrence.
  public let relativeResidual: Double
}

/// Solves (A + damping·I) x = b for a symmetric A given by its product, by conjugate gradients (Hestenes &
/// Stiefel 1952).
///
/// When the residual of the recurrence reaches the tolerance it is replaced by the true one, and the iteration
/// goes on until that is within the tolerance or no longer halves between replacements.
///
/// - Parameters:
///   - rhs: b.
///   - start: First iterate; zero by default.
///   - preconditioner: r ↦ M⁻¹ r for a symmetric positive definite M near A + damping·I; the residual and its
///     bound stay those of the system itself.
///   - tolerance: Bound of the relative residual.
///   - progress: Called after each iteration; what it throws ends the solution and is rethrown.
///   - product: v ↦ A v.
/// - Throws: `nonFiniteValue` naming the iteration, and what `product` and `progress` throw.
public func conjugateGradient(
  rhs: [Double], damping: Double = 0, tolerance: Double = 1e-6, maxIterations: Int = 1000,
  start: [Double]? = nil, preconditioner: (([Double]) -> [Double])? = nil,
  progress: ((SolverProgress) throws -> Void)? = nil, product: ([Double]) throws -> [Double]
) throws -> Solution<Double> {
  let n = rhs.count
  let target = dot(rhs, rhs).squareRoot()
  guard target.isFinite else {
    throw NeuralNetError.nonFiniteValue(what: "the right-hand side", iteration: 0)
  }
  var x = start ?? [Double](repeating: 0, count: n)
  precondition(x.count == n, "the first iterate must be as long as the right-hand side")
  if target == 0 {
    return Solution(
      x: [Double](repeating: 0, count: n), iterations: 0, relativeResidual: 0, converged: true,
      negativeCurvature: false, curvature: nil)
  }

  func damped(_ v: [Double]) throws -> [Double] {
    var result = try product(v)
    precondition(result.count == n, "a product must be as long as its argument")
    for i in 0..<n { result[i] += damping * v[i] }
    return result
  }
  func trueResidual() throws -> [Double] {
    var r = try damped(x)
    for i in 0..<n { r[i] = rhs[i] - r[i] }
    return r
  }

  var r = start == nil ? rhs : try trueResidual()
  var rr = dot(r, r)
  var z = preconditioner?(r) ?? r
  // rᵀM⁻¹r, which is rᵀr without a preconditioner.
  var rz = preconditioner == nil ? rr : dot(r, z)
  var p = z
  var iterations = 0
  var negative = false
  var replaced = Double.infinity
  var exact = start != nil
  // Coefficients of the first Krylov space only: a replacement starts another one.
  var steps: [Double] = []
  var ratios: [Double] = []
  var recording = preconditioner == nil
  while true {
    if rr.squareRoot() <= tolerance * target {
      if !exact {
        r = try trueResidual()
        rr = dot(r, r)
        exact = true
        recording = false
        let residual = rr.squareRoot()
        if residual <= tolerance * target || residual > 0.5 * replaced { break }
        replaced = residual
        z = preconditioner?(r) ?? r
        rz = preconditioner == nil ? rr : dot(r, z)
        p = z
        continue
      }
      break
    }
    if iterations >= maxIterations { break }
    let ap = try damped(p)
    iterations += 1
    let curvature = dot(p, ap)
    guard curvature.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: iterations)
    }
    let step = rz / curvature
    if recording { steps.append(curvature / rz) }
    if curvature <= 0 {
      negative = true
      break
    }
    for i in 0..<n {
      x[i] += step * p[i]
      r[i] -= step * ap[i]
    }
    rr = dot(r, r)
    if let preconditioner { z = preconditioner(r) } else { z = r }
    let next = preconditioner == nil ? rr : dot(r, z)
    let ratio = next / rz
    if recording { ratios.append(ratio) }
    for i in 0..<n { p[i] = z[i] + ratio * p[i] }
    rz = next
    exact = false
    try progress?(
      SolverProgress(
        iteration: iterations, maxIterations: maxIterations, relativeResidual: rr.squareRoot() / target))
  }
  if !exact { r = try trueResidual() }
  let relative = dot(r, r).squareRoot() / target
  var curvature: ClosedRange<Double>?
  if !steps.isEmpty {
    // CG's coefficients are the Lanczos matrix's (Golub & Van Loan, Matrix Computations, 4th ed., 11.3).
    let diagonal = steps.indices.map { steps[$0] + ($0 > 0 ? ratios[$0 - 1] * steps[$0 - 1] : 0) }
    let beside = steps.indices.dropLast().map { ratios[$0].squareRoot() * steps[$0] }
    let ends = tridiagonalEnds(diagonal: diagonal, offDiagonal: beside)
    curvature = ends.low.value - damping...ends.high.value - damping
  }
  return Solution(
    x: x, iterations: iterations, relativeResidual: relative, converged: !negative && relative <= tolerance,
    negativeCurvature: negative, curvature: curvature)
}

/// Solves (A + damping·I) x = b for products in float32; the iteration itself runs in float64. See the float64
/// form.
public func conjugateGradient(
  rhs: [Float], damping: Double = 0, tolerance: Double = 1e-3, maxIterations: Int = 1000,
  start: [Float]? = nil, progress: ((SolverProgress) throws -> Void)? = nil,
  product: ([Float]) throws -> [Float]
) throws -> Solution<Float> {
  let solution = try conjugateGradient(
    rhs: rhs.map(Double.init), damping: damping, tolerance: tolerance, maxIterations: maxIterations,
    start: start.map { $0.map(Double.init) }, progress: progress
  ) { v in try product(v.map { Float($0) }).map(Double.init) }
  return Solution(
    x: solution.x.map { Float($0) }, iterations: solution.iterations,
    relativeResidual: solution.relativeResidual, converged: solution.converged,
    negativeCurvature: solution.negativeCurvature, curvature: solution.curvature)
}
