// The summary of repeats that a result table shows: mean, deviation and a 95 % interval.

import Glibc

/// The mean of repeats with its spread.
public struct Summary: Sendable, Equatable, Codable {
  /// The number of values.
  public let count: Int
  /// The arithmetic mean.
  public let mean: Double
  /// The sample standard deviation (divisor n − 1); none for a single value.
  public let standardDeviation: Double?
  /// Half the width of the 95 % interval of the mean, t₀.₉₇₅(n−1) · s / √n; none for a single value.
  public let confidenceHalfWidth: Double?

  /// Summarises `sample`.
  ///
  /// - Throws: `StatisticsError.tooFew` for an empty sample, `.notFinite`.
  public init(_ sample: [Double]) throws(StatisticsError) {
    mean = try Moments.mean(sample)
    count = sample.count
    if sample.count == 1 {
      standardDeviation = nil
      confidenceHalfWidth = nil
      return
    }
    let deviation = try Moments.standardDeviation(sample)
    let n = Double(sample.count)
    standardDeviation = deviation
    confidenceHalfWidth =
      StudentT.quantile(0.975, degreesOfFreedom: n - 1) * deviation / n.squareRoot()
  }
}
