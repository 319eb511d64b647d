// Neighbours and the medoid against a brute-force ranking.

import Clustering
import Foundation
import SampleData
import Statistics
import Testing

@Suite struct NeighbourTests {
  static func features(_ rows: Int, _ columns: Int, seed: UInt64) throws -> FeatureMatrix {
    try FeatureMatrix(normals(seed, rows * columns).map { Float($0 + 0.5) }, rows: rows, columns: columns)
  }

  static func distance(_ m: FeatureMatrix, _ i: Int, _ j: Int, _ metric: Metric) -> Double {
    var (xx, yy, xy, dd) = (0.0, 0.0, 0.0, 0.0)
    for k in 0..<m.columns {
      let x = Double(m.values[i * m.columns + k])
      let y = Double(m.values[j * m.columns + k])
      xx += x * x
      yy += y * y
      xy += x * y
      dd += (x - y) * (x - y)
    }
    return metric == .euclidean ? dd.squareRoot() : 1 - xy / (xx * yy).squareRoot()
  }

  @Test(arguments: Metric.allCases) func rankAsBruteForce(metric: Metric) throws {
    let m = try Self.features(300, 17, seed: 4)
    let neighbours = try Neighbours(of: m, to: .row(42), metric: metric)
    let brute = (0..<300).map { Self.distance(m, 42, $0, metric) }
    for i in 0..<300 { #expect(abs(neighbours.distances[i] - brute[i]) < 1e-14 * 10) }
    let expected = (0..<300).filter { $0 != 42 }.sorted { brute[$0] < brute[$1] }
    #expect(neighbours.order == [42] + expected)
    #expect(try neighbours.nearest(7) == Array(expected.prefix(7)))
    #expect(try neighbours.farthest(7) == Array(expected.reversed().prefix(7)))
  }

  /// Each row is as far from the mean of its class as if the class were alone.
  @Test(arguments: Metric.allCases) func classesHaveMeansOfTheirOwn(metric: Metric) throws {
    let m = try Self.features(60, 7, seed: 6)
    let classes = (0..<60).map { $0 * $0 % 4 }
    let neighbours = try Neighbours(of: m, to: .meanOfClass(classes), metric: metric)
    for number in Set(classes) {
      let rows = (0..<60).filter { classes[$0] == number }
      let alone = try Neighbours(of: m.selecting(rows), to: .mean, metric: metric)
      for (place, row) in rows.enumerated() { #expect(neighbours.distances[row] == alone.distances[place]) }
    }
    #expect(neighbours.referenceRow == nil)
    #expect(
      zip(neighbours.order, neighbours.order.dropFirst()).allSatisfy {
        neighbours.distances[$0] <= neighbours.distances[$1]
      })
    #expect(throws: StatisticsError.countMismatch(expected: 60, actual: 59)) {
      try Neighbours(of: m, to: .meanOfClass(Array(classes.dropLast())), metric: metric)
    }
  }

  @Test(arguments: Metric.allCases) func medoidIsTheLeastSum(metric: Metric) throws {
    // Blocks that divide the rows and blocks that do not.
    let m = try Self.features(203, 9, seed: 5)
    let sums = (0..<203).map { i in (0..<203).reduce(0.0) { $0 + Self.distance(m, i, $1, metric) } }
    let least = try #require(sums.indices.min { sums[$0] < sums[$1] })
    for block in [1, 7, 64, 512] {
      let medoid = try Medoid(of: m, metric: metric, blockRows: block)
      #expect(medoid.row == least)
      #expect(abs(medoid.distanceSum - sums[least]) < 1e-10 * sums[least])
    }
    #expect(try Neighbours(of: m, to: .medoid, metric: metric).referenceRow == least)
  }

  /// The medoid is by the distance that was asked for: with few rows, that of the angles and that of the chords between
  /// unit vectors are often different ones.
  @Test(arguments: Metric.allCases) func medoidOfFewRowsIsByItsOwnDistance(metric: Metric) throws {
    for seed in 1...60 {
      let m = try Self.features(6, 2, seed: UInt64(seed))
      let sums = (0..<6).map { i in (0..<6).reduce(0.0) { $0 + Self.distance(m, i, $1, metric) } }
      let least = try #require(sums.min())
      let medoid = try Medoid(of: m, metric: metric)
      #expect(abs(sums[medoid.row] - least) < 1e-12, "seed \(seed)")
    }
  }

  @Test func equalDistancesAreOrderedByRow() throws {
    let m = try FeatureMatrix([1, 0, 0, 1, -1, 0, 0, -1, 5, 0, 0, 5], rows: 6, columns: 2)
    let neighbours = try Neighbours(of: m, to: .row(2), metric: .euclidean)
    #expect(neighbours.order == [2, 1, 3, 0, 5, 4])
    let tied = try FeatureMatrix([0, 1, 1, 1, 0], rows: 5, columns: 1)
    let fromZero = try Neighbours(of: tied, to: .row(4), metric: .euclidean)
    #expect(fromZero.order == [4, 0, 1, 2, 3])
    #expect(try fromZero.farthest(2) == [1, 2])
    #expect(try Medoid(of: tied, metric: .euclidean).row == 1)
  }

  @Test func theMeanIsAReferenceOfItsOwn() throws {
    let m = try FeatureMatrix([0, 0, 2, 0, 10, 0], rows: 3, columns: 2)
    let neighbours = try Neighbours(of: m, to: .mean, metric: .euclidean)
    #expect(neighbours.referenceRow == nil)
    #expect(neighbours.distances == [4, 2, 6])
    #expect(try neighbours.nearest(3) == [1, 0, 2])
    #expect(try neighbours.farthest(3) == [2, 0, 1])
  }

  @Test func refuseWhatHasNoAnswer() throws {
    #expect(throws: StatisticsError.notFinite(index: 1)) {
      try FeatureMatrix([1, 2, .nan, 4], rows: 2, columns: 2)
    }
    #expect(throws: StatisticsError.countMismatch(expected: 6, actual: 4)) {
      try FeatureMatrix([1, 2, 3, 4], rows: 3, columns: 2)
    }
    let m = try FeatureMatrix([1, 2, 0, 0, 3, 4], rows: 3, columns: 2)
    #expect(throws: StatisticsError.zeroLengthRow(index: 1)) {
      try Neighbours(of: m, to: .row(0), metric: .cosine)
    }
    #expect(throws: StatisticsError.zeroLengthRow(index: 1)) { try Medoid(of: m, metric: .cosine) }
    #expect(throws: StatisticsError.indexOutOfRange(index: 3, count: 3)) {
      try Neighbours(of: m, to: .row(3), metric: .euclidean)
    }
    let neighbours = try Neighbours(of: m, to: .row(0), metric: .euclidean)
    #expect(throws: StatisticsError.invalidCount(what: "the number of neighbours", count: 3, available: 2)) {
      try neighbours.nearest(3)
    }
    #expect(throws: StatisticsError.invalidCount(what: "the number of neighbours", count: 0, available: 2)) {
      try neighbours.farthest(0)
    }
  }
}
