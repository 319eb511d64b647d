// Pearson's and Spearman's correlation with Fisher-z intervals.

import Glibc

/// A correlation coefficient with its 95 % interval.
public struct Correlation: Sendable, Equatable, Codable {
  /// The coefficient, in −1…1.
  public let coefficient: Double
  /// The lower end of the 95 % interval; none below 4 pairs.
  public let lower: Double?
  /// The upper end of the 95 % interval; none below 4 pairs.
  public let upper: Double?
  /// The number of pairs.
  public let count: Int

  /// Pearson's r; interval tanh(artanh r ± z₀.₉₇₅ / √(n − 3)) (Fisher 1921).
  ///
  /// - Throws: `StatisticsError.countMismatch`, `.tooFew` below 3 pairs, `.notFinite`, `.constant`.
  public static func pearson(_ x: [Double], _ y: [Double]) throws(StatisticsError) -> Correlation {
    let r = try coefficient(x, y, statistic: "Pearson's correlation")
    return Correlation(r, count: x.count, varianceFactor: 1)
  }

  /// Spearman's ρ, Pearson's r of the mid-ranks; interval tanh(artanh ρ ± z₀.₉₇₅ √(1.06 / (n − 3)))
  /// (Fieller, Hartley & Pearson 1957).
  ///
  /// - Throws: `StatisticsError.countMismatch`, `.tooFew` below 3 pairs, `.notFinite`, `.constant`.
  public static func spearman(_ x: [Double], _ y: [Double]) throws(StatisticsError) -> Correlation {
    let statistic = "Spearman's correlation"
    try requireFinite(x, statistic: statistic, minimum: 3)
    try requireFinite(y, statistic: statistic, minimum: 3)
    let r = try coefficient(Ranks.middle(x), Ranks.middle(y), statistic: statistic)
    return Correlation(r, count: x.count, varianceFactor: 1.06)
  }

  private init(_ r: Double, count: Int, varianceFactor: Double) {
    coefficient = r
    self.count = count
    guard count > 3 else {
      lower = nil
      upper = nil
      return
    }
    let half =
      NormalDistribution.quantile(0.975) * (varianceFactor / Double(count - 3)).squareRoot()
    lower = tanh(atanh(r) - half)
    upper = tanh(atanh(r) + half)
  }

  private static func coefficient(_ x: [Double], _ y: [Double], statistic: String)
    throws(StatisticsError) -> Double
  {
    if x.count != y.count { throw .countMismatch(expected: x.count, actual: y.count) }
    let mx = try Moments.checked(x, statistic: statistic, minimum: 3)
    let my = try Moments.checked(y, statistic: statistic, minimum: 3)
    var sum = CompensatedSum()
    for i in x.indices { sum.add((x[i] - mx.mean) * (y[i] - my.mean)) }
    let r = sum.value / Double(x.count) / (mx.m2.squareRoot() * my.m2.squareRoot())
    return max(-1, min(1, r))
  }
}
