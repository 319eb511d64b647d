// What is to be known of a solve to trust it: fields that influences and unlearned nets share.

/// How a solve came out, or several: the worst residual, all iterations, the widest curvature.
package struct SolveOutcome: Sendable, Equatable {
  package var converged = true
  package var iterations = 0
  package var products = 0
  package var hessianImages = 0
  package var residual = Double.nan
  package var damping = Double.nan
  package var dampingImplied = Double.nan
  package var gradientNorm = Double.nan
  package var curvatureMin = Double.nan
  package var curvatureMax = Double.nan

  /// The outcome where nothing was solved.
  package init() {}
}

/// The fields of an outcome.
package struct OutcomeFields: FieldGroup, Field {
  package let converged = Attribute<Bool>(
    "converged", "1 if the residual is within the tolerance, or if there was no solve")
  package let iterations = Attribute<Int>("iterations", "solver iterations; 0 without a solve")
  package let products = Attribute<Int>(
    "products", "curvature products, with those for eigenvalues and true residuals; 0 without a solve")
  package let hessianImages = Attribute<Int>(
    "hessian_images", "images that the curvature was a mean over; 0 without a solve")
  package let residual = Attribute<Double>(
    "residual",
    "‖b - (H + damping) x‖ / ‖b‖, recomputed by a fresh product at the end; gif: of the normal equations")
  package let damping = Attribute<Double>("damping", "as the parameter")
  package let dampingImplied = Attribute<Double>(
    "damping_implied", "the damping with what a series' truncation adds")
  package let gradientNorm = Attribute<Double>(
    "gradient_norm", "‖mean gradient + λθ‖ over the training images at the net's parameters")
  package let curvatureMin = Attribute<Double>(
    "curvature_min", "estimate of H's least eigenvalue, from inside (Lanczos)")
  package let curvatureMax = Attribute<Double>(
    "curvature_max", "estimate of H's largest eigenvalue, from inside (Lanczos)")

  package func write(_ outcome: SolveOutcome, to sink: inout ArtifactSink) throws {
    try sink.write(converged, outcome.converged)
    try sink.write(iterations, outcome.iterations)
    try sink.write(products, outcome.products)
    try sink.write(hessianImages, outcome.hessianImages)
    try sink.write(residual, outcome.residual)
    try sink.write(damping, outcome.damping)
    try sink.write(dampingImplied, outcome.dampingImplied)
    try sink.write(gradientNorm, outcome.gradientNorm)
    try sink.write(curvatureMin, outcome.curvatureMin)
    try sink.write(curvatureMax, outcome.curvatureMax)
  }

  package func read(from source: borrowing ArtifactSource) throws -> SolveOutcome {
    var outcome = SolveOutcome()
    outcome.converged = try source.read(converged)
    outcome.iterations = try source.read(iterations)
    outcome.products = try source.read(products)
    outcome.hessianImages = try source.read(hessianImages)
    outcome.residual = try source.read(residual)
    outcome.damping = try source.read(damping)
    outcome.dampingImplied = try source.read(dampingImplied)
    outcome.gradientNorm = try source.read(gradientNorm)
    outcome.curvatureMin = try source.read(curvatureMin)
    outcome.curvatureMax = try source.read(curvatureMax)
    return outcome
  }
}

/// A solve with what was asked of it.
package struct Solve: Sendable, Equatable {
  package var scheme: String
  package var curvature: String
  package var solver: String
  /// gif: the part of the right side that no change of the selected parameters meets, relative; else NaN.
  package var misfit: Double
  package var outcome: SolveOutcome

  package init(scheme: String, curvature: String, solver: String, misfit: Double, outcome: SolveOutcome) {
    self.scheme = scheme
    self.curvature = curvature
    self.solver = solver
    self.misfit = misfit
    self.outcome = outcome
  }
}

