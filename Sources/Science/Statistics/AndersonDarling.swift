// The Anderson-Darling test of normality.

import Glibc

/// The Anderson-Darling test of normality with both parameters estimated.
public struct AndersonDarling: Sendable, Equatable {
  /// A².
  public let statistic: Double
  /// A*² = A² (1 + 0.75/n + 2.25/n²), Stephens' modification for the size of the sample.
  public let adjustedStatistic: Double
  /// The p-value of A*² by D'Agostino & Stephens (1986), table 4.9.
  public let pvalue: Double

  /// Tests `sample`.
  ///
  /// - Throws: `StatisticsError.tooFew` below 3 values, `.notFinite`, `.constant`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    let m = try Moments.checked(sample, statistic: "the Anderson-Darling test", minimum: 3)
    let n = sample.count
    let size = Double(n)
    let deviation = (m.m2 * size / (size - 1)).squareRoot()
    let w = sample.sorted().map { ($0 - m.mean) / deviation }
    var sum = CompensatedSum()
    for i in 0..<n {
      let pair = NormalDistribution.logCumulative(w[i]) + NormalDistribution.logSurvival(w[n - 1 - i])
      sum.add((2 * Double(i) + 1) / size * pair)
    }
    statistic = -size - sum.value
    adjustedStatistic = statistic * (1 + 0.75 / size + 2.25 / (size * size))
    pvalue = Self.pvalue(adjusted: adjustedStatistic)
  }

  private static func pvalue(adjusted a: Double) -> Double {
    switch a {
    case 0.6...:
      // The fitted parabola turns upwards at 5.709 / (2 · 0.0186) ≈ 153; its minimum stands from there on.
      let bounded = min(a, 5.709 / (2 * 0.0186))
      return exp(1.2937 - 5.709 * bounded + 0.0186 * bounded * bounded)
    case 0.34..<0.6: return exp(0.9177 - 4.279 * a - 1.38 * a * a)
    case 0.2..<0.34: return 1 - exp(-8.318 + 42.796 * a - 59.938 * a * a)
    default: return 1 - exp(-13.436 + 101.14 * a - 223.73 * a * a)
    }
  }
}
