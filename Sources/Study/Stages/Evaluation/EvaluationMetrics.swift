// The figures that `table` shows: what its parameter calls them, and what stands in the table.

import Artifacts
import PipelineCore
import ResultTables

/// The metrics of an evaluation.
enum EvaluationMetrics {
  /// The splits by name.
  static let splits = EvaluationSplit.allCases.map(\.rawValue)

  /// A figure of a table, and the figure of evaluations that it is.
  struct Choice {
    /// As the table shows it.
    var figure: ResultTableLayout.Figure
    /// That of the evaluations.
    var metric: EvaluationMetric
    /// The spread that it is counted in, if it is.
    var unit: EvaluationMetric?
    /// Whether it has a value for every net; the others are left out where they have none.
    var isAlways = false
  }

  /// Names that need no split, with their label, figure, and whether they are shares.
  private static let whole:
    [String: (label: String, metric: EvaluationMetric, isPercent: Bool, decimals: Int)] = [
      "distance": ("parameter distance", .parameterDistance, false, 4),
      "kl": ("output KL", .divergence, false, 4),
      "changed": ("changed decisions", .changedDecisions, true, 4),
      "mia_auc": ("membership AUC", .membershipArea, false, 4),
      "f1": ("F1", .f1, false, 4),
      "relearning": ("relearning steps", .relearningSteps, false, 1),
    ]

  /// Figures of one split, by what stands behind the dot.
  private static let ofSplit:
    [String: (label: String, figure: SplitFigure, unit: SplitFigure?, isPercent: Bool)] = [
      "loss": ("loss", .loss, nil, false),
      "accuracy": ("accuracy", .accuracy, nil, true),
      "gap": ("loss − retrained", .lossGap, nil, false),
      "accuracy_gap": ("accuracy − retrained", .accuracyGap, nil, true),
      "gap_spread": ("loss gap, in spreads", .lossGap, .lossSpread, false),
      "accuracy_gap_spread": ("accuracy gap, in spreads", .accuracyGap, .accuracySpread, false),
    ]

  /// All names that parameter `metrics` takes.
  static let names =
    splits + splits.flatMap { split in ofSplit.keys.sorted().map { "\(split).\($0)" } } + whole.keys.sorted()

  /// The figures that a name stands for; empty for an unknown one.
  static func choices(_ name: String) -> [Choice] {
    if splits.contains(name) { return choices("\(name).accuracy") + choices("\(name).loss") }
    if let known = whole[name] {
      return [
        Choice(
          figure: .init(
            label: known.label, split: "all", metric: name, isPercent: known.isPercent,
            decimals: known.decimals),
          metric: known.metric)
      ]
    }
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2, let split = EvaluationSplit(rawValue: parts[0]), let known = ofSplit[parts[1]]
    else { return [] }
    let shown = split == .group ? "self" : parts[0].replacing("_", with: " ")
    return [
      Choice(
        figure: .init(
          label: "\(shown) \(known.label)", split: parts[0], metric: parts[1], isPercent: known.isPercent),
        metric: EvaluationMetric(split, known.figure), unit: known.unit.map { EvaluationMetric(split, $0) },
        isAlways: known.figure == .loss || known.figure == .accuracy)
    ]
  }

  /// What is wrong with a list of names; nil if nothing is.
  static func problem(_ list: [String]) -> ParameterProblem? {
    let unknown = list.first { choices($0).isEmpty }
    return unknown.map {
      ParameterProblem(
        TableStage.metrics,
        "'\($0)' is no metric; \(suggestion(for: $0, among: names, of: "metrics")); "
          + "a split stands for its accuracy and loss")
    }
  }
}

/// GIF's F1 of forgetting: the harmonic mean of the error on the removed images and the accuracy on the others.
///
/// - Parameters:
///   - group: a, the accuracy on the removed images.
///   - others: b, the accuracy on images that have nothing to do with them.
/// - Returns: 2 (1 − a) b / (1 − a + b).
func forgettingF1(group a: Double, others b: Double) -> Double { 2 * (1 - a) * b / (1 - a + b) }
