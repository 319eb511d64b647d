// The artifact of the stage `neighbours`: images by the distance of their features to a reference.

/// Distances of images to a reference.
package struct Distances: Sendable, Equatable {
  /// In feature space, to the reference.
  package var distances: [Double]
  /// The images, into the train split, in the same order.
  package var indices: [Int]
  /// Of the distances.
  package var metric: String
}

/// The layout of distances.
package struct NeighboursArtifact: ArtifactLayout {
  package let reference = Number<Int>(
    "/reference", "the reference's index in the train split; -1 for the mean")
  package let distances = List<Double>("/distances", "n", "to the reference, in the order of /indices")
  package let order = List<Int>("/order", "n", "rows of /distances, nearest first")
  package let indices = List<Int>("/indices", "n", "the images, into the train split")
  package let nearest = Maybe(
    List<Int>("/nearest", "k", "with k: images, into the train split, nearest first"))
  package let farthest = Maybe(
    List<Int>("/farthest", "k", "with k: images, into the train split, farthest first"))
  package let metric = Attribute<String>("metric", "as the parameter")

  package init() {}
}

extension ArtifactReader<NeighboursArtifact> {
  /// The distances with their images.
  package func distances() throws -> Distances {
    Distances(
      distances: try read(\.distances), indices: try read(\.indices), metric: try read(\.metric))
  }
}
