// What is carried from the solves behind a net to its evaluation and on to a table.

import PipelineCore

/// How far the change moves if other images give the curvature.
package struct CurvatureComparison: Sendable, Equatable {
  /// Curvature images of the other solve.
  package var images: Int
  /// ‖Δ - Δ'‖ / ‖Δ'‖ for the Δ' of that solve.
  package var moved: Double

  package init(images: Int, moved: Double) {
    self.images = images
    self.moved = moved
  }
}

/// The fields of a comparison, which are there only if it was asked for.
package struct ComparisonFields: FieldGroup, Field {
  package let images = Maybe(
    Attribute<Int>("compared_images", "as of the influence behind the net; absent without such a comparison"))
  package let moved = Maybe(Attribute<Double>("moved", "the same"))

  package func write(_ comparison: CurvatureComparison?, to sink: inout ArtifactSink) throws {
    try sink.write(images, comparison?.images)
    try sink.write(moved, comparison?.moved)
  }

  package func read(from source: borrowing ArtifactSource) throws -> CurvatureComparison? {
    guard let images = try source.read(images), images > 0 else { return nil }
    return CurvatureComparison(images: images, moved: try source.read(moved) ?? .nan)
  }
}

/// Facts of the solves behind a net.
package struct SolveFacts: Sendable, Equatable {
  package var outcome = SolveOutcome()
  /// The change of the removed images' mean loss; the mean over the steps by the images of each, every step
  /// predicted at the parameters that it starts from. NaN for a net that no solve stands behind.
  package var change = LossEffect<Double>.none
  package var comparison: CurvatureComparison?

  /// The facts of a net that no solve stands behind.
  package init() {}

  /// The facts that the artifact of a net or of an influence gives.
  package init(behind input: TaskInput) throws {
    let file = try ArtifactReader<SolvedArtifact>(input)
    outcome = try file.find(\.outcome) ?? SolveOutcome()
    comparison = try file.read(\.comparison)
    if let single = try file.find(\.groupLoss) {
      change = single
    } else if let steps = try file.find(\.stepGroupLoss) {
      let sizes = try file.read(\.stepSize).map(Double.init)
      func mean(_ values: [Double]) -> Double {
        // A step that removed nothing has no loss to change.
        let parts = zip(values, sizes).filter { $0.1 > 0 }
        return parts.reduce(0) { $0 + $1.0 * $1.1 } / parts.reduce(0) { $0 + $1.1 }
      }
      change = LossEffect(
        firstOrder: mean(steps.firstOrder), secondOrder: mean(steps.secondOrder), actual: mean(steps.actual))
    }
  }
}

/// What may be found of solves in the artifact of a net or of an influence.
private struct SolvedArtifact: ArtifactLayout {
  let outcome = OutcomeFields()
  let comparison = ComparisonFields()
  let groupLoss = InfluenceArtifact().groupLoss
  let stepGroupLoss = StepFields().groupLoss
  let stepSize = StepFields().size
}

/// The facts as attributes of an evaluation.
package struct SolveFactFields: FieldGroup, Field {
  package let outcome = OutcomeFields()
  package let predictedChange = Attribute<Double>(
    "predicted_change", "change of the removed images' mean loss by the steps, to first order; NaN if none")
  package let predictedChangeSecondOrder = Attribute<Double>(
    "predicted_change_second_order", "the same to second order")
  package let actualChange = Attribute<Double>("actual_change", "the same as it was")
  package let comparison: ComparisonFields?

  /// - Parameter isCompared: Whether a solve may have been compared with one of other curvature images.
  package init(isCompared: Bool = true) { comparison = isCompared ? ComparisonFields() : nil }

  package func write(_ facts: SolveFacts, to sink: inout ArtifactSink) throws {
    try sink.write(outcome, facts.outcome)
    try sink.write(predictedChange, facts.change.firstOrder)
    try sink.write(predictedChangeSecondOrder, facts.change.secondOrder)
    try sink.write(actualChange, facts.change.actual)
    if let comparison { try sink.write(comparison, facts.comparison) }
  }

  package func read(from source: borrowing ArtifactSource) throws -> SolveFacts {
    var facts = SolveFacts()
    facts.outcome = try source.read(outcome)
    facts.change = LossEffect(
      firstOrder: try source.read(predictedChange), secondOrder: try source.read(predictedChangeSecondOrder),
      actual: try source.read(actualChange))
    if let comparison { facts.comparison = try source.read(comparison) }
    return facts
  }
}
