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
  /// What `sampled-cg` takes for a preconditioner.
  let sample: CurvatureSample?
  let progress: ((InfluenceProgress) throws -> Void)?
  /// The residual to which a sample is solved each time: further costs more than it saves.
  private static let sampledTolerance = 0.3

  /// v ↦ H v, regulariser and damping included, of v's product with the bare curvature.
  func shifted(_ product: [Double], _ v: [Double]) -> [Double] {
    var result = product
    let shift = decay + options.damping
    for i in result.indices { result[i] += shift * v[i] }
    return result
  }

  /// The solution of H x = rhs among the unknowns; x has a place for every parameter, 0 where none may change.
  ///
  /// - Parameter budget: Curvature products to be spent to the last one; nil stops at the tolerance.
  /// - Throws: `InfluenceError.indefinite`, `NeuralNetError`, and what `progress` throws.
  func solve(_ rhs: [Double], for unknowns: Unknowns, budget: Int? = nil) throws -> InfluenceSolution {
    var solution = InfluenceSolution(x: [Double](repeating: 0, count: rhs.count))
    // Conjugate gradients on all parameters find the ends of the spectrum on their way.
    let needsEnds = options.solver.isSeries || options.curvature == .hessian || unknowns.places != nil
    if needsEnds { solution.curvature = try spectrum?.range ?? ends(&solution) }
    if options.curvature == .hessian, let least = solution.curvature?.lowerBound,
      least + options.damping <= 0, !unknowns.areLeastSquares
    {
      throw InfluenceError.indefinite(least: least, damping: options.damping)
    }
    switch options.solver {
    case .cg where unknowns.areLeastSquares: try leastSquares(rhs, unknowns, budget, &solution)
    case .cg, .sampledCG: try conjugate(rhs, unknowns, budget, &solution)
    case .neumann, .lissa: try series(rhs, unknowns, &solution)
    }
    return solution
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
    var made = 0
    var sampled = 0
    var range: ClosedRange<Double>?
    let shift = decay + options.damping
    let pairs = spectrum?.preconditioner(damping: options.damping, power: 1, places: unknowns.places)
    let preconditioner: (([Double]) throws -> [Double])? = sample.map { sample in
      { r in
        let inner = try conjugateGradient(
          rhs: r, damping: shift, tolerance: Self.sampledTolerance, maxIterations: options.maxIterations,
          preconditioner: pairs
        ) { v in
          sampled += 1
          return unknowns.chosen(of: try sample.product(unknowns.spread(v, over: rhs.count)))
        }
        if range == nil { range = inner.curvature }
        return inner.x
      }
    }
    let found = try conjugateGradient(
      rhs: unknowns.chosen(of: rhs), damping: shift,
      // A budget is spent to its end: the last product is the one that checks the residual.
      tolerance: budget == nil ? options.tolerance : .leastNormalMagnitude,
      maxIterations: budget.map { max(1, $0 - solution.products - 1) } ?? options.maxIterations,
      preconditioner: preconditioner ?? pairs, isFlexible: preconditioner != nil,
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
      return unknowns.chosen(of: try bare(unknowns.spread(v, over: rhs.count)))
    }
    solution.x = unknowns.spread(found.x, over: rhs.count)
    solution.iterations += found.iterations
    // A product over a sample counts as its share of one over all images.
    solution.products += made + Int((Double(sampled) * (sample?.share ?? 0)).rounded(.up))
    solution.residual = found.relativeResidual
    solution.converged = !found.negativeCurvature && found.relativeResidual <= options.tolerance
    solution.negativeCurvature = found.negativeCurvature
    if solution.curvature == nil, unknowns.places == nil {
      solution.curvature = (found.curvature ?? range).map { $0.lowerBound + decay...$0.upperBound + decay }
    }
  }

  /// Minimises ‖rhs − H[:, J] x‖ over the chosen places J; see `LeastSquaresIteration`.
  private func leastSquares(
    _ rhs: [Double], _ unknowns: Unknowns, _ budget: Int?, _ solution: inout InfluenceSolution
  ) throws {
    var made = 0
    func product(_ v: [Double]) throws -> [Double] {
      made += 1
      return try shifted(bare(v), v)
    }
    var iteration = try LeastSquaresIteration(
      rhs: rhs, tolerance: options.tolerance,
      forward: { try product(unknowns.spread($0, over: rhs.count)) },
      back: { unknowns.chosen(of: try product($0)) },
      preconditioner: spectrum?.preconditioner(damping: options.damping, power: 2, places: unknowns.places))
    let spent = solution.products + made
    // Two products an iteration, and two for the residual at the end.
    let most = budget.map { max(1, ($0 - spent - 2) / 2) } ?? options.maxIterations
    try iteration.run(maxIterations: most, isSpentToTheEnd: budget != nil) { iterations, residual in
      try progress?(
        InfluenceProgress(iteration: iterations, maxIterations: most, relativeResidual: residual))
    }
    solution.x = unknowns.spread(iteration.x, over: rhs.count)
    solution.iterations += iteration.iterations
    solution.products += made
    solution.residual = iteration.relativeResidual
    solution.converged = iteration.converged
    solution.misfit = iteration.misfit
  }

  // MARK: - Series

  /// A Neumann series with steps of 1/σ on H, or of 1/σ² on the normal equations of the least squares.
  private func series(_ rhs: [Double], _ unknowns: Unknowns, _ solution: inout InfluenceSolution) throws {
    let largest = (solution.curvature?.upperBound ?? 0) + options.damping
    let stochastic = options.solver == .lissa
    // A batch's largest eigenvalue is well above that of all images.
    let scale = options.seriesScale ?? max((stochastic ? 10 : 2) * largest, .leastNormalMagnitude)
    let squares = unknowns.areLeastSquares
    var made = 0
    func system(_ v: [Double], _ bare: ([Double]) throws -> [Double]) throws -> [Double] {
      made += 1
      return shifted(try bare(v), v)
    }
    let target = unknowns.chosen(of: squares ? try system(rhs, bare) : rhs)
    let found = try neumann(
      rhs: target.map { Float($0) }, damping: 0, step: squares ? 1 / (scale * scale) : 1 / scale,
      iterations: options.seriesTerms,
      progress: { iteration in
        try progress?(
          InfluenceProgress(iteration: iteration, maxIterations: options.seriesTerms, relativeResidual: nil))
      }
    ) { iteration, v in
      // The product after the last term is for the residual: over all curvature images, so that it is the true one.
      let curvature = !stochastic || iteration == options.seriesTerms ? bare : batch
      var product = try system(unknowns.spread(v.map(Double.init), over: rhs.count), curvature)
      if squares { product = try system(product, curvature) }
      return unknowns.chosen(of: product).map { Float($0) }
    }
    solution.x = unknowns.spread(found.x.map(Double.init), over: rhs.count)
    solution.iterations += options.seriesTerms
    solution.residual = found.relativeResidual
    solution.converged = found.relativeResidual <= options.tolerance
    solution.seriesScale = scale
    // J steps of size α leave directions with an eigenvalue well below 1/(αJ) uninverted; on the normal equations
    // that is the square of one of H.
    let terms = Double(options.seriesTerms)
    solution.truncation = squares ? scale / terms.squareRoot() : scale / terms
    solution.products += made
    // Measures the result and is no part of the solve.
    if squares { solution.misfit = relativeNorm(of: rhs, less: try system(solution.x, bare)) }
  }
}

/// ‖b − a‖ / ‖b‖; 0 for b = 0.
func relativeNorm(of b: [Double], less a: [Double]) -> Double {
  let r = zip(b, a).map { $0 - $1 }
  let size = dot(b, b)
  return size == 0 ? 0 : (dot(r, r) / size).squareRoot()
}
