// Conjugate gradients with float64 arithmetic, an honest residual and no illusions about negative curvature.

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
  /// space built. Nil if no product was made, or with a preconditioner, whose Krylov space is another.
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
///   - tolerance: Bound of the relative residual, in the 2-norm with a preconditioner too.
///   - preconditioner: r ↦ M⁻¹ r for a symmetric positive definite M that is near A + damping·I; none by default.
///   - isFlexible: Whether M may be another at each iteration, such as a solve that is cut short (flexible conjugate
///     gradients, Notay 2000): the next direction is then orthogonal to the last by the change of the residual.
///   - progress: Called after each iteration; what it throws ends the solution and is rethrown.
///   - product: v ↦ A v.
/// - Throws: `nonFiniteValue` naming the iteration; `invalidOption` for a preconditioner that is found not to be
///   positive definite; what the closures throw.
public func conjugateGradient(
  rhs: [Double], damping: Double = 0, tolerance: Double = 1e-6, maxIterations: Int = 1000,
  start: [Double]? = nil, preconditioner: (([Double]) throws -> [Double])? = nil, isFlexible: Bool = false,
  progress: ((SolverProgress) throws -> Void)? = nil, product: ([Double]) throws -> [Double]
) throws -> Solution<Double> {
  let solutions = try conjugateGradient(
    rhs: [rhs], damping: damping, tolerance: tolerance, maxIterations: maxIterations,
    start: start.map { [$0] }, preconditioner: preconditioner, isFlexible: isFlexible,
    progress: progress.map { report in { try report($1) } }
  ) { try $0.map(product) }
  return solutions[0]
}

/// Solves (A + damping·I) xⱼ = bⱼ for several right-hand sides, which share the products' pass over the data. Each
/// system has its own iteration and ends by itself; its solution is the one it would have alone.
///
/// - Parameters:
///   - rhs: The bⱼ.
///   - progress: Called after each iteration of each system with the system's number.
///   - products: Vectors ↦ A's product with each; the systems that still run ask, so there are fewer as they end.
/// - Throws: As the form for one right-hand side.
public func conjugateGradient(
  rhs: [[Double]], damping: Double = 0, tolerance: Double = 1e-6, maxIterations: Int = 1000,
  start: [[Double]]? = nil, preconditioner: (([Double]) throws -> [Double])? = nil, isFlexible: Bool = false,
  progress: ((_ system: Int, SolverProgress) throws -> Void)? = nil,
  products: ([[Double]]) throws -> [[Double]]
) throws -> [Solution<Double>] {
  precondition(start == nil || start?.count == rhs.count, "a first iterate for each right-hand side")
  return try withoutActuallyEscaping(preconditioner ?? { $0 }) { apply in
    var systems = try rhs.indices.map {
      try ConjugateGradientSystem(
        rhs: rhs[$0], damping: damping, tolerance: tolerance, maxIterations: maxIterations,
        start: start?[$0], preconditioner: preconditioner == nil ? nil : apply, isFlexible: isFlexible)
    }
    while true {
      let running = systems.indices.filter { systems[$0].request != nil }
      if running.isEmpty { return systems.map(\.solution) }
      let results = try products(running.compactMap { systems[$0].request })
      precondition(results.count == running.count, "a product for each vector")
      for (system, result) in zip(running, results) {
        if let report = try systems[system].receive(result) { try progress?(system, report) }
      }
    }
  }
}

/// Solves (A + damping·I) x = b for products in float32; the iteration itself runs in float64. See the float64
/// form.
public func conjugateGradient(
  rhs: [Float], damping: Double = 0, tolerance: Double = 1e-3, maxIterations: Int = 1000,
  start: [Float]? = nil, preconditioner: (([Double]) throws -> [Double])? = nil,
  progress: ((SolverProgress) throws -> Void)? = nil, product: ([Float]) throws -> [Float]
) throws -> Solution<Float> {
  let solution = try conjugateGradient(
    rhs: rhs.map(Double.init), damping: damping, tolerance: tolerance, maxIterations: maxIterations,
    start: start.map { $0.map(Double.init) }, preconditioner: preconditioner, progress: progress
  ) { v in try product(v.map { Float($0) }).map(Double.init) }
  return Solution(solution)
}

/// Several systems with products in float32; the iterations themselves run in float64. See the float64 form.
public func conjugateGradient(
  rhs: [[Float]], damping: Double = 0, tolerance: Double = 1e-3, maxIterations: Int = 1000,
  start: [[Float]]? = nil, preconditioner: (([Double]) throws -> [Double])? = nil,
  progress: ((_ system: Int, SolverProgress) throws -> Void)? = nil,
  products: ([[Float]]) throws -> [[Float]]
) throws -> [Solution<Float>] {
  let solutions = try conjugateGradient(
    rhs: rhs.map { $0.map(Double.init) }, damping: damping, tolerance: tolerance,
    maxIterations: maxIterations, start: start.map { $0.map { $0.map(Double.init) } },
    preconditioner: preconditioner, progress: progress
  ) { vectors in
    try products(vectors.map { $0.map { Float($0) } }).map { $0.map(Double.init) }
  }
  return solutions.map { Solution($0) }
}

extension Solution<Float> {
  fileprivate init(_ exact: Solution<Double>) {
    self.init(
      x: exact.x.map { Float($0) }, iterations: exact.iterations, relativeResidual: exact.relativeResidual,
      converged: exact.converged, negativeCurvature: exact.negativeCurvature, curvature: exact.curvature)
  }
}
