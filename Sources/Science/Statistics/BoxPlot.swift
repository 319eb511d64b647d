// The five figures and the outliers of a box plot.

import Glibc

/// The figures of a box plot with Tukey's whiskers.
public struct BoxPlot: Sendable, Equatable {
  /// The lower quartile.
  public let q1: Double
  /// The median.
  public let median: Double
  /// The upper quartile.
  public let q3: Double
  /// The smallest value at or above q1 − 1.5 (q3 − q1), or q1 if none lies between.
  public let whiskerLow: Double
  /// The largest value at or below q3 + 1.5 (q3 − q1), or q3 if none lies between.
  public let whiskerHigh: Double
  /// The values beyond the whiskers, ascending.
  public let outliers: [Double]

  /// Describes `sample`.
  ///
  /// - Throws: `StatisticsError.tooFew` for an empty sample, `.notFinite`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    try requireFinite(sample, statistic: "a box plot", minimum: 1)
    let x = sample.sorted()
    let lower = quantile(ofSorted: x, 0.25)
    let upper = quantile(ofSorted: x, 0.75)
    let reach = 1.5 * (upper - lower)
    let low = min(lower, x.first { $0 >= lower - reach } ?? lower)
    let high = max(upper, x.last { $0 <= upper + reach } ?? upper)
    q1 = lower
    median = quantile(ofSorted: x, 0.5)
    q3 = upper
    whiskerLow = low
    whiskerHigh = high
    outliers = x.filter { $0 < low || $0 > high }
  }
}

/// The p-quantile of ascending values by linear interpolation at (n − 1) p (Hyndman & Fan type 7).
func quantile(ofSorted x: [Double], _ p: Double) -> Double {
  let position = Double(x.count - 1) * p
  let i = Int(position)
  guard i + 1 < x.count else { return x[i] }
  let t = position - Double(i)
  let step = x[i + 1] - x[i]
  return t >= 0.5 ? x[i + 1] - step * (1 - t) : x[i] + step * t
}
