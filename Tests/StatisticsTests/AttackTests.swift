// The likelihood-ratio attack and the datamodeling score, against scipy and their definitions.

import Foundation
import Statistics
import Testing

@Suite struct AttackTests {
  private static func first(_ g: Int, _ m: Int) -> Double {
    let place: Int = g * 37 + m * 11 + g * m * 5
    return Double(place % 23) / 4
  }

  private static func second(_ g: Int, _ m: Int) -> Double {
    let place: Int = g * 29 + m * 17 + g * g * 3
    return Double(place % 19) / 3
  }

  @Test func scoresAreDifferencesOfLogDensities() {
    // scipy.stats: norm.logpdf(x, .4, .7) − norm.logpdf(x, 2, 1.1).
    let attack = LikelihoodRatioAttack(
      unlearned: .init(mean: 0.4, deviation: 0.7), retrained: .init(mean: 2, deviation: 1.1))
    #expect(abs(attack.score(1.3) + 0.17206614965886557) < 1e-14)
    #expect(abs(attack.score(-2.5) - 0.2381210657231545) < 1e-13)
  }

  /// The definition: among all thresholds with at most the allowed share of false positives, the most true ones.
  @Test func ratesAreTheBestOfAllThresholds() throws {
    let negatives = (0..<60).map { Double(($0 * 37 + 11) % 41) }
    let positives = (0..<45).map { Double(($0 * 29 + 5) % 53) }
    for rate in [0, 0.01, 0.05, 0.1, 0.3, 0.9] {
      var best = 0.0
      for threshold in (-1...60).map(Double.init) {
        let wrong = negatives.count { $0 > threshold }
        let right = positives.count { $0 > threshold }
        if Double(wrong) <= rate * 60 + 1e-9 { best = max(best, Double(right) / 45) }
      }
      let found = try LikelihoodRatioAttack.truePositiveRate(
        positives: positives, negatives: negatives, falsePositiveRate: rate)
      #expect(found == best, "\(rate)")
    }
    // Ties count for the defender, and 1 % of 300 are three.
    #expect(
      try LikelihoodRatioAttack.truePositiveRate(
        positives: [1, 1, 2], negatives: [1, 1], falsePositiveRate: 0) == 1.0 / 3)
    #expect(
      try LikelihoodRatioAttack.truePositiveRate(
        positives: [296.5], negatives: (0..<300).map(Double.init), falsePositiveRate: 0.01) == 1)
    #expect(
      try LikelihoodRatioAttack.truePositiveRate(
        positives: [295.5], negatives: (0..<300).map(Double.init), falsePositiveRate: 0.01) == 0)
    #expect(throws: StatisticsError.self) {
      try LikelihoodRatioAttack.truePositiveRate(positives: [1], negatives: [1], falsePositiveRate: 1)
    }
    #expect(throws: StatisticsError.self) {
      try LikelihoodRatioAttack.truePositiveRate(positives: [.nan], negatives: [1], falsePositiveRate: 0)
    }
  }

  /// Nine groups, five images, ties: scipy.stats.spearmanr of each image, the mean, and numpy's jackknife over groups.
  @Test func datamodelingScoreIsScipys() throws {
    let predicted: [[Double]] = (0..<9).map { g in (0..<5).map { m in Self.first(g, m) } }
    let actual: [[Double]] = (0..<9).map { g in (0..<5).map { m in Self.second(g, m) + Self.first(g, m) / 2 }
    }
    let score = try DatamodelingScore(predicted: predicted, actual: actual)
    #expect(abs(score.score - 0.4033333333333333) < 1e-12)
    #expect(abs(score.interval.lowerBound - -0.03736724705665467) < 1e-9)
    #expect(abs(score.interval.upperBound - 0.8440339137233213) < 1e-9)
    #expect(score.images == 5 && score.groups == 9)
    // An image that no group moves has no rank.
    let still = try DatamodelingScore(predicted: predicted.map { $0 + [1] }, actual: actual.map { $0 + [2] })
    #expect(still.score == score.score && still.images == 5)
  }

  @Test func datamodelingScoreRefusesWhatHasNone() {
    let rows = (0..<4).map { [Double($0)] }
    #expect(throws: StatisticsError.self) {
      try DatamodelingScore(predicted: Array(rows.prefix(3)), actual: Array(rows.prefix(3)))
    }
    #expect(throws: StatisticsError.countMismatch(expected: 4, actual: 3)) {
      try DatamodelingScore(predicted: rows, actual: Array(rows.prefix(3)))
    }
    #expect(throws: StatisticsError.countMismatch(expected: 1, actual: 2)) {
      try DatamodelingScore(predicted: rows, actual: rows.map { $0 + [0] })
    }
    #expect(throws: StatisticsError.notFinite(index: 0)) {
      try DatamodelingScore(predicted: rows, actual: [[.nan], [0], [1], [2]])
    }
    #expect(throws: StatisticsError.self) {
      try DatamodelingScore(predicted: rows, actual: rows.map { _ in [1] })
    }
  }
}
