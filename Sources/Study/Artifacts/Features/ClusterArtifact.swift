// The artifact of the stage `cluster`: images divided into bands by distance or clusters by features.

/// The band or cluster of each of some images.
package struct Clustering: Sendable, Equatable {
  /// The images, into the train split.
  package var indices: [Int]
  /// The number of each one's band or cluster, in the same order.
  package var assignment: [UInt8]
}

/// The layout of a clustering.
package struct ClusterArtifact: ArtifactLayout {
  package let assignment = List<UInt8>(
    "/assignment", "n",
    "0 near, 1 moderate, 2 far; or the number of the band or cluster, from the nearest "
      + "(without neighbours: the largest)"
  )
  package let fractions = List<Double>("/fractions", "k", "share of the images in each")
  package let indices = List<Int>("/indices", "n", "the images, into the train split")
  package let normalFractions = Maybe(
    List<Double>("/normal_fractions", "k", "sigma: what a normal law would give"))
  package let thresholds = Maybe(List<Double>("/thresholds", "k-1", "sigma: the distances at the cuts"))
  package let inertia = Maybe(
    Number<Double>("/inertia", "k-means: sum of the squared distances to the centres"))
  package let method = Attribute<String>("method", "as the parameter")
  package let metric = Attribute<String>("metric", "as the parameter; for sigma that of the distances")

  package init() {}
}

extension ArtifactReader<ClusterArtifact> {
  /// The images with their bands or clusters.
  package func clustering() throws -> Clustering {
    Clustering(indices: try read(\.indices), assignment: try read(\.assignment))
  }
}
