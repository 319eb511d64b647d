// Linear systems of influence: on all parameters or on some, by conjugate gradients or by a series.

import NeuralNet
import Tensor

/// One iteration of a solve.
public struct InfluenceProgress: Sendable {
  /// Iterations done.
  public let iteration: Int
  /// The most iterations.
  public let maxIterations: Int
  /// The relative residual by the recurrence; nil for a series, which has none before its end.
  public let relativeResidual: Double?
}

/// The damped curvature H at a point, as a linear system to be solved for several right-hand sides.
struct InfluenceSystem {
  /// Which parameters may change.
  enum Unknowns {
    /// All.
    case all
    /// Those at the places; the others are held still (the submatrix H_JJ).
    case frozen([Int])
    /// Those at the places, in the least-squares sense of all equations (the columns H[:, J]).
    case leastSquares([Int])

    /// Where the parameters stand that may change; nil for all.
    var places: [Int]? {
      switch self {
      case .all: nil
      case .frozen(let places), .leastSquares(let places): places
      }
    }
    var isLeastSquares: Bool {
      if case .leastSquares = self { true } else { false }
    }
  }

  let options: InfluenceOptions
  /// The regulariser's coefficient in the system.
  let decay: Double
  /// v ↦ mean curvature · v over the curvature images, without the regulariser.
  let bare: ([Double]) throws -> [Double]
  /// The same over a small batch that is drawn anew at each call.
  let batch: ([Double]) throws -> [Double]
  /// Draws the first vector of eigenvalue estimates.
  let stream: RandomStream
  /// Eigenpairs of a curvature near this one, for a preconditioner; none without.
  let spectrum: CurvatureSpectrum?
  let progress: ((InfluenceProgress) throws -> Void)?

  /// v ↦ H v, regulariser and damping included.
  func product(_ v: [Double]) throws -> [Double] { try shifted(bare(v), v) }

  private func shifted(_ product: [Double], _ v: [Double]) -> [Double] {
    var result = product
    let shift = decay + options.damping
    for i in result.indices { result[i] += shift * v[i] }
    return result
  }

  /// The solution of H x = rhs among the unknowns; x has a place for every parameter, 0 where none may change.
  ///
  /// - Throws: `InfluenceError.indefinite`, `NeuralNetError`, and what `progress` throws.
  func solve(_ rhs: [Double], for unknowns: Unknowns, budget: Int? = nil) throws -> InfluenceSolution {
    var counted = InfluenceSolution(x: [Double](repeating: 0, count: rhs.count))
    // Conjugate gradients on all parameters find the ends of the spectrum on their way.
    var needsEnds = options.solver != .cg || options.curvature == .hessian
    if unknowns.places != nil { needsEnds = true }
    if needsEnds { counted.curvature = try spectrum?.range ?? ends(&counted) }
    if options.curvature == .hessian, let least = counted.curvature?.lowerBound, least + options.damping <= 0,
      !unknowns.isLeastSquares
    {
      throw InfluenceError.indefinite(least: least, damping: options.damping)
    }
    switch options.solver {
    case .cg: try conjugate(rhs, unknowns, budget, &counted)
    case .neumann, .lissa: try series(rhs, unknowns, &counted)
    }
    return counted
  }

  /// The ends of the spectrum, weight decay included and damping not, by a short Lanczos iteration.
  private func ends(_ solution: inout InfluenceSolution) throws -> ClosedRange<Double> {
    let found = try lanczos(
      dimension: solution.x.count, stream: stream.substream("lanczos"), tolerance: 1e-2, maxIterations: 20
    ) { try bare($0) }
    solution.products += found.iterations
    return found.smallest + decay...found.largest + decay
  }

  // MARK: - Conjugate gradients

  private func conjugate(
    _ rhs: [Double], _ unknowns: Unknowns, _ budget: Int?, _ solution: inout InfluenceSolution
  ) throws {
    if case .leastSquares(let places) = unknowns { return try leastSquares(rhs, places, budget, &solution) }
    let places = unknowns.places
    var made = 0
    let found = try conjugateGradient(
      rhs: places.map { rhs.gathered(at: $0) } ?? rhs, damping: decay + options.damping,
      // A budget is spent to its end: the last product is the one that checks the residual.
      tolerance: budget == nil ? options.tolerance : .leastNormalMagnitude,
      maxIterations: budget.map { max(1, $0 - solution.products - 1) } ?? options.maxIterations,
      preconditioner: spectrum?.preconditioner(damping: options.damping, power: 1, places: places),
      progress: progress.map { report in
        {
          try report(
            InfluenceProgress(
              iteration: $0.iteration, maxIterations: $0.maxIterations, relativeResidual: $0.relativeResidual)
          )
        }
      }
    ) { v in
      made += 1
      guard let places else { return try bare(v) }
      return try bare(v.scattered(to: places, count: rhs.count)).gathered(at: places)
    }
    solution.x = places.map { found.x.scattered(to: $0, count: rhs.count) } ?? found.x
    solution.iterations += found.iterations
    solution.products += made
    solution.residual = found.relativeResidual
    solution.converged = !found.negativeCurvature && found.relativeResidual <= options.tolerance
    solution.negativeCurvature = found.negativeCurvature
    if solution.curvature == nil, places == nil {
      solution.curvature = found.curvature.map { $0.lowerBound + decay...$0.upperBound + decay }
    }
  }

