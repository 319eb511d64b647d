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

  /// What figures mean whose names don't say it.
  static let meanings: [(metric: String, line: String)] = [
    ("distance", "parameter distance: L2 distance to the retrained nets' parameters"),
    (
      "kl",
      "output KL: KL(retrained ‖ net), the Kullback-Leibler divergence of the outputs, in nats, mean over the test images"
    ),
    ("changed", "changed decisions: share of test images with another decision than the retrained nets'"),
    (
      "mia_auc",
      "membership AUC: area under the curve of an attack that tells the removed images from test images of "
        + "their label by the loss; 0.5: no better than chance"
    ),
    ("f1", "F1: 2 (1 − a) b / (1 − a + b) as in the GIF paper; a: self accuracy, b: test other accuracy"),
    (
      "relearning",
      "relearning steps: SGD steps on the removed images until their loss is back; "
        + "not finite: not within the limit"
    ),
  ]

  /// A figure in words; nil for one of a command.
  static func meaning(_ name: String) -> String? {
    if let known = meanings.first(where: { $0.metric == name }) {
      return known.line.hasPrefix(name) ? known.line : "\(name), \(known.line)"
    }
    let parts = name.split(separator: ".").map(String.init)
    guard parts.count == 2, let split = EvaluationSplit(rawValue: parts[0]), ofSplit[parts[1]] != nil else {
      return nil
    }
    let images =
      switch split {
      case .group: "the removed images"
      case .retained: "the training images that stay"
      case .train: "all training images"
      case .test: "the test images"
      case .testLabel: "the test images of the removed label"
      case .testOther: "the test images of the other labels"
      }
    let loss =
      parts[1].hasPrefix("accuracy")
      ? "share of right decisions" : "mean cross-entropy without regularisation"
    let gap = parts[1].contains("gap") ? ", less that of the retrained nets" : ""
    return "\(name): \(loss) on \(images)\(gap)"
  }

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

  /// The figure of an evaluation that a name stands for; nil for one that stands for several, or for a ratio of two.
  static func figure(_ name: String) -> EvaluationMetric? {
    let found = choices(name)
    return found.count == 1 && found[0].unit == nil ? found[0].metric : nil
  }

  /// The figures that names stand for among those that results have: a name of these rows' own commands comes after
  /// those of evaluations, and the names that a table has without being told stand for all that commands have.
  ///
  /// - Throws: The first name that is none, with what there is.
  static func choices(
    _ names: [String], among metrics: some Collection<EvaluationMetric>
  ) throws(UnknownMetric) -> [Choice] {
    let own = metrics.filter(\.isOwn).sorted { $0.name < $1.name }
    var found: [Choice] = []
    for name in names {
      let known = choices(name)
      let metric = own.first { $0.name == name }
      // A command may call a figure as evaluations call one of theirs, such as f1.
      found += known.filter { metrics.contains($0.metric) } + (metric.map { [Choice(own: $0)] } ?? [])
      if known.isEmpty, metric == nil {
        throw UnknownMetric(
          name: name, known: own.map(\.name) + (own.count < metrics.count ? Self.names : []))
      }
    }
    if names == TableStage.defaultMetrics { found += own.map { Choice(own: $0) } }
    return found
  }

  /// A name that stands for no figure of some results.
  struct UnknownMetric: Error {
    var name: String
    var known: [String]
  }

  /// What is wrong with a list of names; nil if nothing is. A name that begins with no split may be of a command.
  static func problem(_ list: [String]) -> ParameterProblem? {
    let unknown = list.first { name in
      choices(name).isEmpty && splits.contains(String(name.prefix { $0 != "." }))
    }
    return unknown.map {
      ParameterProblem(
        TableStage.metrics,
        "'\($0)' is no metric; \(suggestion(for: $0, among: names, of: "metrics")); "
          + "a split stands for its accuracy and loss")
    }
  }
}

extension EvaluationMetrics.Choice {
  /// A figure that a command has named, under its own name.
  init(own metric: EvaluationMetric) {
    self.init(
      figure: .init(label: metric.name, split: "own", metric: metric.name, isPercent: false), metric: metric)
  }
}

/// GIF's F1 of forgetting: the harmonic mean of the error on the removed images and the accuracy on the others.
///
/// - Parameters:
///   - group: a, the accuracy on the removed images.
///   - others: b, the accuracy on images that have nothing to do with them.
/// - Returns: 2 (1 − a) b / (1 − a + b).
func forgettingF1(group a: Double, others b: Double) -> Double { 2 * (1 - a) * b / (1 - a + b) }
