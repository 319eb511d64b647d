// The artifact of the stage `influence`: the change of the parameters that removes a group.

/// The layout of an influence.
package struct InfluenceArtifact: ArtifactLayout {
  package let gradient = List<Float>(
    "/gradient", "p", "mean over the group, with λθ at scale mean; in state_dict order")
  package let influence = List<Float>(
    "/influence", "p", "the change that the scheme proposes, in state_dict order")
  package let firstOrder = Maybe(
    List<Float>(
      "/first_order", "p", "second-order, pif: the change of all parameters that they start from"))
  package let selected = Maybe(
    List<Int>("/selected", "s", "gif, fif, pif: the places of the parameters that change, ascending"))
  package let hessianIndices = List<Int>(
    "/hessian_indices", "h", "the images that the curvature is a mean over")
  package let groupIndices = List<Int>(
    "/group_indices", "g", "the group's images that its own curvature and loss are means over")
  package let groupLoss = LossEffectFields<Number<Double>>("/loss_change/group", over: "group_indices")
  package let retainedLoss = LossEffectFields<Number<Double>>(
    "/loss_change/retained", over: "those of hessian_indices that are retained")
  package let solve = SolveFields()
  package let comparedImages = Attribute<Int>(
    "compared_images", "curvature images of the solve for comparison; 0 if there was none")
  package let moved = Attribute<Double>(
    "moved", "‖Δ - Δ'‖ / ‖Δ'‖ for the Δ' of that solve; NaN if there was none")
  package let comparedGroupLoss = Attribute<Double>(
    "compared_group_loss", "as /loss_change/group/actual, for Δ'; NaN if there was none")

  package init() {}
}