  private func leastSquares(
    _ rhs: [Double], _ places: [Int], _ budget: Int?, _ solution: inout InfluenceSolution
  ) throws {
    let before = solution.products
    var state = try LeastSquares(
      rhs, at: places, tolerance: options.tolerance,
      precondition: spectrum?.preconditioner(damping: options.damping, power: 2, places: places) ?? { $0 },
      product: product)
    // A step is two products, and so is the last look at the residual; the first one was made before `most` is set.
    let most = budget.map { max(1, ($0 - before - state.products - 2) / 2) } ?? options.maxIterations
    let bound = budget == nil ? options.tolerance * state.target : 0
    var replaced = Double.infinity
    while state.target > 0 {
      let ended = state.iterations >= most || state.isSolved
      if ended || state.size <= bound && state.isSettled {
        try state.refresh()
        if ended || state.size <= bound || state.size > 0.5 * replaced { break }
        replaced = state.size
        state.restart()
      }
      guard try state.step() else { break }
      try progress?(
        InfluenceProgress(
          iteration: state.iterations, maxIterations: most, relativeResidual: state.size / state.target))
    }
    solution.x = state.x.scattered(to: places, count: rhs.count)
    solution.iterations += state.iterations
    solution.products += state.products
    solution.residual = state.target == 0 ? 0 : state.size / state.target
    solution.converged = solution.residual <= options.tolerance && state.isSettled
    solution.misfit = state.misfit
  }

  // MARK: - Series

  /// A Neumann series with steps of 1/σ on H, or of 1/σ² on the normal equations of the least squares.
  private func series(_ rhs: [Double], _ unknowns: Unknowns, _ solution: inout InfluenceSolution) throws {
    let largest = (solution.curvature?.upperBound ?? 0) + options.damping
    let stochastic = options.solver == .lissa
    // A batch's largest eigenvalue is well above that of all images.
    let scale = options.seriesScale ?? max((stochastic ? 10 : 2) * largest, .leastNormalMagnitude)
    let count = rhs.count
    var made = 0
    func system(_ v: [Double], _ bare: ([Double]) throws -> [Double]) throws -> [Double] {
      made += 1
      return shifted(try bare(v), v)
    }
    let (places, squares) = (unknowns.places, unknowns.isLeastSquares)
    func apply(_ v: [Double], _ bare: ([Double]) throws -> [Double]) throws -> [Double] {
      guard let places else { return try system(v, bare) }
      let once = try system(v.scattered(to: places, count: count), bare)
      return try (squares ? system(once, bare) : once).gathered(at: places)
    }
    var target = squares ? try system(rhs, bare) : rhs
    if let places { target = target.gathered(at: places) }
    let found = try neumann(
      rhs: target.map { Float($0) }, damping: 0, step: squares ? 1 / (scale * scale) : 1 / scale,
      iterations: options.seriesTerms,
      progress: { iteration in
        try progress?(
          InfluenceProgress(iteration: iteration, maxIterations: options.seriesTerms, relativeResidual: nil))
      }
    ) { iteration, v in
      // The product after the last term is for the residual: over all curvature images, so that it is the true one.
      let all = !stochastic || iteration == options.seriesTerms
      return try apply(v.map(Double.init), all ? bare : batch).map { Float($0) }
    }
    let x = found.x.map(Double.init)
    solution.x = places.map { x.scattered(to: $0, count: count) } ?? x
    solution.iterations += options.seriesTerms
    solution.products += made
    solution.residual = found.relativeResidual
    solution.converged = found.relativeResidual <= options.tolerance
    solution.seriesScale = scale
    // J steps of size α leave directions with an eigenvalue well below 1/(αJ) uninverted; on the normal equations
    // that is the square of one of H.
    let terms = Double(options.seriesTerms)
    solution.truncation = squares ? scale / terms.squareRoot() : scale / terms
    if squares {
      let hx = try system(solution.x, bare)
      let r = zip(rhs, hx).map { $0 - $1 }
      let size = dot(rhs, rhs)
      solution.misfit = size == 0 ? 0 : (dot(r, r) / size).squareRoot()
    }
  }
}

/// The outcome of one or two solves of an `InfluenceSystem`.
struct InfluenceSolution {
  /// One number a parameter.
  var x: [Double]
  var iterations = 0
  /// Curvature products, those for eigenvalues and true residuals included.
  var products = 0
  /// True and relative; for least squares that of the normal equations.
  var residual = 0.0
  var converged = true
  var negativeCurvature = false
  /// The least squares' ‖rhs − H x‖ / ‖rhs‖.
  var misfit: Double?
  /// Estimates of the ends of the spectrum, weight decay included and damping not.
  var curvature: ClosedRange<Double>?
  /// What the truncation of a series adds to the damping.
  var truncation = 0.0
  /// σ of a series.
  var seriesScale: Double?
}

extension [Double] {
  /// The numbers at some places.
  func gathered(at places: [Int]) -> [Double] { places.map { self[$0] } }

  /// `count` numbers: these at their places, 0 elsewhere.
  func scattered(to places: [Int], count: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    for (value, place) in zip(self, places) { result[place] = value }
    return result
  }
}
