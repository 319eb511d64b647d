// The regularised incomplete gamma function and the chi-square tail that stands on it.

import Glibc

/// The regularised incomplete gamma functions.
public enum IncompleteGamma {
  /// P(a, x) = γ(a, x) / Γ(a), for a > 0 and x ≥ 0 (NaN outside).
  public static func lower(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 0 }
    return x < a + 1 ? exp(logSeries(a, x)) : 1 - exp(logFraction(a, x))
  }

  /// Q(a, x) = 1 − P(a, x), accurate in relative terms in the upper tail.
  public static func upper(_ a: Double, _ x: Double) -> Double { exp(logUpper(a, x)) }

  /// ln Q(a, x), for tails too small for a double.
  public static func logUpper(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 0 }
    return x < a + 1 ? log1p(-exp(logSeries(a, x))) : logFraction(a, x)
  }

  /// ln P(a, x) by its power series (Abramowitz & Stegun 6.5.29), which converges fast for x < a + 1.
  private static func logSeries(_ a: Double, _ x: Double) -> Double {
    var term = 1 / a
    var sum = term
    var n = a
    while term > sum * 1e-17 {
      n += 1
      term *= x / n
      sum += term
    }
    return logPrefix(a, x) + log(sum)
  }

  /// ln Q(a, x) by its continued fraction (A&S 6.5.31) with Lentz's method, for x ≥ a + 1.
  private static func logFraction(_ a: Double, _ x: Double) -> Double {
    if x == .infinity { return -.infinity }
    var b = x + 1 - a
    var c = Double.greatestFiniteMagnitude
    var d = 1 / b
    var h = d
    for i in 1...100_000 {
      let an = -Double(i) * (Double(i) - a)
      b += 2
      d = 1 / (an * d + b)
      c = b + an / c
      let factor = c * d
      h *= factor
      if abs(factor - 1) < 1e-16 { break }
    }
    return logPrefix(a, x) + log(h)
  }

  /// ln(xᵃ e⁻ˣ / Γ(a)), without the cancellation between its large parts when a is large.
  private static func logPrefix(_ a: Double, _ x: Double) -> Double {
    if a < 12 { return a * log(x) - x - logGamma(a) }
    let t = (x - a) / a
    let deviance = a * (t - log1p(t))
    return 0.5 * log(a / (2 * Double.pi)) - deviance - stirlingError(a)
  }
}

/// The chi-square distribution.
public enum ChiSquare {
  /// P(X > x) with `degreesOfFreedom` > 0.
  public static func survival(_ x: Double, degreesOfFreedom: Double) -> Double {
    exp(logSurvival(x, degreesOfFreedom: degreesOfFreedom))
  }

  /// ln P(X > x).
  public static func logSurvival(_ x: Double, degreesOfFreedom: Double) -> Double {
    if x <= 0 { return 0 }
    if degreesOfFreedom == 2 { return -x / 2 }
    return IncompleteGamma.logUpper(degreesOfFreedom / 2, x / 2)
  }
}

/// ln Γ(x) for x > 0; the reentrant form, since `lgamma` writes a global.
func logGamma(_ x: Double) -> Double {
  var sign: Int32 = 0
  return lgamma_r(x, &sign)
}

/// ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π] for x ≥ 10, by Stirling's series (error below 1e-16).
func stirlingError(_ x: Double) -> Double {
  let coefficients: [Double] = [1 / 12.0, -1 / 360.0, 1 / 1260.0, -1 / 1680.0, 1 / 1188.0, -691 / 360_360.0]
  return polynomial(coefficients, 1 / (x * x)) / x
}
