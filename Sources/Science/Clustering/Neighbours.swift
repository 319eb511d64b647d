// Distances of images to a reference in feature space, and their order.

import Glibc
import Statistics

/// A distance between feature rows.
public enum Metric: String, Sendable, CaseIterable, Codable {
  /// ‖x − y‖₂.
  case euclidean
  /// 1 − x·y / (‖x‖ ‖y‖), in 0…2.
  case cosine
}

/// The point that distances are measured from.
public enum NeighbourReference: Sendable, Equatable {
  /// A row of the features.
  case row(Int)
  /// The mean of all rows.
  case mean
  /// For each row the mean of the rows of its class; a class for each row.
  case meanOfClass([Int])
  /// The row with the least sum of distances to all rows.
  case medoid
}

/// All rows ordered by their distance to a reference.
public struct Neighbours: Sendable, Equatable {
  /// The row that is the reference; none for the mean.
  public let referenceRow: Int?
  /// The distance of each row, in the order of the rows.
  public let distances: [Double]
  /// Row numbers, nearest first; equal distances by row number. A reference row comes first.
  public let order: [Int]
  /// The metric of `distances`.
  public let metric: Metric

  /// Measures all rows of `features`, in double precision.
  ///
  /// - Throws: `StatisticsError.countMismatch` unless there is a class for each row, `.indexOutOfRange` for a reference row that does not exist, `.zeroLengthRow`
  ///   for cosine distance of a row (or mean, with index −1) of zeros.
  public init(of features: FeatureMatrix, to reference: NeighbourReference, metric: Metric)
    throws(StatisticsError)
  {
    let row: Int?
    switch reference {
    case .row(let i):
      if i < 0 || i >= features.rows { throw .indexOutOfRange(index: i, count: features.rows) }
      row = i
    case .mean, .meanOfClass:
      row = nil
    case .medoid:
      row = try Medoid(of: features, metric: metric).row
    }
    let distances: [Double]
    if case .meanOfClass(let classes) = reference {
      distances = try features.distances(toMeansOf: classes, metric: metric)
    } else {
      let point = row.map(features.row) ?? features.mean()
      distances = try features.distances(to: point, index: row ?? -1, metric: metric)
    }
    self.referenceRow = row
    self.distances = distances
    self.metric = metric
    order = distances.indices.sorted {
      // The reference itself leads even where a duplicate of it has a smaller number.
      if $0 == row || $1 == row { return $0 == row && $1 != row }
      return distances[$0] != distances[$1] ? distances[$0] < distances[$1] : $0 < $1
    }
  }

  /// The k nearest rows, nearest first.
  ///
  /// - Parameter excludingReference: Leaves out the reference row, which is at distance 0 of itself.
  /// - Throws: `StatisticsError.invalidCount` unless 1 ≤ k ≤ the number of rows to choose from.
  public func nearest(_ k: Int, excludingReference: Bool = true) throws(StatisticsError) -> [Int] {
    let skipped = excludingReference && referenceRow != nil ? 1 : 0
    let candidates = order.dropFirst(skipped)
    if k < 1 || k > candidates.count {
      throw .invalidCount(what: "the number of neighbours", count: k, available: candidates.count)
    }
    return Array(candidates.prefix(k))
  }

  /// The k farthest rows, farthest first; equal distances by row number.
  ///
  /// - Throws: `StatisticsError.invalidCount` unless 1 ≤ k ≤ the number of rows less a reference row.
  public func farthest(_ k: Int) throws(StatisticsError) -> [Int] {
    let candidates = order.dropFirst(referenceRow == nil ? 0 : 1)
    if k < 1 || k > candidates.count {
      throw .invalidCount(what: "the number of neighbours", count: k, available: candidates.count)
    }
    let sorted = candidates.sorted {
      distances[$0] != distances[$1] ? distances[$0] > distances[$1] : $0 < $1
    }
    return Array(sorted.prefix(k))
  }
}

extension FeatureMatrix {
  /// The distance of every row to `point` [columns]; `index` names the point in errors.
  func distances(to point: [Double], index: Int, metric: Metric) throws(StatisticsError) -> [Double] {
    var result = [Double](repeating: 0, count: rows)
    switch metric {
    case .euclidean:
      for i in 0..<rows { result[i] = squaredDistance(ofRow: i, to: point, scale: 1).squareRoot() }
    case .cosine:
      var length = 0.0
      for x in point { length += x * x }
      if length == 0 { throw .zeroLengthRow(index: index) }
      let inverse = 1 / length.squareRoot()
      let unit = point.map { $0 * inverse }
      for i in 0..<rows {
        let squares = squaredLength(ofRow: i)
        if squares == 0 { throw .zeroLengthRow(index: i) }
        // ½ ‖x/‖x‖ − y/‖y‖‖² equals 1 − cos and keeps its digits for near rows.
        result[i] = 0.5 * squaredDistance(ofRow: i, to: unit, scale: 1 / squares.squareRoot())
      }
    }
    return result
  }

  /// The distance of every row to the mean of the rows of its class.
  func distances(toMeansOf classes: [Int], metric: Metric) throws(StatisticsError) -> [Double] {
    if classes.count != rows { throw .countMismatch(expected: rows, actual: classes.count) }
    var result = [Double](repeating: 0, count: rows)
    for (_, members) in Dictionary(grouping: classes.indices, by: { classes[$0] }) {
      let own = try selecting(members)
      let distances = try own.distances(to: own.mean(), index: -1, metric: metric)
      for (place, row) in members.enumerated() { result[row] = distances[place] }
    }
    return result
  }

  /// Σⱼ (scale · xᵢⱼ − pointⱼ)².
  private func squaredDistance(ofRow i: Int, to point: [Double], scale: Double) -> Double {
    var sum = 0.0
    let start = i * columns
    for j in 0..<columns {
      let d = Double(values[start + j]) * scale - point[j]
      sum += d * d
    }
    return sum
  }
}