/// The fields of a solve.
package struct SolveFields: FieldGroup, Field {
  package let scheme = Attribute<String>("scheme", "as the parameter")
  package let curvature = Attribute<String>("curvature", "as the parameter")
  package let solver = Attribute<String>("solver", "as the parameter")
  package let outcome = OutcomeFields()
  package let misfit = Attribute<Double>(
    "misfit", "gif: ‖b - (H + damping) x‖ / ‖b‖, the part that no change of these parameters meets")

  package func write(_ solve: Solve, to sink: inout ArtifactSink) throws {
    try sink.write(scheme, solve.scheme)
    try sink.write(curvature, solve.curvature)
    try sink.write(solver, solve.solver)
    try sink.write(outcome.damping, solve.outcome.damping)
    try sink.write(outcome.dampingImplied, solve.outcome.dampingImplied)
    try sink.write(outcome.iterations, solve.outcome.iterations)
    try sink.write(outcome.products, solve.outcome.products)
    try sink.write(outcome.residual, solve.outcome.residual)
    try sink.write(misfit, solve.misfit)
    try sink.write(outcome.converged, solve.outcome.converged)
    try sink.write(outcome.curvatureMin, solve.outcome.curvatureMin)
    try sink.write(outcome.curvatureMax, solve.outcome.curvatureMax)
    try sink.write(outcome.gradientNorm, solve.outcome.gradientNorm)
    try sink.write(outcome.hessianImages, solve.outcome.hessianImages)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Solve {
    Solve(
      scheme: try source.read(scheme), curvature: try source.read(curvature),
      solver: try source.read(solver), misfit: try source.read(misfit), outcome: try source.read(outcome))
  }

  package init() {}
}

/// How a mean loss changes by a change of parameters Δ: gᵀΔ, gᵀΔ + ½ΔᵀHΔ, and as measured.
package struct LossEffect<Figure> {
  package var firstOrder: Figure
  package var secondOrder: Figure
  package var actual: Figure

  package init(firstOrder: Figure, secondOrder: Figure, actual: Figure) {
    self.firstOrder = firstOrder
    self.secondOrder = secondOrder
    self.actual = actual
  }
}

extension LossEffect: Sendable where Figure: Sendable {}
extension LossEffect: Equatable where Figure: Equatable {}

extension LossEffect<Double> {
  /// Where no loss changed, since there was no image.
  package static var none: Self { Self(firstOrder: .nan, secondOrder: .nan, actual: .nan) }
}

extension LossEffect<[Double]> {
  /// Several changes as columns.
  package init(_ effects: [LossEffect<Double>]) {
    self.init(
      firstOrder: effects.map(\.firstOrder), secondOrder: effects.map(\.secondOrder),
      actual: effects.map(\.actual))
  }

  /// The changes one by one.
  package var single: [LossEffect<Double>] {
    actual.indices.map {
      LossEffect<Double>(firstOrder: firstOrder[$0], secondOrder: secondOrder[$0], actual: actual[$0])
    }
  }
}

/// The fields of a change of loss, of one step or of several.
package struct LossEffectFields<Figure: DatasetField>: FieldGroup, Field {
  package let firstOrder: Figure
  package let secondOrder: Figure
  package let actual: Figure

  package func write(_ effect: LossEffect<Figure.Value>, to sink: inout ArtifactSink) throws {
    try sink.write(firstOrder, effect.firstOrder)
    try sink.write(secondOrder, effect.secondOrder)
    try sink.write(actual, effect.actual)
  }

  package func read(from source: borrowing ArtifactSource) throws -> LossEffect<Figure.Value> {
    LossEffect(
      firstOrder: try source.read(firstOrder), secondOrder: try source.read(secondOrder),
      actual: try source.read(actual))
  }
}

extension LossEffectFields<Number<Double>> {
  /// Of one step, over some images.
  init(_ folder: String, over images: String) {
    firstOrder = Number("\(folder)/first_order", "change of the mean loss over \(images), predicted as gᵀΔ")
    secondOrder = Number("\(folder)/second_order", "the same as gᵀΔ + ½ΔᵀHΔ")
    actual = Number("\(folder)/actual", "the same as measured")
  }
}

extension LossEffectFields<List<Double>> {
  /// Of each step, over some images.
  init(_ folder: String, over images: String) {
    firstOrder = List(
      "\(folder)/first_order", "k",
      "change of the mean loss over \(images), predicted as gᵀΔ; NaN without one")
    secondOrder = List("\(folder)/second_order", "k", "the same as gᵀΔ + ½ΔᵀHΔ")
    actual = List("\(folder)/actual", "k", "the same as measured")
  }
}
