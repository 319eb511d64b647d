// Student's t test of paired differences, and Holm's correction for many of them.

import Glibc

/// A two-sided t test of whether the mean of paired differences is zero.
public struct PairedTest: Sendable, Equatable {
  /// The number of pairs.
  public let count: Int
  /// The mean difference.
  public let mean: Double
  /// Half of the mean's 95 % interval; NaN for a single pair.
  public let halfWidth: Double
  /// The two-sided p-value; NaN for a single pair, 1 for differences that are all zero.
  public let pvalue: Double

  /// Tests differences.
  ///
  /// - Throws: `StatisticsError.tooFew` without a difference, `.notFinite`.
  public init(_ differences: [Double]) throws(StatisticsError) {
    let summary = try Summary(differences)
    count = summary.count
    mean = summary.mean
    guard let deviation = summary.standardDeviation, let half = summary.confidenceHalfWidth else {
      halfWidth = .nan
      pvalue = .nan
      return
    }
    halfWidth = half
    if deviation == 0 {
      pvalue = mean == 0 ? 1 : 0
    } else {
      let t = abs(mean) / deviation * Double(count).squareRoot()
      pvalue = min(1, 2 * StudentT.survival(t, degreesOfFreedom: Double(count - 1)))
    }
  }

  /// p-values adjusted by Holm's step-down method (1979), in the order given: to call those below a level
  /// significant keeps the chance of any false one within the level. NaN stays, and does not count.
  public static func holm(_ pvalues: [Double]) -> [Double] {
    let order = pvalues.indices.filter { !pvalues[$0].isNaN }.sorted { pvalues[$0] < pvalues[$1] }
    var adjusted = pvalues
    var largest = 0.0
    for (place, index) in order.enumerated() {
      largest = max(largest, min(1, Double(order.count - place) * pvalues[index]))
      adjusted[index] = largest
    }
    return adjusted
  }
}

/// A line through points by least squares, y on x.
public struct RegressionLine: Sendable, Equatable {
  /// Change of y by x.
  public let slope: Double
  /// Half of the slope's 95 % interval, by Student's t with n − 2 degrees of freedom; NaN below 3 points.
  public let slopeHalfWidth: Double
  /// y at x = 0.
  public let intercept: Double

  /// Fits a line.
  ///
  /// - Throws: `StatisticsError.countMismatch`, `.tooFew` below 2 points, `.notFinite`, `.constant` for equal x.
  public init(_ x: [Double], _ y: [Double]) throws(StatisticsError) {
    if x.count != y.count { throw .countMismatch(expected: x.count, actual: y.count) }
    let mx = try Moments.checked(x, statistic: "a regression line", minimum: 2)
    let my = try Moments.mean(y)
    let n = Double(x.count)
    var (covariance, remaining) = (CompensatedSum(), CompensatedSum())
    for i in x.indices { covariance.add((x[i] - mx.mean) * (y[i] - my)) }
    slope = covariance.value / (n * mx.m2)
    intercept = my - slope * mx.mean
    for i in x.indices {
      let residual = y[i] - intercept - slope * x[i]
      remaining.add(residual * residual)
    }
    if x.count < 3 {
      slopeHalfWidth = .nan
    } else {
      let variance = remaining.value / (n - 2) / (n * mx.m2)
      slopeHalfWidth = StudentT.quantile(0.975, degreesOfFreedom: n - 2) * variance.squareRoot()
    }
  }
}
