// The normal probability plot: ordered values against Filliben's order-statistic medians.

import Glibc

/// The normal probability plot of a sample with its least-squares line.
public struct ProbabilityPlot: Sendable, Equatable {
  /// Normal quantiles of Filliben's (1975) medians of the order statistics, ascending.
  public let theoretical: [Double]
  /// The sample, ascending.
  public let ordered: [Double]
  /// The slope of `ordered` on `theoretical`: an estimate of the standard deviation.
  public let slope: Double
  /// The intercept of the line: an estimate of the mean.
  public let intercept: Double
  /// The correlation of the two coordinates.
  public let r: Double

  /// Plots `sample`.
  ///
  /// - Throws: `StatisticsError.tooFew` below 3 values, `.notFinite`, `.constant`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    let moments = try Moments.checked(sample, statistic: "the probability plot", minimum: 3)
    let n = sample.count
    let last = pow(0.5, 1 / Double(n))
    // Of the first and last medians the lower tail is the one that keeps its digits: 1 − 0.5^(1/n).
    let first = -expm1(log(0.5) / Double(n))
    theoretical = (1...n).map { i in
      if i == 1 { return NormalDistribution.quantile(first) }
      if i == n { return NormalDistribution.quantile(last) }
      return NormalDistribution.quantile((Double(i) - 0.3175) / (Double(n) + 0.365))
    }
    ordered = sample.sorted()
    var mean = CompensatedSum()
    for t in theoretical { mean.add(t) }
    let centre = mean.value / Double(n)
    var tt = CompensatedSum()
    var tx = CompensatedSum()
    for i in 0..<n {
      let t = theoretical[i] - centre
      tt.add(t * t)
      tx.add(t * (ordered[i] - moments.mean))
    }
    slope = tx.value / tt.value
    intercept = moments.mean - slope * centre
    r = min(1, tx.value / (tt.value * moments.m2 * Double(n)).squareRoot())
  }
}
