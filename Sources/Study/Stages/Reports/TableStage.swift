// The stage `table`: gathers evaluations over their axes into one long table.

import Artifacts
import PipelineCore

/// Gathers evaluations.
public enum TableStage: Stage {
  package static let columns = Parameter("columns", .string, default: "size", "the axis that goes across")
  package static let over = Parameter(
    "over", .string, default: "repeat", "the axis that means are taken over")
  static let order = Parameter(
    "order", .list(.string), default: [], "labels of the rows in the order in which they are shown")
  static let down = Parameter(
    "down", .list(.string), default: ["scheme"],
    "the axes that go down, outermost first; scheme stands for the labels of the rows")
  /// What a table shows that is not told what; of other stages than `evaluate`, all figures.
  static let defaultMetrics = ["group", "test"]
  static let metrics = Parameter(
    "metrics", .list(.string), default: defaultMetrics,
    "the figures shown: of other stages than evaluate, by their names (default: all); of evaluations, a split (\(EvaluationMetrics.splits.joined(separator: ", "))) for its accuracy and loss; "
      + "SPLIT. and one of loss, accuracy, gap, accuracy_gap (less retraining), gap_spread, accuracy_gap_spread "
      + "(in spreads of retraining from seed to seed); distance, kl, changed, mia_auc, f1, relearning"
  )

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "table", version: 7, summary: "gathers evaluations into one table, a row an evaluation",
    parameters: [TableReport.title, columns, over, order, down, metrics],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["evaluate", "attack", "datamodeling", "command"], .many,
        "the evaluations, attacks or scores, or commands with 'metrics', by scheme, as label: stage")
    ],
    datasets: TableArtifact.datasets, attributes: TableArtifact.attributes,
    check: { EvaluationMetrics.problem($0[metrics]) })

  /// The figure that a table shows first, of those that its rows have.
  package static func first(
    _ values: ParameterValues, among known: some Collection<EvaluationMetric>
  ) -> EvaluationMetric? {
    (try? EvaluationMetrics.choices(values[metrics], among: known))?.first?.metric
  }

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    let evaluations = try inputs.map { try NetEvaluationFigures(row: $0) }
    let own = Set(evaluations.flatMap(\.metrics.keys)).filter(\.isOwn)
    let haveOwn = inputs.allSatisfy { $0.stage != EvaluateStage.declaration.name }
    do throws(EvaluationMetrics.UnknownMetric) {
      let all = haveOwn ? Array(own) : EvaluationMetric.all + own
      _ = try EvaluationMetrics.choices(task.parameters[metrics], among: all)
    } catch {
      throw StageFailure(
        "no row has the metric '\(error.name)'; \(suggestion(for: error.name, among: error.known, of: "metrics"))"
      )
    }
    var columns: [EvaluationMetric: [Double]] = [:]
    for metric in haveOwn ? Array(own) : EvaluationMetric.all + own {
      // Evaluations have all their metrics, and NaN for an empty split.
      columns[metric] = evaluations.map { $0.metrics[metric] ?? (metric.isOwn ? .missing : .nan) }
    }
    var artifact = try ArtifactWriter<TableArtifact>(task)
    try artifact.write(\.rows, RowNames(inputs))
    try artifact.write(\.metrics, columns)
    try artifact.write(\.groupSize, evaluations.map(\.groupSize))
    try artifact.write(\.poolSize, evaluations.map(\.poolSize))
    try artifact.write(\.references, evaluations.map(\.references))
    try artifact.write(\.facts, evaluations.map(\.facts))
    return try artifact.finish()
  }
}

extension NetEvaluationFigures {
  /// The figures of a row: an evaluation, or figures with names of their own.
  init(row input: TaskInput) throws {
    guard input.stage != EvaluateStage.declaration.name else {
      self = try EvaluationArtifact.read(input)
      return
    }
    let figures = try ArtifactReader<MetricsArtifact>(input).read(\.single)
    guard !figures.isEmpty else {
      throw StageFailure("\(input.node) has no figures: name one of its outputs as 'metrics'")
    }
    self.init(
      metrics: Dictionary(uniqueKeysWithValues: figures.map { (EvaluationMetric.own($0.key), $0.value) }),
      groupSize: 0, poolSize: 0, references: 0, facts: SolveFacts())
  }
}
