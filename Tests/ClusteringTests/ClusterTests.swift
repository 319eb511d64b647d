// Bands, k-means, average linkage and the Rand index.

import Clustering
import Foundation
import SampleData
import Statistics
import Testing

@Suite struct ClusterTests {
  @Test func bandsOfANormalLawHaveItsFractions() throws {
    let bands = try SigmaBands(sample("normal", 60_000, 8))
    #expect(abs(bands.normalFractions[0] - 0.15865525393145707) < 1e-16)
    #expect(abs(bands.normalFractions[1] - 0.6826894921370859) < 1e-15)
    for (actual, expected) in zip(bands.fractions, bands.normalFractions) {
      #expect(abs(actual - expected) < 0.005)
    }
    #expect(abs(bands.fractions.reduce(0, +) - 1) < 1e-15)
  }

  @Test func bandsAreCutAtTheirThresholds() throws {
    // Mean 4, standard deviation 2: the values 2 and 6 stand on the cuts and are moderate.
    let x: [Double] = [1, 2, 4, 4, 4, 6, 7, 4]
    let deviation = try Moments.standardDeviation(x)
    let bands = try SigmaBands(x, cuts: [-2 / deviation, 2 / deviation])
    #expect(bands.thresholds == [2, 6])
    #expect(bands.assignment == [0, 1, 1, 1, 1, 1, 2, 1])
    #expect(bands.fractions == [0.125, 0.75, 0.125])
    let four = try SigmaBands(x, cuts: [-2, 0, 2])
    #expect(four.assignment == [1, 1, 2, 2, 2, 2, 2, 2])
    #expect(throws: StatisticsError.self) { try SigmaBands(x, cuts: [1, -1]) }
    #expect(throws: StatisticsError.self) { try SigmaBands(x, cuts: []) }
  }

  @Test func bandsNeedASpread() {
    // 0.1 summed has a rounded mean, so the deviations are not exactly 0.
    for value in [0.0, 0.1, -7e300, 1e-300] {
      #expect(throws: StatisticsError.self) { try SigmaBands([Double](repeating: value, count: 30)) }
    }
  }

  /// Three clouds of 40, 30 and 20 rows around far centres.
  private func clouds() throws -> FeatureMatrix {
    var values = normals(31, 90 * 4).map { Float($0) }
    for i in 0..<90 { values[i * 4] += i < 40 ? 0 : (i < 70 ? 30 : 60) }
    return try FeatureMatrix(values, rows: 90, columns: 4)
  }

  @Test func kMeansFindsSeparateClouds() throws {
    var generator = SplitMix64(state: 1)
    let result = try KMeans(clouds(), clusters: 3, starts: 3, using: &generator)
    #expect(result.converged)
    #expect(
      result.assignment == [UInt8](repeating: 0, count: 40) + [UInt8](repeating: 1, count: 30)
        + [UInt8](repeating: 2, count: 20))
    // The inertia is that of the assignment about its own means.
    let m = try clouds()
    var inertia = 0.0
    for c in 0..<3 {
      let members = result.assignment.indices.filter { result.assignment[$0] == UInt8(c) }
      let mean = try m.selecting(members).mean()
      for i in 0..<90 where result.assignment[i] == UInt8(c) {
        for j in 0..<4 { inertia += pow(Double(m.values[i * 4 + j]) - mean[j], 2) }
      }
      for j in 0..<4 { #expect(abs(result.centres[c * 4 + j] - mean[j]) < 1e-12) }
    }
    #expect(relativeError(result.inertia, inertia) < 1e-12)
  }

  /// A row as far from one centre as from the other goes to the centre that was drawn first.
  @Test func kMeansBreaksTiesByTheOrderOfTheCentres() throws {
    // Twenty rows at 0, twenty at 2 and one between them, which no later step moves.
    let line = try FeatureMatrix(
      [Float](repeating: 0, count: 20) + [Float](repeating: 2, count: 20) + [1], rows: 41, columns: 1)
    for seed in 0..<20 {
      var generator = SplitMix64(state: UInt64(seed))
      var copy = generator
      // The first centre is the first draw.
      let first = Int.random(in: 0..<41, using: &copy)
      if first == 40 { continue }
      let result = try KMeans(line, clusters: 2, starts: 1, using: &generator)
      #expect(result.assignment[40] == result.assignment[first], "seed \(seed)")
      #expect(result.assignment[0] != result.assignment[20])
    }
  }

  @Test func clustersOfOneSizeAreNumberedByTheirFirstRow() throws {
    let m = try FeatureMatrix([9, 9, 1, 1, 5, 5, 9, 1, 5], rows: 9, columns: 1)
    for seed in 0..<10 {
      var generator = SplitMix64(state: UInt64(seed))
      let result = try KMeans(m, clusters: 3, using: &generator)
      #expect(result.assignment == [0, 0, 1, 1, 2, 2, 0, 1, 2], "seed \(seed)")
    }
  }

