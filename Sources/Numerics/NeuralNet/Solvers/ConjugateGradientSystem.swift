// One system's conjugate gradients as a machine that asks for products, so that several can share each pass.

import Tensor

/// The iteration for (A + damping·I) x = b: it asks for A's product with `request` until `request` is nil.
struct ConjugateGradientSystem {
  private enum Phase { case starting, iterating, replacing, finishing }

  /// The vector whose product is wanted next; nil at the end.
  private(set) var request: [Double]?
  private let rhs: [Double]
  private let target: Double
  private let damping: Double
  private let tolerance: Double
  private let maxIterations: Int
  private let preconditioner: (([Double]) throws -> [Double])?
  private let isFlexible: Bool
  private var phase = Phase.starting
  private var x: [Double]
  private var r: [Double]
  private var p: [Double] = []
  private var rr = 0.0
  /// rᵀM⁻¹r.
  private var rz = 0.0
  private var iterations = 0
  private var negative = false
  private var replaced = Double.infinity
  /// Whether r is the true residual of x.
  private var exact = false
  /// Coefficients of the first Krylov space only: a replacement starts another one.
  private var steps: [Double] = []
  private var ratios: [Double] = []
  private var recording = true

  init(
    rhs: [Double], damping: Double, tolerance: Double, maxIterations: Int, start: [Double]?,
    preconditioner: (([Double]) throws -> [Double])?, isFlexible: Bool
  ) throws {
    self.rhs = rhs
    self.damping = damping
    self.tolerance = tolerance
    self.maxIterations = maxIterations
    self.preconditioner = preconditioner
    self.isFlexible = isFlexible
    target = dot(rhs, rhs).squareRoot()
    guard target.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the right-hand side", iteration: 0)
    }
    x = start ?? [Double](repeating: 0, count: rhs.count)
    precondition(x.count == rhs.count, "the first iterate must be as long as the right-hand side")
    r = rhs
    if target == 0 {
      x = [Double](repeating: 0, count: rhs.count)
      exact = true
    } else if start != nil {
      request = x
    } else {
      try begin()
    }
  }

  /// Takes the product with `request` and decides on the next. Returns a report after an iteration.
  mutating func receive(_ product: [Double]) throws -> SolverProgress? {
    precondition(product.count == rhs.count, "a product must be as long as its argument")
    switch phase {
    case .starting:
      setTrueResidual(product)
      try begin()
    case .iterating: return try iterate(product)
    case .replacing:
      setTrueResidual(product)
      recording = false
      let residual = rr.squareRoot()
      if residual <= tolerance * target || residual > 0.5 * replaced {
        request = nil
        return nil
      }
      replaced = residual
      try begin()
    case .finishing:
      setTrueResidual(product)
      request = nil
    }
    return nil
  }

  var solution: Solution<Double> {
    let relative = target == 0 ? 0 : dot(r, r).squareRoot() / target
    var curvature: ClosedRange<Double>?
    if !steps.isEmpty && preconditioner == nil {
      // CG's coefficients are the Lanczos matrix's (Golub & Van Loan, Matrix Computations, 4th ed., 11.3).
      let diagonal = steps.indices.map { steps[$0] + ($0 > 0 ? ratios[$0 - 1] * steps[$0 - 1] : 0) }
      let beside = steps.indices.dropLast().map { ratios[$0].squareRoot() * steps[$0] }
      let ends = tridiagonalEnds(diagonal: diagonal, offDiagonal: beside)
      curvature = ends.low.value - damping...ends.high.value - damping
    }
    return Solution(
      x: x, iterations: iterations, relativeResidual: relative,
      converged: !negative && relative <= tolerance, negativeCurvature: negative, curvature: curvature)
  }

  // MARK: - Steps

  private mutating func setTrueResidual(_ product: [Double]) {
    for i in r.indices { r[i] = rhs[i] - (product[i] + damping * x[i]) }
    rr = dot(r, r)
    exact = true
  }

  /// Starts a Krylov space at the residual at hand.
  private mutating func begin() throws {
    rr = dot(r, r)
    p = try conditioned()
    rz = try overlap(p)
    try proceed()
  }

  /// M⁻¹ r.
  private func conditioned() throws -> [Double] {
    guard let preconditioner else { return r }
    let z = try preconditioner(r)
    precondition(z.count == r.count, "a preconditioner's result must be as long as its argument")
    return z
  }

  private func overlap(_ z: [Double]) throws -> Double {
    guard preconditioner != nil else { return rr }
    let overlap = dot(r, z)
    guard overlap.isFinite, overlap > 0 || rr == 0 else {
      throw NeuralNetError.invalidOption(
        name: "preconditioner", reason: "is not positive definite: rᵀM⁻¹r is \(overlap)")
    }
    return overlap
  }

  /// Asks for the product that the state needs next.
  private mutating func proceed() throws {
    if rr.squareRoot() <= tolerance * target {
      phase = .replacing
      request = exact ? nil : x
    } else if iterations >= maxIterations {
      finish()
    } else {
      phase = .iterating
      request = p
    }
  }

  private mutating func finish() {
    phase = .finishing
    request = exact ? nil : x
  }

  private mutating func iterate(_ product: [Double]) throws -> SolverProgress? {
    var ap = product
    for i in ap.indices { ap[i] += damping * p[i] }
    iterations += 1
    let curvature = dot(p, ap)
    guard curvature.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: iterations)
    }
    if recording { steps.append(curvature / rz) }
    if curvature <= 0 {
      negative = true
      finish()
      return nil
    }
    let step = rz / curvature
    let last = isFlexible ? r : []
    for i in x.indices {
      x[i] += step * p[i]
      r[i] -= step * ap[i]
    }
    rr = dot(r, r)
    let z = try conditioned()
    let next = try overlap(z)
    // Polak and Ribière's form: the same where M is, as z is then orthogonal to the last residual.
    let ratio = (next - (isFlexible ? dot(z, last) : 0)) / rz
    if recording { ratios.append(ratio) }
    for i in p.indices { p[i] = z[i] + ratio * p[i] }
    rz = next
    exact = false
    let report = SolverProgress(
      iteration: iterations, maxIterations: maxIterations, relativeResidual: rr.squareRoot() / target)
    try proceed()
    return report
  }
}
