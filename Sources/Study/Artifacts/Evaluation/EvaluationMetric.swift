// The figures of an evaluation: what they are called in its artifact and in that of a table.

/// The images that a figure is taken over.
package enum EvaluationSplit: String, CaseIterable, Sendable {
  case group, retained, train, test
  case testLabel = "test_label"
  case testOther = "test_other"
}

/// A figure of each split.
package enum SplitFigure: String, CaseIterable, Sendable {
  case loss
  case lossGap = "loss_gap"
  case lossSpread = "loss_spread"
  case accuracy
  case accuracyGap = "accuracy_gap"
  case accuracySpread = "accuracy_spread"

  var summary: String {
    switch self {
    case .loss: "mean cross-entropy, without regularisation; NaN for an empty split"
    case .accuracy: "share of right predictions, 0 to 1"
    case .lossGap: "the loss less the mean over the references; NaN without a reference"
    case .accuracyGap: "the accuracy less the mean over the references; NaN without a reference"
    case .lossSpread:
      "standard deviation (n − 1) of the loss over the references, from seed to seed; NaN below two"
    case .accuracySpread:
      "standard deviation (n − 1) of the accuracy over the references, from seed to seed; NaN below two"
    }
  }
}

/// A figure of an evaluation.
package struct EvaluationMetric: Sendable, Hashable {
  /// As in paths and in tables: "group/loss".
  package let name: String

  /// A figure of a split.
  package init(_ split: EvaluationSplit, _ figure: SplitFigure) {
    name = "\(split.rawValue)/\(figure.rawValue)"
  }
  private init(_ name: String) { self.name = name }

  /// A figure that a command names itself.
  package static func own(_ name: String) -> Self { Self(name) }

  /// Whether a command has named it: only then its name has no split and no kind in it.
  package var isOwn: Bool { !name.contains("/") }

  package static let parameterDistance = Self("comparison/parameter_distance")
  package static let divergence = Self("comparison/kl")
  package static let changedDecisions = Self("comparison/changed")
  package static let membershipArea = Self("forgetting/membership_auc")
  package static let f1 = Self("forgetting/f1")
  package static let relearningSteps = Self("forgetting/relearning_steps")

  /// Those that need no split, with what they are.
  static let ofNoSplit: [(metric: Self, summary: String)] = [
    (parameterDistance, "‖θ − θ_reference‖₂, mean over the references"),
    (divergence, "KL(reference ‖ net) of the outputs in nats, mean over the test images and the references"),
    (changedDecisions, "share of test images that net and reference decide differently"),
    (
      membershipArea,
      "area under the curve of a loss-threshold attack: the group against test images of its label "
        + "(of several labels: all); ½ is none the wiser"
    ),
    (f1, "2 (1 − a) b / (1 − a + b), a the accuracy on the group, b on test_other"),
    (
      relearningSteps,
      "SGD steps until the group's loss is back; infinity beyond the limit, NaN if not measured"
    ),
  ]

  /// All, in the order of an artifact.
  package static let all =
    EvaluationSplit.allCases.flatMap { split in SplitFigure.allCases.map { Self(split, $0) } }
    + ofNoSplit.map(\.metric)
}