  /// Of several starts the best is kept: that of so many runs of one start each, from the same draws.
  @Test func kMeansKeepsTheBestOfItsStarts() throws {
    let m = try NeighbourTests.features(120, 2, seed: 21)
    for seed in 0..<10 {
      var (one, all) = (SplitMix64(state: UInt64(seed)), SplitMix64(state: UInt64(seed)))
      let inertias = try (0..<6).map { _ in
        try KMeans(m, clusters: 9, starts: 1, swaps: 0, using: &one).inertia
      }
      let best = try KMeans(m, clusters: 9, starts: 6, swaps: 0, using: &all)
      #expect(best.inertia == inertias.min(), "seed \(seed)")
    }
  }

  /// No row can go to another cluster and so lower the sum of squares about the clusters' means, by however little.
  @Test func noSingleMoveImprovesKMeans() throws {
    let m = try NeighbourTests.features(40, 2, seed: 33)
    func inertia(_ assignment: [UInt8]) throws -> Double {
      try Set(assignment).reduce(0.0) { total, c in
        let members = assignment.indices.filter { assignment[$0] == c }
        let mean = try m.selecting(members).mean()
        return members.reduce(total) { sum, i in
          (0..<2).reduce(sum) { $0 + pow(Double(m.values[i * 2 + $1]) - mean[$1], 2) }
        }
      }
    }
    for seed in 0..<10 {
      var generator = SplitMix64(state: UInt64(seed))
      let result = try KMeans(m, clusters: 6, starts: 1, swaps: 0, using: &generator)
      let found = try inertia(result.assignment)
      #expect(relativeError(result.inertia, found) < 1e-12)
      for row in 0..<40 {
        for c in 0..<6 as Range<UInt8> where c != result.assignment[row] {
          var moved = result.assignment
          moved[row] = c
          #expect(try inertia(moved) >= found * (1 - 1e-9), "seed \(seed), row \(row) to \(c)")
        }
      }
    }
  }

  @Test func kMeansDependsOnTheGeneratorAlone() throws {
    let m = try NeighbourTests.features(500, 8, seed: 12)
    var (a, b) = (SplitMix64(state: 5), SplitMix64(state: 5))
    let first = try KMeans(m, clusters: 6, using: &a)
    let second = try KMeans(m, clusters: 6, using: &b)
    #expect(first.assignment == second.assignment && first.inertia == second.inertia)
  }

  @Test func kMeansTakesDuplicatesAndTheLargestK() throws {
    let same = try FeatureMatrix([Float](repeating: 2, count: 12), rows: 6, columns: 2)
    var generator = SplitMix64(state: 2)
    let result = try KMeans(same, clusters: 3, using: &generator)
    #expect(result.inertia == 0)
    let line = try FeatureMatrix([1, 5, 9, 14], rows: 4, columns: 1)
    let all = try KMeans(line, clusters: 4, using: &generator)
    #expect(Set(all.assignment).count == 4 && all.inertia == 0)
    #expect(throws: StatisticsError.invalidCount(what: "the number of clusters", count: 5, available: 4)) {
      try KMeans(line, clusters: 5, using: &generator)
    }
  }

  @Test func averageLinkageAgreesWithScipy() throws {
    let m = try FeatureMatrix(normals(9001, 180).map { Float($0) }, rows: 60, columns: 3)
    let lines = try goldenLines("linkage.txt")
    for metric in Metric.allCases {
      let rows = lines.filter { $0[0] == metric.rawValue }
      let tree = try AverageLinkage(m, metric: metric)
      let heights = rows[0].dropFirst().compactMap(Double.init)
      #expect(heights.count == 59 && tree.merges.count == 59)
      for (merge, height) in zip(tree.merges, heights) {
        #expect(relativeError(merge.height, height) < 1e-12)
      }
      #expect(try RandIndex.adjusted(tree.assignment(clusters: 5), Array(rows[1].dropFirst())) == 1)
    }
    #expect(try Set(AverageLinkage(m).assignment(clusters: 60)).count == 60)
    #expect(try Set(AverageLinkage(m).assignment(clusters: 1)) == [0])
  }

  @Test func randIndexOfKnownPartitions() throws {
    // The contingency table [[2, 0, 0], [1, 1, 0], [0, 0, 2]]: pairs 2 of (3, 3), expectation 9/15.
    let index = try RandIndex.adjusted([0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 2, 2])
    let expected = (2.0 - 3.0 * 4.0 / 15.0) / (3.5 - 3.0 * 4.0 / 15.0)
    #expect(abs(index - expected) < 1e-15)
    #expect(try RandIndex.adjusted([0, 0, 1, 1], ["b", "b", "a", "a"]) == 1)
    // No pair is together in both: (0 − 2/3) / (2 − 2/3).
    #expect(try abs(RandIndex.adjusted([0, 0, 1, 1], [0, 1, 0, 1]) + 0.5) < 1e-15)
    #expect(throws: StatisticsError.countMismatch(expected: 2, actual: 3)) {
      try RandIndex.adjusted([0, 1], [0, 1, 1])
    }
  }
}
