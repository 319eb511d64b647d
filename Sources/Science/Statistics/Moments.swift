// Sums and moments of a sample, summed with compensation so that large offsets cost no digits.

import Glibc

/// Moments of a sample.
public enum Moments {
  /// The arithmetic mean.
  ///
  /// - Throws: `StatisticsError.tooFew` for an empty sample, `.notFinite`.
  public static func mean(_ sample: [Double]) throws(StatisticsError) -> Double {
    try requireFinite(sample, statistic: "the mean", minimum: 1)
    return unchecked(sample).mean
  }

  /// The standard deviation with divisor n − 1.
  ///
  /// - Throws: `StatisticsError.tooFew` below 2 values, `.notFinite`.
  public static func standardDeviation(_ sample: [Double]) throws(StatisticsError) -> Double {
    try requireFinite(sample, statistic: "the standard deviation", minimum: 2)
    return (unchecked(sample).m2 * Double(sample.count) / Double(sample.count - 1)).squareRoot()
  }

  /// Skewness g₁ = m₃ / m₂^{3/2}, the biased (population) form.
  ///
  /// - Throws: `StatisticsError.tooFew`, `.notFinite`, `.constant`.
  public static func skewness(_ sample: [Double]) throws(StatisticsError) -> Double {
    let m = try checked(sample, statistic: "skewness", minimum: 2)
    return m.m3 / pow(m.m2, 1.5)
  }

  /// Excess kurtosis g₂ = m₄ / m₂² − 3, the biased (population) form; 0 for a normal law.
  ///
  /// - Throws: `StatisticsError.tooFew`, `.notFinite`, `.constant`.
  public static func excessKurtosis(_ sample: [Double]) throws(StatisticsError) -> Double {
    let m = try checked(sample, statistic: "kurtosis", minimum: 2)
    return m.m4 / (m.m2 * m.m2) - 3
  }

  /// Mean and biased central moments mₖ = (1/n) Σ (x − mean)ᵏ.
  package struct Central {
    package var mean: Double
    package var m2: Double
    package var m3: Double
    package var m4: Double
  }

  /// Central moments of a sample that has a spread.
  package static func checked(
    _ sample: [Double], statistic: String, minimum: Int
  ) throws(StatisticsError) -> Central {
    try requireFinite(sample, statistic: statistic, minimum: minimum)
    let m = unchecked(sample)
    if !(m.mean.isFinite && m.m4.isFinite) || (m.m4 == 0 && m.m2 > 0) {
      if sample.allSatisfy({ $0 == sample[0] }) { throw .constant(statistic: statistic, value: sample[0]) }
      throw .unrepresentable(statistic: statistic)
    }
    // The deviations of equal values from their rounded mean are a few ulps: no spread to divide by.
    let rounding = Double.ulpOfOne * abs(m.mean)
    if m.m2 <= rounding * rounding { throw .constant(statistic: statistic, value: sample[0]) }
    return m
  }

  /// Two passes: the mean, then the powers of the deviations.
  static func unchecked(_ sample: [Double]) -> Central {
    let n = Double(sample.count)
    var sum = CompensatedSum()
    for x in sample { sum.add(x) }
    let mean = sum.value / n
    var s2 = CompensatedSum()
    var s3 = CompensatedSum()
    var s4 = CompensatedSum()
    for x in sample {
      let d = x - mean
      s2.add(d * d)
      s3.add(d * d * d)
      s4.add(d * d * d * d)
    }
    return Central(mean: mean, m2: s2.value / n, m3: s3.value / n, m4: s4.value / n)
  }
}

/// Throws unless the sample has at least `minimum` values, all finite.
func requireFinite(_ sample: [Double], statistic: String, minimum: Int) throws(StatisticsError) {
  if sample.count < minimum {
    throw .tooFew(statistic: statistic, count: sample.count, minimum: minimum)
  }
  if let index = sample.firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: index) }
}

/// Neumaier's compensated sum.
package struct CompensatedSum {
  private var sum = 0.0
  private var compensation = 0.0

  /// An empty sum.
  package init() {}

  /// The sum so far.
  package var value: Double { sum + compensation }

  /// Adds one term.
  package mutating func add(_ x: Double) {
    let t = sum + x
    compensation += abs(sum) >= abs(x) ? (sum - t) + x : (x - t) + sum
    sum = t
  }
}
