// Reads features for the stages that measure them, and says which image is at fault where they can't be.

import Clustering
import HDF5
import PipelineCore
import Tensor

/// The features of some images.
struct Features {
  /// One row an image.
  var matrix: FeatureMatrix
  /// The images, into the train split.
  var indices: [Int64]
}

extension StageTask {
  /// The features of a slot, all finite and not all the same.
  func loadFeatures(_ slot: String = "features") throws -> Features {
    let file = try FileReader(at: input(slot).path)
    let shape = try file.info("/features").shape
    let indices = try file.read("/indices", as: Int64.self, shape: [nil])
    guard shape.count == 2 else { throw StageFailure("the features are no matrix, but of shape \(shape)") }
    let values: [Float] = try file.read("/features", shape: [indices.count, nil])
    let columns = shape[1]
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

  /// The distances of slot `neighbours` with their images, in the same order.
  func loadDistances() throws -> (distances: [Double], indices: [Int64], metric: String) {
    let file = try FileReader(at: input("neighbours").path)
    let distances: [Double] = try file.read("/distances", shape: [nil])
    let indices: [Int64] = try file.read("/indices", shape: [distances.count])
    if let row = distances.firstIndex(where: { !$0.isFinite }) {
      throw StageFailure("the distance of image \(indices[row]) (row \(row)) is no finite number")
    }
    return (distances, indices, try file.string("metric"))
  }
}

/// A random stream as a generator for algorithms that take any.
struct StreamGenerator: RandomNumberGenerator {
  var stream: RandomStream
  mutating func next() -> UInt64 { stream.nextBits() }
}
