// The artifact of the stage `table`: evaluations as the rows of one long table.

import PipelineCore

/// What a row of a table is: its label and its axis values, as columns.
package struct RowNames: Sendable, Equatable {
  /// The label of each row.
  package var labels: [String]
  /// By axis the value of each row as text; empty for a row without that axis.
  package var axes: [String: [String]]

  package init(labels: [String], axes: [String: [String]]) {
    self.labels = labels
    self.axes = axes
  }

  /// The names of rows of which each has axis values of its own.
  package init(labels: [String], axes rows: [[String: String]]) {
    let names = Set(rows.flatMap(\.keys))
    self.init(
      labels: labels,
      axes: Dictionary(uniqueKeysWithValues: names.map { axis in (axis, rows.map { $0[axis] ?? "" }) }))
  }

  /// The names of some inputs.
  package init(_ inputs: [TaskInput]) {
    self.init(labels: inputs.map(\.label), axes: inputs.map(\.axisTexts))
  }
}

extension TaskInput {
  /// The values of its axes as text.
  package var axisTexts: [String: String] {
    Dictionary(axes.map { ($0.axis, $0.value.plainText) }) { first, _ in first }
  }
}

/// The fields of the names of rows.
package struct RowNameFields: FieldGroup, Field {
  package let labels: List<String>
  package let axes: Family<List<String>>

  /// Names in a folder (empty: the root), whose number is called `rows`.
  package init(in folder: String, label: String, _ rows: String) {
    labels = List("\(folder)/\(label)", rows, "the label of each row")
    axes = Family(List("\(folder)/axes/AXIS", rows, "its axis values, as text"))
  }

  package func write(_ names: RowNames, to sink: inout ArtifactSink) throws {
    try sink.write(labels, names.labels)
    try sink.write(axes, names.axes)
  }

  package func read(from source: borrowing ArtifactSource) throws -> RowNames {
    RowNames(labels: try source.read(labels), axes: try source.read(axes))
  }
}

/// The layout of a table.
package struct TableArtifact: ArtifactLayout {
  package let rows = RowNameFields(in: "", label: "scheme", "r")
  package let metrics = MetricColumns()
  package let groupSize = List<Int>("/group_size", "r", "images removed")
  package let poolSize = List<Int>("/pool_size", "r", "images that they were drawn from")
  package let references = List<Int>("/references", "r", "retrained nets that the row was compared with")
  package let facts = SolveColumns(in: "", "r")

  package init() {}
}

extension Double {
  /// What stands in a column for a row that has no such figure: a NaN with the mark by which R tells its NA from other
  /// NaNs (1954, R Internals, 1.1.2). A figure that is NaN itself is kept apart by it, since it must not leave a mean unseen.
  package static let missing = Double(nan: 1954, signaling: false)
  /// Whether it is `missing`.
  package var isMissing: Bool { bitPattern == Double.missing.bitPattern }
}

/// The columns of a table, by the figures of the evaluations.
package struct MetricColumns: FieldGroup, Field {
  private let columns = Family(
    List<Double>(
      "/metrics/GROUP/METRIC", "r",
      "all metrics of the evaluations, by their paths; of commands /metrics/NAME, a NaN of payload 1954 (R's NA) where a row has none"
    ))

  /// One column.
  package subscript(metric: EvaluationMetric) -> List<Double> { columns[metric.name] }

  /// Writes the columns by their names.
  package func write(_ values: [EvaluationMetric: [Double]], to sink: inout ArtifactSink) throws {
    for (metric, column) in values.sorted(by: { $0.key.name < $1.key.name }) {
      try sink.write(self[metric], column)
    }
  }

  /// Reads the columns that the table has: one of an older version has fewer.
  package func read(from source: borrowing ArtifactSource) throws -> [EvaluationMetric: [Double]] {
    var values: [EvaluationMetric: [Double]] = [:]
    for metric in EvaluationMetric.all { values[metric] = try source.read(Maybe(self[metric])) }
    for metric in try columns.members(in: source).map({ EvaluationMetric.own($0.name) }) where metric.isOwn {
      values[metric] = try source.read(self[metric])
    }
    return values
  }
}
