// Reads features for the stages that measure them, and says which image is at fault where they can't be.

import Artifacts
import Clustering
import PipelineCore
import Tensor

/// The features of some images.
struct Features {
  /// One row an image.
  var matrix: FeatureMatrix
  /// The images, into the train split.
  var indices: [Int]
}

extension StageTask {
  /// The features of a slot, all finite and not all the same.
  func loadFeatures(_ slot: String = "features") throws -> Features {
    let file = try ArtifactReader<FeaturesArtifact>(input(slot))
    let features = try file.read(\.features)
    let indices = try file.read(\.indices)
    let (values, columns) = (features.values, features.shape[1])
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      let row = bad / columns
      throw StageFailure("the features of image \(indices[row]) (row \(row)) hold a NaN or an infinity")
    }
    let matrix = try FeatureMatrix(values, rows: indices.count, columns: columns)
    guard values.indices.dropFirst(columns).contains(where: { values[$0] != values[$0 % columns] }) else {
      let which = indices.count == 1 ? "there is one image only" : "all \(indices.count) images have the same"
      throw StageFailure("the features tell no images apart: \(which)")
    }
    return Features(matrix: matrix, indices: indices)
  }

  /// The distances of slot `neighbours`, all finite.
  func loadDistances() throws -> Distances {
    let distances = try ArtifactReader<NeighboursArtifact>(input("neighbours")).distances()
    if let row = distances.distances.firstIndex(where: { !$0.isFinite }) {
      throw StageFailure(
        "the distance of image \(distances.indices[row]) (row \(row)) is not a finite number")
    }
    return distances
  }
}

/// A random stream as a generator for algorithms that take any.
struct StreamGenerator: RandomNumberGenerator {
  var stream: RandomStream
  mutating func next() -> UInt64 { stream.nextBits() }
}
