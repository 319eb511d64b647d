// The moment tests of normality: skewness, kurtosis, and D'Agostino and Pearson's sum of both.

import Glibc

/// A moment test: a standard normal score and its two-sided p-value.
public struct MomentTest: Sendable, Equatable {
  /// The score, standard normal under normality of the sample.
  public let statistic: Double
  /// P(|Z| ≥ |statistic|).
  public let pvalue: Double
  /// The natural logarithm of the p-value, which does not underflow.
  public let logPvalue: Double

  private init(score: Double) {
    statistic = score
    logPvalue = min(0, log(2.0) + NormalDistribution.logSurvival(abs(score)))
    pvalue = exp(logPvalue)
  }

  /// The test of skewness (D'Agostino 1970; D'Agostino, Belanger & D'Agostino 1990).
  ///
  /// - Throws: `StatisticsError.tooFew` below 8 values, `.notFinite`, `.constant`.
  public static func skewness(_ sample: [Double]) throws(StatisticsError) -> MomentTest {
    let m = try Moments.checked(sample, statistic: "the skewness test", minimum: 8)
    let n = Double(sample.count)
    let y = m.m3 / pow(m.m2, 1.5) * ((n + 1) * (n + 3) / (6 * (n - 2))).squareRoot()
    let beta2 =
      3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    let w2 = (2 * (beta2 - 1)).squareRoot() - 1
    let delta = 1 / (0.5 * log(w2)).squareRoot()
    let alpha = (2 / (w2 - 1)).squareRoot()
    return MomentTest(score: delta * asinh(y / alpha))
  }

  /// The test of kurtosis (Anscombe & Glynn 1983).
  ///
  /// The approximation is meant for n ≥ 20; from 5 values on a figure is given.
  ///
  /// - Throws: `StatisticsError.tooFew` below 5 values, `.notFinite`, `.constant`.
  public static func kurtosis(_ sample: [Double]) throws(StatisticsError) -> MomentTest {
    let m = try Moments.checked(sample, statistic: "the kurtosis test", minimum: 5)
    let n = Double(sample.count)
    let expected = 3 * (n - 1) / (n + 1)
    let variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) * (n + 1) * (n + 3) * (n + 5))
    let x = (m.m4 / (m.m2 * m.m2) - expected) / variance.squareRoot()
    let skewness =
      6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
      * (6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3))).squareRoot()
    let a = 6 + 8 / skewness * (2 / skewness + (1 + 4 / (skewness * skewness)).squareRoot())
    // A vanishing denominator is a pole of the transformation; the signed cube root goes to ±∞ there.
    let denominator = 1 + x * (2 / (a - 4)).squareRoot()
    let root = cbrt((1 - 2 / a) / denominator)
    return MomentTest(score: (1 - 2 / (9 * a) - root) / (2 / (9 * a)).squareRoot())
  }
}

/// The omnibus test of D'Agostino and Pearson (1973): K² = Z(skewness)² + Z(kurtosis)², chi-square with 2
/// degrees of freedom.
public struct NormalTest: Sendable, Equatable {
  /// K².
  public let statistic: Double
  /// P(χ²₂ > K²) = exp(−K²/2).
  public let pvalue: Double
  /// The natural logarithm of the p-value, which does not underflow.
  public let logPvalue: Double

  /// Tests `sample`.
  ///
  /// - Throws: `StatisticsError.tooFew` below 8 values, `.notFinite`, `.constant`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    let s = try MomentTest.skewness(sample).statistic
    let k = try MomentTest.kurtosis(sample).statistic
    statistic = s * s + k * k
    logPvalue = ChiSquare.logSurvival(statistic, degreesOfFreedom: 2)
    pvalue = exp(logPvalue)
  }
}
