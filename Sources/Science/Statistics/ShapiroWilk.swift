// The Shapiro-Wilk test of normality by Royston's approximation, algorithm AS R94.

import Glibc

/// The Shapiro-Wilk test of normality (Royston 1995, Applied Statistics 44, remark AS R94, uncensored).
public struct ShapiroWilk: Sendable, Equatable {
  /// W in (0, 1]; near 1 for a normal sample.
  public let statistic: Double
  /// P(W' ≤ W) under normality. For 4 ≤ n ≤ 11 the transformation of AS R94 has a lower end, below which
  /// the algorithm's own bound 1e-19 stands.
  public let pvalue: Double
  /// The natural logarithm of the p-value, which does not underflow.
  public let logPvalue: Double
  /// The number of values.
  public let count: Int
  /// Royston fitted the p-value for n up to 5,000; above, W is accurate and the p-value an extrapolation.
  public var pvalueIsApproximate: Bool { count > 5000 }

  /// Tests `sample`, in any order.
  ///
  /// - Throws: `StatisticsError.tooFew` below 3 values, `.notFinite`, `.constant`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    try requireFinite(sample, statistic: "the Shapiro-Wilk test", minimum: 3)
    let n = sample.count
    var x = sample.sorted()
    let median = x[n / 2]
    let range = (x[n - 1] - median) - (x[0] - median)
    if range < 1e-19 { throw .constant(statistic: "the Shapiro-Wilk test", value: median) }
    for i in 0..<n { x[i] = (x[i] - median) / range }

    let weights = Self.upperWeights(n)
    var sum = CompensatedSum()
    for value in x { sum.add(value) }
    let mean = sum.value / Double(n)
    var ssa = CompensatedSum()
    var ssx = CompensatedSum()
    var sax = CompensatedSum()
    for i in 0..<n {
      // The weights are antisymmetric, so their mean is 0; the middle one of an odd n is 0.
      let mirror = n - 1 - i
      let a = i < mirror ? -weights[i] : (i > mirror ? weights[mirror] : 0)
      let d = x[i] - mean
      ssa.add(a * a)
      ssx.add(d * d)
      sax.add(a * d)
    }
    let root = (ssa.value * ssx.value).squareRoot()
    // 1 − W as a product, which keeps its digits when W is near 1.
    let complement = (root - sax.value) * (root + sax.value) / (ssa.value * ssx.value)
    count = n
    statistic = n == 3 ? max(0.75, 1 - complement) : 1 - complement
    logPvalue = Self.logPvalue(count: n, statistic: statistic, complement: complement)
    pvalue = exp(logPvalue)
  }

  /// The weights of the upper half of the order statistics, largest first (positive).
  private static func upperWeights(_ n: Int) -> [Double] {
    if n == 3 { return [1 / 2.0.squareRoot()] }
    var m = (0..<n / 2).map { -NormalDistribution.quantile((Double($0) + 0.625) / (Double(n) + 0.25)) }
    let squares = 2 * m.reduce(0) { $0 + $1 * $1 }
    let u = 1 / Double(n).squareRoot()
    let root = squares.squareRoot()
    let first = polynomial([0, 0.221157, -0.147981, -2.071190, 4.434685, -2.706056], u) + m[0] / root
    var fixed = 1
    var remaining = squares - 2 * m[0] * m[0]
    var budget = 1 - 2 * first * first
    var second = 0.0
    if n > 5 {
      second = polynomial([0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633], u) + m[1] / root
      fixed = 2
      remaining -= 2 * m[1] * m[1]
      budget -= 2 * second * second
    }
    let scale = (remaining / budget).squareRoot()
    for i in fixed..<max(fixed, n / 2) { m[i] /= scale }
    m[0] = first
    if n > 5 { m[1] = second }
    return m
  }

  /// ln p by the normalising transformations of AS R94; exact for n = 3.
  private static func logPvalue(count n: Int, statistic w: Double, complement: Double) -> Double {
    if n == 3 { return log(1 - 6 / Double.pi * acos(w.squareRoot())) }
    if complement <= 0 { return 0 }
    var y = log(complement)
    let mean: Double
    let deviation: Double
    if n <= 11 {
      let size = Double(n)
      let gamma = -2.273 + 0.459 * size
      if y >= gamma { return log(1e-19) }
      y = -log(gamma - y)
      mean = polynomial([0.5440, -0.39978, 0.025054, -0.0006714], size)
      deviation = exp(polynomial([1.3822, -0.77857, 0.062767, -0.0020322], size))
    } else {
      let size = log(Double(n))
      mean = polynomial([-1.5861, -0.31082, -0.083751, 0.0038915], size)
      deviation = exp(polynomial([-0.4803, -0.082676, 0.0030302], size))
    }
    return NormalDistribution.logSurvival((y - mean) / deviation)
  }
}
