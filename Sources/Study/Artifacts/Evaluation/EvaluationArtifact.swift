// The artifact of the stage `evaluate`: the figures of a net on the splits of a study of removal.

/// The figures of an evaluation.
package struct EvaluationMetricFields: Field {
  package var lines: [LayoutLine] {
    SplitFigure.allCases.flatMap { figure in
      Family(Number<Double>("/metrics/SPLIT/\(figure.rawValue)", figure.summary)).lines
    } + EvaluationMetric.ofNoSplit.flatMap { self[$0.metric, $0.summary].lines }
  }

  /// One figure.
  package subscript(metric: EvaluationMetric) -> Number<Double> { self[metric, ""] }
  private subscript(metric: EvaluationMetric, summary: String) -> Number<Double> {
    Number("/metrics/\(metric.name)", summary)
  }

  /// Writes all figures.
  ///
  /// - Precondition: None is left out.
  package func write(_ values: [EvaluationMetric: Double], to sink: inout ArtifactSink) throws {
    for metric in EvaluationMetric.all {
      guard let value = values[metric] else { preconditionFailure("an evaluation lacks \(metric.name)") }
      try sink.write(self[metric], value)
    }
  }

  package func read(from source: borrowing ArtifactSource) throws -> [EvaluationMetric: Double] {
    var values: [EvaluationMetric: Double] = [:]
    for metric in EvaluationMetric.all { values[metric] = try source.read(self[metric]) }
    return values
  }
}

/// A net's evaluation.
package struct NetEvaluationFigures: Sendable, Equatable {
  /// All metrics.
  package var metrics: [EvaluationMetric: Double]
  /// Images in the group.
  package var groupSize: Int
  /// Images that the group was drawn from.
  package var poolSize: Int
  /// Retrained nets that the net was compared with.
  package var references: Int
  /// Of the solves behind the net.
  package var facts: SolveFacts

  package init(
    metrics: [EvaluationMetric: Double], groupSize: Int, poolSize: Int, references: Int, facts: SolveFacts
  ) {
    self.metrics = metrics
    self.groupSize = groupSize
    self.poolSize = poolSize
    self.references = references
    self.facts = facts
  }
}

/// The layout of an evaluation.
package struct EvaluationArtifact: ArtifactLayout, Field {
  package let metrics = EvaluationMetricFields()
  package let groupSize = Attribute<Int>("group_size", "images in the group")
  package let poolSize = Attribute<Int>("pool_size", "images that the group was drawn from")
  package let references = Attribute<Int>("references", "retrained nets that the net was compared with")
  package let facts = SolveFactFields()

  package init() {}

  package func write(_ figures: NetEvaluationFigures, to sink: inout ArtifactSink) throws {
    try sink.write(metrics, figures.metrics)
    try sink.write(groupSize, figures.groupSize)
    try sink.write(poolSize, figures.poolSize)
    try sink.write(references, figures.references)
    try sink.write(facts, figures.facts)
  }

  package func read(from source: borrowing ArtifactSource) throws -> NetEvaluationFigures {
    NetEvaluationFigures(
      metrics: try source.read(metrics), groupSize: try source.read(groupSize),
      poolSize: try source.read(poolSize), references: try source.read(references),
      facts: try source.read(facts))
  }
}
