// What an artifact says of solves, from the solves themselves.

import Artifacts
import Influence
import PipelineCore

extension Solve {
  /// One or several solves of a node: the worst residual, all iterations, the widest curvature.
  init(_ solves: [GroupInfluence], _ values: ParameterValues) {
    var outcome = SolveOutcome()
    outcome.damping = values[SolverParameters.damping]
    outcome.dampingImplied = solves.map(\.impliedDamping).max() ?? outcome.damping
    outcome.iterations = solves.reduce(0) { $0 + $1.iterations }
    outcome.products = solves.reduce(0) { $0 + $1.products }
    outcome.residual = solves.map(\.residual).max() ?? 0
    outcome.converged = solves.allSatisfy(\.converged)
    outcome.curvatureMin = solves.compactMap { $0.curvature?.lowerBound }.min() ?? .nan
    outcome.curvatureMax = solves.compactMap { $0.curvature?.upperBound }.max() ?? .nan
    outcome.gradientNorm = solves.compactMap(\.gradientNorm).first ?? .nan
    outcome.hessianImages = solves.map(\.hessianImages).max() ?? 0
    self.init(
      scheme: values[SolverParameters.scheme].rawValue,
      curvature: values[SolverParameters.curvature].rawValue,
      solver: values[SolverParameters.solver].rawValue,
      misfit: solves.compactMap(\.misfit).max() ?? .nan, outcome: outcome)
  }
}

extension SolveOutcome {
  /// The outcome of one solve.
  init(_ solve: GroupInfluence) {
    self.init()
    converged = solve.converged
    iterations = solve.iterations
    products = solve.products
    hessianImages = solve.hessianImages
    residual = solve.residual
    damping = solve.damping
    dampingImplied = solve.impliedDamping
    gradientNorm = solve.gradientNorm ?? .nan
    curvatureMin = solve.curvature?.lowerBound ?? .nan
    curvatureMax = solve.curvature?.upperBound ?? .nan
  }
}

extension LossEffect<Double> {
  /// The change of a loss; NaN where there was no image.
  init(_ change: LossChange?) {
    self =
      change.map {
        LossEffect(firstOrder: $0.firstOrder, secondOrder: $0.secondOrder, actual: $0.actual)
      } ?? .none
  }
}
