// The artifacts of `logistic-influence` and `logistic-effect`: an influence in float64, and what it predicts.

/// The layout of an influence on a logistic regression.
package struct LogisticInfluenceArtifact: ArtifactLayout {
  package let influence = List<Double>(
    "/influence", "p", "the change that the scheme proposes, in state_dict order")
  package let outcome = OutcomeFields()
  package let expansion = Attribute<Double>(
    "expansion",
    "second-order: ‖q H⁻¹ (H − H_U) Δ₁‖ / ‖Δ₁‖, its second term over the first; NaN for the others")

  package init() {}
}

/// The layout of an effect on a logistic regression.
package struct LogisticEffectArtifact: ArtifactLayout {
  package let effects = EffectFields(
    predicted:
      "predicted change of the cross-entropy on group (as group_loss) or test (mean), without regulariser",
    actual: "the same as it was")
  package let error = Number<Double>("/error", "‖Δ − Δ*‖ / ‖Δ*‖, Δ* the change that refitting made")
  package let groupSize = Attribute<Int>("group_size", "images in the group")
  package let poolSize = Attribute<Int>("pool_size", "images that the group was drawn from")
  package let trainImages = Attribute<Int>("train_images", "images that the net was fitted to")
  package let labelShare = Attribute<Double>(
    "label_share", "the largest share of a label's training images that the group holds")
  package let expansion = Attribute<Double>("expansion", "as of the influence")
  package let facts = SolveFactFields(isCompared: false)

  package init() {}
}
