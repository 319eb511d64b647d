// The standard normal law: tails down to the smallest double and beyond (as logarithms), and its inverse.

import Glibc

/// The standard normal distribution.
public enum NormalDistribution {
  /// P(Z ≤ z), accurate in relative terms in the lower tail.
  public static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

  /// P(Z > z), accurate in relative terms in the upper tail; underflows above z ≈ 38.
  public static func survival(_ z: Double) -> Double { 0.5 * erfc(z / 2.0.squareRoot()) }

  /// ln P(Z ≤ z), for any z.
  public static func logCumulative(_ z: Double) -> Double { logSurvival(-z) }

  /// ln P(Z > z), for any z.
  public static func logSurvival(_ z: Double) -> Double {
    if z < 0 { return log1p(-survival(-z)) }
    if z < 30 { return log(survival(z)) }
    // Asymptotic series of Mills' ratio (Abramowitz & Stegun 26.2.12); from z = 30 on the first term left
    // out is below 1e-13.
    let r = 1 / (z * z)
    let series = -r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r)))
    return -0.5 * z * z - log(z) - 0.5 * log(2 * Double.pi) + log1p(series)
  }

  /// The z with P(Z ≤ z) = p, to about 1 in 10¹⁶ (Wichura 1988, algorithm AS 241, PPND16).
  ///
  /// - Parameter p: A probability; 0 and 1 give ∓∞, anything outside gives NaN.
  public static func quantile(_ p: Double) -> Double {
    guard p >= 0, p <= 1 else { return .nan }
    if p == 0 { return -.infinity }
    if p == 1 { return .infinity }
    let q = p - 0.5
    if abs(q) <= 0.425 {
      let r = 0.180625 - q * q
      return q * polynomial(centralNumerator, r) / polynomial(centralDenominator, r)
    }
    let r = (-log(min(p, 1 - p))).squareRoot()
    let magnitude =
      r <= 5
      ? polynomial(middleNumerator, r - 1.6) / polynomial(middleDenominator, r - 1.6)
      : polynomial(tailNumerator, r - 5) / polynomial(tailDenominator, r - 5)
    return q < 0 ? -magnitude : magnitude
  }

  // Coefficients of AS 241, constant term first.
  private static let centralNumerator: [Double] = [
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
  ]
  private static let centralDenominator: [Double] = [
    1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
  ]
  private static let middleNumerator: [Double] = [
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
    7.74545014278341407640e-4,
  ]
  private static let middleDenominator: [Double] = [
    1, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
    1.05075007164441684324e-9,
  ]
  private static let tailNumerator: [Double] = [
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
    2.01033439929228813265e-7,
  ]
  private static let tailDenominator: [Double] = [
    1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
    2.04426310338993978564e-15,
  ]
}

/// Σ coefficients[i]·xⁱ by Horner's rule.
func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
  var sum = 0.0
  for c in coefficients.reversed() { sum = sum * x + c }
  return sum
}
