// Wilcoxon's signed-rank test of paired differences, exact also with ties.

/// A two-sided signed-rank test of whether paired differences are symmetric about zero (Wilcoxon 1945).
///
/// Differences of zero are left out, equal sizes share the mean of their ranks. Up to `exactLimit` differences the p-value
/// is that of all 2ⁿ signs of these very ranks, which is exact with ties too; above, it is by the normal law with the
/// variance Σ r²/4 of the ranks r, without a correction for continuity (scipy's `wilcoxon` with method asymptotic).
public struct SignedRankTest: Sendable, Equatable {
  /// The most differences whose p-value is exact.
  public static let exactLimit = 200

  /// The number of differences that are not zero.
  public let count: Int
  /// The sum of the ranks of the positive differences.
  public let positive: Double
  /// The sum of the ranks of the negative differences.
  public let negative: Double
  /// The two-sided p-value; 1 without a difference that is not zero.
  public let pvalue: Double

  /// −1, 0 or 1: the side to which the ranks lean.
  public var sign: Int { positive > negative ? 1 : positive < negative ? -1 : 0 }

  /// Tests differences.
  ///
  /// - Throws: `StatisticsError.tooFew` without a difference, `.notFinite`.
  public init(_ differences: [Double]) throws(StatisticsError) {
    try requireFinite(differences, statistic: "the signed-rank test", minimum: 1)
    let kept = differences.filter { $0 != 0 }
    let ranks = Ranks.middle(kept.map(abs))
    count = kept.count
    positive = zip(kept, ranks).reduce(0) { $1.0 > 0 ? $0 + $1.1 : $0 }
    negative = zip(kept, ranks).reduce(0) { $1.0 < 0 ? $0 + $1.1 : $0 }
    let least = min(positive, negative)
    if kept.isEmpty {
      pvalue = 1
    } else if kept.count <= Self.exactLimit {
      pvalue = min(1, 2 * Self.cumulative(ranks, upTo: least))
    } else {
      let mean = ranks.reduce(0, +) / 2
      let variance = ranks.reduce(0) { $0 + $1 * $1 } / 4
      pvalue = min(1, 2 * NormalDistribution.survival((mean - least) / variance.squareRoot()))
    }
  }

  /// P(sum of the ranks with a positive sign ≤ `sum`), each sign being even odds.
  private static func cumulative(_ ranks: [Double], upTo sum: Double) -> Double {
    // Mid-ranks are halves, so that twice a rank is whole. `chances[s]` is the probability of the sum s/2.
    let doubled = ranks.map { Int(2 * $0) }
    let limit = Int(2 * sum)
    var chances = [Double](repeating: 0, count: limit + 1)
    chances[0] = 1
    for rank in doubled {
      for s in stride(from: limit, through: 0, by: -1) {
        chances[s] = 0.5 * (chances[s] + (s >= rank ? chances[s - rank] : 0))
      }
    }
    return chances.reduce(0, +)
  }
}
