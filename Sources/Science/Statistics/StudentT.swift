// Student's t: its tail by the incomplete beta function and its quantile, for intervals over few repeats.

import Glibc

/// Student's t distribution.
public enum StudentT {
  /// P(T > t) with `degreesOfFreedom` ν > 0; accurate in relative terms for t > 0.
  public static func survival(_ t: Double, degreesOfFreedom nu: Double) -> Double {
    guard nu > 0, !t.isNaN else { return .nan }
    if t < 0 { return 1 - survival(-t, degreesOfFreedom: nu) }
    // P(T > t) = ½ I_{ν/(ν+t²)}(ν/2, ½)  (A&S 26.7.1); the argument's complement is t²/(ν+t²).
    let x = nu / (nu + t * t)
    let y = t * t / (nu + t * t)
    return 0.5 * IncompleteBeta.regularised(nu / 2, 0.5, x: x, complement: y)
  }

  /// The t with P(T ≤ t) = p, for p in (0, 1) and ν > 0 (NaN outside).
  public static func quantile(_ p: Double, degreesOfFreedom nu: Double) -> Double {
    guard p > 0, p < 1, nu > 0 else { return .nan }
    if p == 0.5 { return 0 }
    let tail = min(p, 1 - p)
    let t = upperQuantile(tail, nu)
    return p < 0.5 ? -t : t
  }

  /// The t > 0 with P(T > t) = `tail` < ½.
  private static func upperQuantile(_ tail: Double, _ nu: Double) -> Double {
    if nu == 1 { return 1 / tan(Double.pi * tail) }
    if nu == 2 { return (1 - 2 * tail) / (2 * tail * (1 - tail)).squareRoot() }
    var low = 0.0
    var high = max(1, -NormalDistribution.quantile(tail))
    while survival(high, degreesOfFreedom: nu) > tail {
      low = high
      high *= 2
    }
    // Newton on ln P(T > t), which is concave in t; a step that leaves the bracket is a bisection instead.
    let logConstant =
      logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * log(nu * Double.pi)
    var t = 0.5 * (low + high)
    for _ in 0..<200 {
      let s = survival(t, degreesOfFreedom: nu)
      if s > tail { low = t } else { high = t }
      let density = exp(logConstant - 0.5 * (nu + 1) * log1p(t * t / nu))
      var next = t + log(s / tail) * s / density
      if !(next > low && next < high) { next = 0.5 * (low + high) }
      if abs(next - t) <= 1e-15 * t { return next }
      t = next
    }
    return t
  }
}

/// The regularised incomplete beta function.
public enum IncompleteBeta {
  /// I_x(a, b) for a, b > 0 and 0 ≤ x ≤ 1.
  ///
  /// - Parameter complement: 1 − x, given apart because x may be too near 1 for the difference to hold.
  public static func regularised(_ a: Double, _ b: Double, x: Double, complement: Double) -> Double {
    if x <= 0 { return 0 }
    if complement <= 0 { return 1 }
    // The logarithm of the larger part comes from the smaller, which has more digits of it.
    let logX = x > 0.5 ? log1p(-complement) : log(x)
    let logComplement = x > 0.5 ? log(complement) : log1p(-x)
    let prefix = exp(a * logX + b * logComplement - logBeta(a, b))
    if x < (a + 1) / (a + b + 2) { return prefix * fraction(a, b, x) / a }
    return 1 - prefix * fraction(b, a, complement) / b
  }

  /// The continued fraction of A&S 26.5.8 by Lentz's method.
  private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    var c = 1.0
    var d = 1 / (1 - (a + b) * x / (a + 1))
    var h = d
    for i in 1...100_000 {
      let m = Double(i)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / (1 + even * d)
      c = 1 + even / c
      h *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / (1 + odd * d)
      c = 1 + odd / c
      h *= d * c
      if abs(d * c - 1) < 1e-16 { break }
    }
    return h
  }

  /// ln B(a, b), without cancellation when one of them is large.
  private static func logBeta(_ a: Double, _ b: Double) -> Double {
    let large = max(a, b)
    let small = min(a, b)
    if large < 12 { return logGamma(a) + logGamma(b) - logGamma(a + b) }
    let ratio =
      stirlingError(large) - stirlingError(large + small) - (large - 0.5) * log1p(small / large)
      - small * log(large + small) + small
    return logGamma(small) + ratio
  }
}
