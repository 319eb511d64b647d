// The artifact of the stage `effect`: predicted and actual effects of a group's removal.

/// The images on which effects are predicted.
package enum EffectSplit: String, CaseIterable, Sendable {
  case group, test
}

/// A predicted figure beside the actual one.
package struct PredictedEffect<Figure> {
  package var predicted: Figure
  package var actual: Figure

  package init(predicted: Figure, actual: Figure) {
    self.predicted = predicted
    self.actual = actual
  }
}

extension PredictedEffect: Sendable where Figure: Sendable {}

/// The effects of a removal by split.
package struct EffectFields: Field {
  private let predicted: Family<Number<Double>>
  private let actual: Family<Number<Double>>

  init(predicted: String, actual: String) {
    self.predicted = Family(Number("/effects/SPLIT/predicted", predicted))
    self.actual = Family(Number("/effects/SPLIT/actual", actual))
  }

  package var lines: [LayoutLine] { predicted.lines + actual.lines }

  package func write(_ effects: [EffectSplit: PredictedEffect<Double>], to sink: inout ArtifactSink) throws {
    for split in EffectSplit.allCases {
      guard let effect = effects[split] else { preconditionFailure("there is no effect on \(split)") }
      try sink.write(predicted[split.rawValue], effect.predicted)
      try sink.write(actual[split.rawValue], effect.actual)
    }
  }

  package func read(from source: borrowing ArtifactSource) throws -> [EffectSplit: PredictedEffect<Double>] {
    var effects: [EffectSplit: PredictedEffect<Double>] = [:]
    for split in EffectSplit.allCases {
      effects[split] = PredictedEffect(
        predicted: try source.read(predicted[split.rawValue]), actual: try source.read(actual[split.rawValue])
      )
    }
    return effects
  }
}

/// The layout of an effect.
package struct EffectArtifact: ArtifactLayout {
  package let effects = EffectFields(
    predicted: "gᵀΔ, g the gradient of the mean loss on group or test at the net, without regulariser",
    actual: "mean loss of the retrained nets less that of the net")
  package let groupSize = Attribute<Int>("group_size", "images in the group")
  package let poolSize = Attribute<Int>("pool_size", "images that the group was drawn from")
  package let facts = SolveFactFields()

  package init() {}
}
