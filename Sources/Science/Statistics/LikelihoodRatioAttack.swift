// The per-example likelihood-ratio attack: which of two ways of training made a net, told from one image's margin.

import Glibc

/// Normal distributions of one image's margin among nets of two kinds, with and without the image behind them.
///
/// Carlini et al. (2022), "Membership inference attacks from first principles", section IV, with the two kinds that Hayes
/// et al. (2024), "Inexact unlearning needs more careful evaluations", compare: nets from which the image was unlearned,
/// and nets trained anew without it.
public struct LikelihoodRatioAttack: Sendable, Equatable {
  /// Mean margin and its standard deviation.
  public struct Normal: Sendable, Equatable {
    /// The mean.
    public var mean: Double
    /// The standard deviation, above 0.
    public var deviation: Double

    /// A distribution.
    public init(mean: Double, deviation: Double) {
      self.mean = mean
      self.deviation = deviation
    }

    /// ln of the density at x, less the constant −½ ln 2π.
    func logDensity(_ x: Double) -> Double {
      let z = (x - mean) / deviation
      return -log(deviation) - z * z / 2
    }
  }

  /// Of nets from which the image was unlearned.
  public var unlearned: Normal
  /// Of nets that never saw it.
  public var retrained: Normal

  /// An attack on one image.
  public init(unlearned: Normal, retrained: Normal) {
    self.unlearned = unlearned
    self.retrained = retrained
  }

  /// ln of the density among unlearned nets less that among retrained ones: the larger, the likelier unlearned.
  public func score(_ margin: Double) -> Double {
    unlearned.logDensity(margin) - retrained.logDensity(margin)
  }

  /// The share of positives above the least threshold that at most a share `rate` of the negatives is above.
  ///
  /// With k = ⌊rate · n⌋ allowed false positives among n negatives the threshold is the (k + 1)-th largest negative, and a
  /// positive must exceed it: ties count for the defender.
  ///
  /// - Throws: `StatisticsError.tooFew` if either is empty or has no room for a false positive rate (k = n), `.notFinite`.
  public static func truePositiveRate(
    positives: [Double], negatives: [Double], falsePositiveRate rate: Double
  ) throws(StatisticsError) -> Double {
    let statistic = "the true-positive rate"
    try requireFinite(positives, statistic: statistic, minimum: 1)
    try requireFinite(negatives, statistic: statistic, minimum: 1)
    // A hair is added, since .01 · 300 is 3 but may round below.
    let allowed = Int(rate * Double(negatives.count) + 1e-9)
    guard allowed < negatives.count else {
      throw .tooFew(statistic: statistic, count: negatives.count, minimum: allowed + 1)
    }
    let threshold = negatives.sorted(by: >)[allowed]
    return Double(positives.count { $0 > threshold }) / Double(positives.count)
  }
}
