// Mid-ranks, and the area under the curve of a score by them.

/// Ranks of values.
enum Ranks {
  /// Ranks from 1; equal values share the mean of their ranks.
  static func middle(_ x: [Double]) -> [Double] {
    let order = x.indices.sorted { x[$0] < x[$1] }
    var ranks = [Double](repeating: 0, count: x.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, x[order[end]] == x[order[start]] { end += 1 }
      let rank = Double(start + end + 1) / 2
      for i in start..<end { ranks[order[i]] = rank }
      start = end
    }
    return ranks
  }
}

/// How well a score tells two classes apart.
public enum AreaUnderCurve {
  /// P(a positive's score > a negative's) + ½ P(equal), the Mann-Whitney U over the number of pairs; exact.
  ///
  /// - Throws: `StatisticsError.tooFew` if a class is empty, `.notFinite`.
  public static func of(positives: [Double], negatives: [Double]) throws(StatisticsError) -> Double {
    let statistic = "the area under the curve"
    try requireFinite(positives, statistic: statistic, minimum: 1)
    try requireFinite(negatives, statistic: statistic, minimum: 1)
    let ranks = Ranks.middle(positives + negatives)
    let n = Double(positives.count)
    // Mid-ranks are halves, so that the sum is exact.
    let wins = ranks.prefix(positives.count).reduce(0, +) - n * (n + 1) / 2
    return wins / (n * Double(negatives.count))
  }

  /// The area for a membership attack by loss thresholds (Yeom et al. 2018): `members` are called so because
  /// their loss is low. ½: the attack learns nothing; 1: every member has less loss than every other image.
  ///
  /// - Throws: as `of`.
  public static func membership(members: [Double], others: [Double]) throws(StatisticsError) -> Double {
    try of(positives: members.map { -$0 }, negatives: others.map { -$0 })
  }
}
