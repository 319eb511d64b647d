// The artifact of the stage `correlation`: predicted effects beside actual ones, by kind of group.

/// The groups as points: what was predicted of each, and what came.
package struct PointFields: FieldGroup {
  package let rows = RowNameFields(in: "/points", label: "kind", "r")
  package let share = List<Double>(
    "/points/share", "r", "images removed over images that they were drawn from")
  package let group = PredictionColumns("/points/group", "r", "of each group, on the removed images")
  package let test = PredictionColumns("/points/test", "r", "of each group, on the test images")

  /// The effects on a split.
  package subscript(split: EffectSplit) -> PredictionColumns { split == .group ? group : test }
}

/// Predicted figures beside actual ones, as columns.
package struct PredictionColumns: FieldGroup, Field {
  package let predicted: List<Double>
  package let actual: List<Double>

  init(_ folder: String, _ rows: String, _ of: String) {
    predicted = List("\(folder)/predicted", rows, "predicted effect \(of)")
    actual = List("\(folder)/actual", rows, "actual effect \(of)")
  }

  package func write(_ columns: PredictedEffect<[Double]>, to sink: inout ArtifactSink) throws {
    try sink.write(actual, columns.actual)
    try sink.write(predicted, columns.predicted)
  }

  package func read(from source: borrowing ArtifactSource) throws -> PredictedEffect<[Double]> {
    PredictedEffect(predicted: try source.read(predicted), actual: try source.read(actual))
  }
}

/// A figure of each record with the ends of its 95 % interval, as columns.
package struct IntervalColumns: FieldGroup, Field {
  package let value: List<Double>
  package let lower: List<Double>
  package let upper: List<Double>

  init(_ folder: String, _ rows: String, _ summary: String) {
    value = List("\(folder)/value", rows, summary)
    lower = List("\(folder)/lower", rows, "the lower end of its 95 % interval")
    upper = List("\(folder)/upper", rows, "the upper end of its 95 % interval")
  }

  package func write(_ intervals: [Interval], to sink: inout ArtifactSink) throws {
    try sink.write(lower, intervals.map(\.lower))
    try sink.write(upper, intervals.map(\.upper))
    try sink.write(value, intervals.map(\.value))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [Interval] {
    let (lower, upper) = (try source.read(lower), try source.read(upper))
    return try source.read(value).enumerated().map { row, value in
      Interval(value: value, lower: lower[row], upper: upper[row])
    }
  }
}

/// A record: the groups of one kind, and one loss.
package struct CorrelationRecord: Sendable, Equatable {
  package var kind = ""
  /// The loss whose change is predicted.
  package var loss = ""
  package var groups = 0
  package var notConverged = 0
  package var meanActual = Double.nan
  package var meanPredicted = Double.nan
  package var pearson = Interval(value: .nan, lower: .nan, upper: .nan)
  package var slope = Interval(value: .nan, lower: .nan, upper: .nan)
  package var spearman = Interval(value: .nan, lower: .nan, upper: .nan)

  package init() {}
}

/// The records, as columns.
package struct CorrelationColumns: FieldGroup, Field {
  package let kind = List<String>("/kind", "k", "the kind of groups")
  package let loss = List<String>("/loss", "k", "the loss whose change is predicted: group or test")
  package let groups = List<Int>("/groups", "k", "groups")
  package let notConverged = List<Int>("/not_converged", "k", "groups behind which a solve failed")
  package let mean = PredictionColumns("/mean", "k", "as mean over the groups")
  package let pearson = IntervalColumns("/pearson", "k", "Pearson's r of predicted and actual effect")
  package let slope = IntervalColumns(
    "/slope", "k", "least-squares slope of actual on predicted; above 1: effects are underestimated")
  package let spearman = IntervalColumns("/spearman", "k", "Spearman's ρ of predicted and actual effect")

  package func write(_ records: [CorrelationRecord], to sink: inout ArtifactSink) throws {
    try sink.write(kind, records.map(\.kind))
    try sink.write(loss, records.map(\.loss))
    try sink.write(groups, records.map(\.groups))
    try sink.write(notConverged, records.map(\.notConverged))
    try sink.write(
      mean, PredictedEffect(predicted: records.map(\.meanPredicted), actual: records.map(\.meanActual)))
    try sink.write(pearson, records.map(\.pearson))
    try sink.write(slope, records.map(\.slope))
    try sink.write(spearman, records.map(\.spearman))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [CorrelationRecord] {
    let kinds = try source.read(kind)
    var records = [CorrelationRecord](repeating: CorrelationRecord(), count: kinds.count)
    let means = try source.read(mean)
    records.fill(kinds, \.kind)
    records.fill(try source.read(loss), \.loss)
    records.fill(try source.read(groups), \.groups)
    records.fill(try source.read(notConverged), \.notConverged)
    records.fill(means.predicted, \.meanPredicted)
    records.fill(means.actual, \.meanActual)
    records.fill(try source.read(pearson), \.pearson)
    records.fill(try source.read(slope), \.slope)
    records.fill(try source.read(spearman), \.spearman)
    return records
  }

  package init() {}
}

/// The layout of correlations.
package struct CorrelationArtifact: ArtifactLayout {
  package let points = PointFields()
  package let records = CorrelationColumns()
  package let solves = SolveRecordFields()

  package init() {}
}
