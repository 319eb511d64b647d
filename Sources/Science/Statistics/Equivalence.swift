// Two one-sided tests of equivalence, and the spread that margins are counted in.

/// Two one-sided t tests (Schuirmann 1987) of whether a mean difference lies within a margin of zero.
public struct EquivalenceTest: Sendable, Equatable {
  /// The larger of the p-values of mean ≤ −margin and of mean ≥ margin: below a level, the mean lies within the margin.
  /// NaN for a single difference.
  public let pvalue: Double

  /// Tests differences against a positive margin in the same unit.
  ///
  /// - Throws: `StatisticsError.tooFew` without a difference, `.notFinite`, `.invalidParameter` for a margin that is not
  ///   positive and finite.
  public init(_ differences: [Double], margin: Double) throws(StatisticsError) {
    guard margin > 0, margin.isFinite else {
      throw .invalidParameter(name: "margin", reason: "must be positive and finite")
    }
    let summary = try Summary(differences)
    guard let deviation = summary.standardDeviation else {
      pvalue = .nan
      return
    }
    // The distance of the mean from the nearer end of the margin decides.
    let room = margin - abs(summary.mean)
    if deviation == 0 {
      pvalue = room > 0 ? 0 : 1
    } else {
      let n = Double(differences.count)
      pvalue = StudentT.survival(room / deviation * n.squareRoot(), degreesOfFreedom: n - 1)
    }
  }
}

/// How far retrained nets of different seeds lie apart on the same group, pooled over groups.
public enum SeedSpread {
  /// The standard deviation within groups: the root of Σ (n_g − 1) s_g² / Σ (n_g − 1); NaN where no group has two values.
  ///
  /// - Throws: `StatisticsError.notFinite`.
  public static func pooled(_ groups: [[Double]]) throws(StatisticsError) -> Double {
    var squares = CompensatedSum()
    var freedom = 0
    for group in groups where group.count > 1 {
      let deviation = try Moments.standardDeviation(group)
      squares.add(Double(group.count - 1) * deviation * deviation)
      freedom += group.count - 1
    }
    return freedom == 0 ? .nan : (squares.value / Double(freedom)).squareRoot()
  }

  /// The standard deviation, in spreads, of a net less the mean of k others like it: √(1 + 1/k).
  ///
  /// - Precondition: k ≥ 1.
  public static func factor(references k: Int) -> Double {
    precondition(k >= 1, "at least one reference")
    return (1 + 1 / Double(k)).squareRoot()
  }
}
