// The artifact of the stage `datamodeling`: do predicted effects of groups rank as actual ones, test image by test image?

/// The layout of a datamodeling score.
package struct DatamodelingArtifact: ArtifactLayout {
  package let score = Number<Double>(
    "/metrics/lds", "mean over the images of Spearman's rho of predicted and actual effect, over the groups")
  package let lower = Number<Double>(
    "/metrics/lds_lower", "lower end of its 95 % interval, by the jackknife over groups")
  package let upper = Number<Double>("/metrics/lds_upper", "upper end of it")
  package let ceiling = Number<Double>(
    "/metrics/lds_of_a_seed",
    "the same where a retrained net of one seed predicts the mean of the others; NaN with one seed")
  package let images = Number<Double>("/metrics/images", "images whose effects are not all equal")
  package let groups = Number<Double>("/metrics/groups", "groups")

  package init() {}
}
