// The figures that `evaluate` writes and `table` gathers: their paths, and what a table calls them.

import PipelineCore
import ResultTables

/// The metrics of an evaluation.
enum EvaluationMetrics {
  /// The splits of the contract.
  static let splits = ["group", "retained", "train", "test", "test_label", "test_other"]
  /// Figures of each split.
  static let perSplit = [
    "loss", "accuracy", "loss_gap", "accuracy_gap", "loss_spread", "accuracy_spread",
  ]
  /// Figures against the retrained nets.
  static let comparison = ["parameter_distance", "kl", "changed"]
  /// Figures of how far the group is forgotten.
  static let forgetting = ["membership_auc", "f1", "relearning_steps"]

  /// The datasets of all, sorted.
  static let paths =
    (splits.flatMap { split in perSplit.map { "/metrics/\(split)/\($0)" } }
    + comparison.map { "/metrics/comparison/\($0)" } + forgetting.map { "/metrics/forgetting/\($0)" })
    .sorted()

  /// A figure of a table, and the dataset that it is read from.
  struct Choice {
    /// As the table shows it.
    var figure: ResultTableLayout.Figure
    /// Its dataset.
    var path: String
    /// The dataset of the spread that it is counted in, if it is.
    var unit: String?
    /// Whether it has a value for every net; the others are left out where they have none.
    var isAlways = false
  }

  /// Names that need no split, with their label, dataset, and whether they are shares.
  private static let whole: [String: (label: String, path: String, isPercent: Bool, decimals: Int)] = [
    "distance": ("parameter distance", "comparison/parameter_distance", false, 4),
    "kl": ("output KL", "comparison/kl", false, 4),
    "changed": ("changed decisions", "comparison/changed", true, 4),
    "mia_auc": ("membership AUC", "forgetting/membership_auc", false, 4),
    "f1": ("F1", "forgetting/f1", false, 4),
    "relearning": ("relearning steps", "forgetting/relearning_steps", false, 1),
  ]

  /// Figures of one split, by what stands behind the dot.
  private static let ofSplit: [String: (label: String, metric: String, unit: String?, isPercent: Bool)] = [
    "loss": ("loss", "loss", nil, false),
    "accuracy": ("accuracy", "accuracy", nil, true),
    "gap": ("loss − retrained", "loss_gap", nil, false),
    "accuracy_gap": ("accuracy − retrained", "accuracy_gap", nil, true),
    "gap_spread": ("loss gap, in spreads", "loss_gap", "loss_spread", false),
    "accuracy_gap_spread": ("accuracy gap, in spreads", "accuracy_gap", "accuracy_spread", false),
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
          path: "/metrics/\(known.path)")
      ]
    }
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2, splits.contains(parts[0]), let known = ofSplit[parts[1]] else { return [] }
    let split = parts[0] == "group" ? "self" : parts[0].replacing("_", with: " ")
    return [
      Choice(
        figure: .init(
          label: "\(split) \(known.label)", split: parts[0], metric: parts[1], isPercent: known.isPercent),
        path: "/metrics/\(parts[0])/\(known.metric)",
        unit: known.unit.map { "/metrics/\(parts[0])/\($0)" },
        isAlways: known.metric == "loss" || known.metric == "accuracy")
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
