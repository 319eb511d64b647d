// The stage `differences`: does one scheme come closer to retraining than others, or have better figures? Paired tests and a
// verdict.

import Artifacts
import PipelineCore

/// Compares schemes pair by pair.
public enum DifferencesStage: Stage {
  /// What is compared.
  enum Endpoint: String, CaseIterable {
    /// |loss − loss after retraining| on a split: how far a step over- or undershoots.
    case stepLength = "step-length"
    /// Figures of nets that forget as much as retraining.
    case matched
    /// Figures as the rows have them; retraining has no part in it.
    case figures
  }

  /// Which of two figures is the better one.
  package enum Better: String, CaseIterable {
    case smaller, larger
  }

  /// What makes differences at several columns one unit.
  package enum Pooling: String, CaseIterable {
    case spread
    case logRatio = "log-ratio"
  }

  package static let scheme = Parameter(
    "scheme", .string, "the label of the scheme that is compared with the others")
  static let reference = Parameter(
    "reference", .string, default: "retrain", "the label of retraining, which gaps are taken to")
  static let again = Parameter(
    "again", .list(.string), default: [],
    "labels of nets retrained from other seeds, over which and reference gaps are taken to the mean")
  static let control = Parameter(
    "control", .optional(.string), default: nil,
    "the label of a retrained net of yet another seed, the negative control (null: there is none)")
  static let untouched = Parameter(
    "untouched", .optional(.string), default: nil,
    "the label of the net before removal, the positive control: without a difference from 'control' nothing is shown"
  )
  static let endpoint = Parameter(
    "endpoint", .choice(Endpoint.self), default: .stepLength,
    "step-length: |loss − retrained| on 'split'; matched: 'figures' of nets that forget as much as retraining; "
      + "figures: 'figures' as evaluations or commands have them, without any retraining"
  )
  static let split = Parameter(
    "split", .choice(EvaluationSplit.self), default: .group, "step-length: the split whose loss is compared")
  static let figures = Parameter(
    "figures", .list(.string), default: ["retained.loss", "test.loss", "kl"],
    "matched, figures: what is compared, called as the metrics of a table; matched: each smaller the better")
  package static let better = Parameter(
    "better", .choice(Better.self), default: .smaller, "figures: which of two figures is the better one")
  static let tolerance = Parameter(
    "tolerance", .optional(.number(1e-12...1e12)), default: nil,
    "figures: the margin of equivalence at one column, in the figure's own unit (null: equivalence is not tested)"
  )
  package static let columns = Parameter(
    "columns", .string, default: "size", "the axis of which each value has a test, and all together")
  package static let over = Parameter(
    "over", .string, default: "repeat", "the axis that pairs are drawn from")
  static let level = Parameter("level", .number(0.0001...0.5), default: 0.05, "the level of each test")
  static let margin = Parameter(
    "margin", .number(1e-6...1e6), default: 0.5,
    "of equivalence, in spreads: standard deviations of a net like the retrained ones about their mean")
  package static let pooling = Parameter(
    "pooling", .choice(Pooling.self), default: .logRatio,
    "the unit of the mean over columns: the logarithm of the ratio of the two figures, or the spread of each column, "
      + "which takes retrained nets of several seeds"
  )

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "differences", version: 6,
    summary:
      "tests whether a scheme comes closer to retraining than others, or has better figures, over pairs, with a verdict",
    parameters: [
      TableReport.title, scheme, reference, again, control, untouched, endpoint, split, figures, better,
      tolerance,
      columns, over, level, margin, pooling,
    ],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["evaluate", "command", "attack"], .many,
        "the evaluations, or for figures attacks and commands with 'metrics', by scheme, as label: stage; all but the "
          + "reference and scheme are compared against")
    ],
    datasets: DifferencesArtifact.datasets, attributes: DifferencesArtifact.attributes,
    unused: { values, _ in
      switch values[endpoint] {
      case .stepLength: [figures.name, better.name, tolerance.name]
      case .matched: [split.name, better.name, tolerance.name]
      case .figures:
        [split.name, reference.name, again.name, control.name, untouched.name, margin.name, pooling.name]
      }
    },
    check: check)

  private static func check(_ values: ParameterValues) -> ParameterProblem? {
    if values[figures].isEmpty { return ParameterProblem(figures, "'figures' needs at least one name") }
    if values[endpoint] == .figures {
      // What attacks and commands call their figures is not known before they have run.
      let unknown = values[figures].first { name in
        EvaluationMetrics.figure(name) == nil
          && EvaluationMetrics.splits.contains(String(name.prefix { $0 != "." }))
      }
      return unknown.map(unknownFigure)
    }
    let retrained = [values[reference]] + values[again]
    if retrained.contains(values[scheme]) {
      return ParameterProblem(scheme, "'scheme' and 'reference' are the same label")
    }
    if Set(retrained).count < retrained.count {
      return ParameterProblem(again, "'again' names a label twice, or that of 'reference'")
    }
    if let control = values[control], retrained.contains(control) {
      return ParameterProblem(
        Self.control, "'control' must be another net than those of 'reference' and 'again'")
    }
    if values[untouched] != nil, values[control] == nil {
      return ParameterProblem(untouched, "'untouched' is told from a retrained net: give 'control' its label")
    }
    if values[pooling] == .spread, values[again].isEmpty, values[control] == nil {
      return ParameterProblem(
        pooling,
        "a spread takes retrained nets of two seeds for each group: name the second in 'again' or 'control'")
    }
    return values[figures].first { EvaluationMetrics.figure($0) == nil }.map(unknownFigure)
  }

  private static func unknownFigure(_ name: String) -> ParameterProblem {
    ParameterProblem(
      figures,
      "'\(name)' is no figure of a net; \(suggestion(for: name, among: EvaluationMetrics.names, of: "metrics"))"
    )
  }

  /// Writes pairs, tests and verdict.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let values = task.parameters
    let figures = ComparedFigure.all(values)
    let isOfRetraining = values[endpoint] != .figures
    let rows = try EvaluationRows(
      task, references: isOfRetraining ? [values[reference]] + values[again] : [],
      figures: Array(Set(figures.map(\.metric))),
      names: isOfRetraining
        ? [:] : Dictionary(figures.map { ($0.metric, $0.name) }, uniquingKeysWith: { first, _ in first }))
    try checkLabels(rows, values)
    var pairs: [ComparedPair] = []
    var tests: [ComparisonTest] = []
    for figure in figures {
      let comparison = try FigureComparison(figure, rows, values)
      pairs += comparison.pairs
      tests += try comparison.tests()
    }
    var records = tests.map(\.record)
    Verdict.judge(&records, values) { family(of: $0, values) }
    var artifact = try ArtifactWriter<DifferencesArtifact>(task)
    try artifact.write(
      \.pairs.rows, RowNames(labels: pairs.map(\.against), axes: pairs.map(\.axes)))
    try artifact.write(\.pairs.figure, pairs.map(\.figure))
    try artifact.write(\.pairs.difference, pairs.map(\.difference))
    try artifact.write(\.tests, records)
    try artifact.write(\.verdict, Verdict.lines(records, values))
    let inputs = task.inputs["rows"] ?? []
    try artifact.write(
      \.solves,
      SolveRecords(
        facts: rows.facts, labels: inputs.map(\.label), records: tests.map { Set($0.rows).sorted() }))
    return try artifact.finish()
  }

  private static func checkLabels(_ rows: EvaluationRows, _ values: ParameterValues) throws {
    let controls = values[endpoint] == .figures ? [] : [values[control], values[untouched]]
    for label in ([values[scheme]] + controls).compactMap({ $0 })
    where !rows.schemes.contains(label) {
      throw StageFailure(
        "no row is labelled '\(label)'; \(suggestion(for: label, among: rows.schemes, of: "labels"))")
    }
    guard rows.schemes.contains(where: { $0 != values[scheme] }) else {
      throw StageFailure("there is no row to compare '\(values[scheme])' against")
    }
  }
}
