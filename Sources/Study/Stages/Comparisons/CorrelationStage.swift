// The stage `correlation`: how well predicted effects agree with actual ones, over groups of several kinds.

import Artifacts
import PipelineCore
import Statistics

/// Correlates predicted with actual effects.
public enum CorrelationStage: Stage {

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "correlation", version: 2,
    summary: "correlates predicted with actual effects of groups: slope, Pearson and Spearman with intervals",
    parameters: [TableReport.title],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["effect", "logistic-effect"], .many,
        "the effects by kind of group, as label: stage")
    ],
    datasets: CorrelationArtifact.datasets, attributes: CorrelationArtifact.attributes)

  /// A group, with its effects.
  private struct Point {
    var kind: String
    var share: Double
    var converged: Bool
    var effects: [EffectSplit: PredictedEffect<Double>]
  }

  /// Writes points and figures.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    let points = try inputs.map { input in
      // What it takes of both kinds of effects, they have in common.
      let file = try ArtifactReader<EffectArtifact>(input)
      return Point(
        kind: input.label, share: Double(try file.read(\.groupSize)) / Double(try file.read(\.poolSize)),
        converged: try file.read(\.facts.outcome.converged), effects: try file.read(\.effects))
    }
    var records: [CorrelationRecord] = []
    var places: [[Int]] = []
    for kind in distinctInOrder(points.map(\.kind)) {
      let rows = points.indices.filter { points[$0].kind == kind }
      for split in EffectSplit.allCases {
        records.append(try record(kind, split, rows.map { points[$0] }))
        places.append(rows)
      }
    }
    var artifact = try ArtifactWriter<CorrelationArtifact>(task)
    try artifact.write(\.points.rows, RowNames(inputs))
    try artifact.write(\.points.share, points.map(\.share))
    for split in EffectSplit.allCases { try artifact.write(\.points[split], columns(points, split)) }
    try artifact.write(\.records, records)
    try artifact.write(
      \.solves, try SolveRecords(inputs, labels: inputs.map(\.label), records: places))
    return try artifact.finish()
  }

  private static func columns(_ points: [Point], _ split: EffectSplit) -> PredictedEffect<[Double]> {
    PredictedEffect(
      predicted: points.map { $0.effects[split]?.predicted ?? .nan },
      actual: points.map { $0.effects[split]?.actual ?? .nan })
  }

  /// The figures of groups of one kind, for the loss on a split.
  private static func record(_ kind: String, _ split: EffectSplit, _ points: [Point]) throws
    -> CorrelationRecord
  {
    guard points.count >= 3 else {
      throw StageFailure("a correlation needs at least 3 groups; '\(kind)' has \(points.count)")
    }
    let effects = columns(points, split)
    let line = try RegressionLine(effects.predicted, effects.actual)
    var record = CorrelationRecord()
    record.kind = kind
    record.loss = split.rawValue
    record.groups = points.count
    record.notConverged = points.count { !$0.converged }
    record.slope = Interval(
      value: line.slope, lower: line.slope - line.slopeHalfWidth, upper: line.slope + line.slopeHalfWidth)
    record.pearson = Interval(try Correlation.pearson(effects.predicted, effects.actual))
    record.spearman = Interval(try Correlation.spearman(effects.predicted, effects.actual))
    record.meanPredicted = try Moments.mean(effects.predicted)
    record.meanActual = try Moments.mean(effects.actual)
    return record
  }
}
