// A-priori clusters: bands of the distances cut at multiples of their standard deviation.

import Glibc
import Statistics

/// Bands of a sample of distances; with the default cuts 0 near, 1 moderate, 2 far.
public struct SigmaBands: Sendable, Equatable {
  /// The cuts in standard deviations from the mean, ascending.
  public let cuts: [Double]
  /// The cuts as distances: mean + cut · standard deviation (divisor n − 1).
  public let thresholds: [Double]
  /// The band of each distance, 0 the nearest. A distance equal to a threshold is in the band on the side
  /// of the mean (at the mean itself, in the upper one).
  public let assignment: [UInt8]
  /// The fraction of the distances in each band.
  public let fractions: [Double]
  /// The fraction that a normal law has in each band.
  public let normalFractions: [Double]

  /// Cuts `distances` at the given multiples of their standard deviation.
  ///
  /// - Throws: `StatisticsError.tooFew` below 2 values, `.notFinite`, `.constant`, `.invalidParameter` for
  ///   cuts that are empty, more than 255, not finite or not ascending.
  public init(_ distances: [Double], cuts: [Double] = [-1, 1]) throws(StatisticsError) {
    let ascending = zip(cuts, cuts.dropFirst()).allSatisfy { $0 < $1 }
    guard (1...255).contains(cuts.count), cuts.allSatisfy(\.isFinite), ascending else {
      throw .invalidParameter(name: "cuts", reason: "must be 1 to 255 ascending finite numbers")
    }
    let m = try Moments.checked(distances, statistic: "the bands of the distances", minimum: 2)
    let n = Double(distances.count)
    let deviation = (m.m2 * n / (n - 1)).squareRoot()
    let thresholds = cuts.map { m.mean + $0 * deviation }
    var counts = [Int](repeating: 0, count: cuts.count + 1)
    assignment = distances.map { d in
      var band = 0
      for (cut, threshold) in zip(cuts, thresholds) where cut > 0 ? d > threshold : d >= threshold {
        band += 1
      }
      counts[band] += 1
      return UInt8(band)
    }
    self.cuts = cuts
    self.thresholds = thresholds
    fractions = counts.map { Double($0) / n }
    let edges = [-Double.infinity] + cuts + [Double.infinity]
    normalFractions = zip(edges, edges.dropFirst()).map { low, high in
      // The difference of the smaller tails, which keeps the digits of a far band.
      low > 0
        ? NormalDistribution.survival(low) - NormalDistribution.survival(high)
        : NormalDistribution.cumulative(high) - NormalDistribution.cumulative(low)
    }
  }
}
