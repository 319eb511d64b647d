// The stage `table`: gathers evaluations over their axes into one long table.

import HDF5
import PipelineCore

/// Gathers evaluations.
public enum TableStage: Stage {
  static let columns = Parameter("columns", .string, default: "size", "the axis that goes across")
  static let over = Parameter("over", .string, default: "repeat", "the axis that means are taken over")
  static let order = Parameter(
    "order", .list(.string), default: [], "labels of the rows in the order in which they are shown")
  static let down = Parameter(
    "down", .list(.string), default: ["scheme"],
    "the axes that go down, outermost first; scheme stands for the labels of the rows")
  static let metrics = Parameter(
    "metrics", .list(.string), default: ["group", "test"],
    "the figures shown: a split (\(EvaluationMetrics.splits.joined(separator: ", "))) for its accuracy and loss; "
      + "SPLIT. and one of loss, accuracy, gap, accuracy_gap (less retraining), gap_spread, accuracy_gap_spread "
      + "(in standard deviations of retraining from seed to seed); distance, kl, changed, mia_auc, f1, relearning"
  )

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "table", version: 5, summary: "gathers evaluations into one table, a row an evaluation",
    parameters: [TableReport.title, columns, over, order, down, metrics],
    inputs: [
      InputDeclaration("rows", accepts: ["evaluate"], .many, "the evaluations by scheme, as label: stage")
    ],
    datasets: [
      LayoutDeclaration("/scheme", "string [r]", "the label of each row"),
      LayoutDeclaration("/axes/AXIS", "string [r]", "its axis values, as text"),
      LayoutDeclaration("/metrics/GROUP/METRIC", "f64 [r]", "all metrics of the evaluation, by its paths"),
      LayoutDeclaration("/group_size", "i64 [r]", "images removed"),
      LayoutDeclaration("/pool_size", "i64 [r]", "images that they were drawn from"),
    ] + TrustFacts.datasets(),
    check: { EvaluationMetrics.problem($0[metrics]) })

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    var columns: [String: [Double]] = [:]
    var groupSizes: [Int64] = []
    var poolSizes: [Int64] = []
    for input in inputs {
      let file = try FileReader(at: input.path)
      for path in EvaluationMetrics.paths { columns[path, default: []].append(try file.readScalar(path)) }
      groupSizes.append(Int64(try file.integer("group_size")))
      poolSizes.append(Int64(try file.integer("pool_size")))
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/scheme", inputs.map(\.label))
    for axis in Set(inputs.flatMap { $0.axes.map(\.axis) }).sorted() {
      try artifact.write(
        "/axes/\(axis)", inputs.map { input in input.axes.first { $0.axis == axis }?.value.plainText ?? "" })
    }
    for (path, values) in columns.sorted(by: { $0.key < $1.key }) { try artifact.write(path, values) }
    try artifact.write("/group_size", groupSizes)
    try artifact.write("/pool_size", poolSizes)
    try TrustFacts.gather(inputs, into: &artifact)
    return try artifact.finish()
  }
}
