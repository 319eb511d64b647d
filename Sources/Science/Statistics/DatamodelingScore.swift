// The linear datamodeling score: do predicted effects of groups rank as actual ones, image by image?

import Glibc

/// The mean over images of Spearman's ρ, over groups, of predicted and actual effect on each (Park et al. 2023, "TRAK",
/// section 2; there the groups are random subsets that a net is trained on).
public struct DatamodelingScore: Sendable, Equatable {
  /// The mean of ρ over the images, in −1…1.
  public let score: Double
  /// The ends of its 95 % interval by the jackknife over groups (Tukey 1958): ± t₀.₉₇₅ standard errors, n − 1 degrees.
  public let interval: ClosedRange<Double>
  /// Images whose effects are not all equal: the others have no ρ.
  public let images: Int
  /// Groups.
  public let groups: Int

  /// Compares effects.
  ///
  /// - Parameters:
  ///   - predicted: By group, then by image.
  ///   - actual: The same.
  /// - Throws: `StatisticsError.tooFew` below 4 groups, `.countMismatch`, `.notFinite`, `.constant` if no image has a ρ.
  public init(predicted: [[Double]], actual: [[Double]]) throws(StatisticsError) {
    let statistic = "the datamodeling score"
    if predicted.count < 4 {
      throw .tooFew(statistic: statistic, count: predicted.count, minimum: 4)
    }
    if actual.count != predicted.count {
      throw .countMismatch(expected: predicted.count, actual: actual.count)
    }
    for row in predicted + actual {
      if row.count != predicted[0].count {
        throw .countMismatch(expected: predicted[0].count, actual: row.count)
      }
      try requireFinite(row, statistic: statistic, minimum: 1)
    }
    let all = Array(predicted.indices)
    guard let whole = Self.mean(predicted, actual, over: all) else {
      throw .constant(statistic: statistic, value: predicted[0][0])
    }
    let left = all.map { out in
      Self.mean(predicted, actual, over: all.filter { $0 != out })?.score ?? whole.score
    }
    let center = left.reduce(0, +) / Double(left.count)
    let squares = left.reduce(0) { $0 + ($1 - center) * ($1 - center) }
    let n = Double(left.count)
    let half = StudentT.quantile(0.975, degreesOfFreedom: n - 1) * ((n - 1) / n * squares).squareRoot()
    score = whole.score
    interval = max(-1, whole.score - half)...min(1, whole.score + half)
    images = whole.images
    groups = predicted.count
  }

  /// The mean of ρ over the images that have one; nil if none has.
  private static func mean(_ predicted: [[Double]], _ actual: [[Double]], over groups: [Int]) -> (
    score: Double, images: Int
  )? {
    var sum = CompensatedSum()
    var images = 0
    for image in predicted[0].indices {
      let x = groups.map { predicted[$0][image] }
      let y = groups.map { actual[$0][image] }
      guard let rho = rankCorrelation(x, y) else { continue }
      sum.add(rho)
      images += 1
    }
    return images == 0 ? nil : (sum.value / Double(images), images)
  }

  /// Pearson's r of the mid-ranks; nil where all are equal.
  private static func rankCorrelation(_ x: [Double], _ y: [Double]) -> Double? {
    let (a, b) = (Ranks.middle(x), Ranks.middle(y))
    let mean = Double(x.count + 1) / 2
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for i in a.indices {
      let (u, v) = (a[i] - mean, b[i] - mean)
      ab += u * v
      aa += u * u
      bb += v * v
    }
    return aa == 0 || bb == 0 ? nil : ab / (aa * bb).squareRoot()
  }
}
