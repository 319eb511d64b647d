// The artifact of the stage `attack`: how well an unlearned net is told from a retrained one, image by image.

/// The scores of an attack: how much likelier the net was unlearned than retrained, by one image's margin.
package struct AttackScores: Sendable, Equatable {
  /// The attacked images, into the train split, ascending.
  package var indices: [Int]
  /// The score of each at the unlearned net.
  package var unlearned: [Double]
  /// The score of each at the retrained net.
  package var retrained: [Double]
  /// Nets of each kind, the fewer of both, that the distributions of each image stand on.
  package var nets: [Int]

  package init(indices: [Int], unlearned: [Double], retrained: [Double], nets: [Int]) {
    self.indices = indices
    self.unlearned = unlearned
    self.retrained = retrained
    self.nets = nets
  }
}

/// The layout of an attack.
package struct AttackArtifact: ArtifactLayout {
  package let area = Number<Double>(
    "/metrics/auc", "area under the curve of the attack over the removed images; 0.5: it learns nothing")
  package let atOnePercent = Number<Double>(
    "/metrics/tpr_at_1_percent",
    "share of images told right where 1 % of those of the retrained net are told wrong")
  package let atFivePercent = Number<Double>("/metrics/tpr_at_5_percent", "the same where 5 % are told wrong")
  package let images = Number<Double>("/metrics/images", "removed images that were attacked")
  package let netsOfAnImage = Number<Double>(
    "/metrics/nets",
    "nets of each kind behind an image's distributions, the fewer of both; mean over the images")
  package let indices = List<Int>("/indices", "n", "the attacked images, into the train split, ascending")
  package let unlearned = List<Double>(
    "/scores/unlearned", "n", "ln of the likelihood ratio, unlearned over retrained, at the unlearned net")
  package let retrained = List<Double>("/scores/retrained", "n", "the same at the retrained net")
  package let nets = List<Int>("/nets", "n", "nets of each kind behind an image's distributions")

  package init() {}
}
