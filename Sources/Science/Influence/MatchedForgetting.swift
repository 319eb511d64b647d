// The multiple of a change at which a loss along it reaches a given one.

import Glibc

/// Where a loss along a change of the parameters reaches a target.
public enum MatchedForgetting {
  /// Why there is no factor.
  public enum Problem: Error, Equatable, Sendable {
    /// The target is not above the loss where nothing is changed.
    case nothingToForget
    /// No factor has a loss as high as the target.
    case notReached(most: Double)
    /// The loss leaves the numbers before it reaches the target, between these factors.
    case notFinite(from: Double, to: Double)
  }

  /// The least factor at which the loss is `target`: between two neighbouring points of the curve the logarithm of the loss
  /// is taken as linear in that of the factor, and below the first factor the loss as linear in the factor.
  ///
  /// - Parameters:
  ///   - factors: Ascending and positive.
  ///   - losses: One for each factor, positive; may end in infinities.
  ///   - untouched: The loss at factor 0.
  public static func factor(
    factors: [Double], losses: [Double], untouched: Double, target: Double
  ) throws(Problem) -> Double {
    precondition(factors.count == losses.count, "a loss for each factor")
    guard target > untouched else { throw .nothingToForget }
    guard let end = losses.firstIndex(where: { !($0 < target) }) else {
      throw .notReached(most: factors.last ?? 0)
    }
    let below = end == 0 ? 0 : factors[end - 1]
    guard losses[end].isFinite else { throw .notFinite(from: below, to: factors[end]) }
    if end == 0 { return factors[0] * (target - untouched) / (losses[0] - untouched) }
    let share = log(target / losses[end - 1]) / log(losses[end] / losses[end - 1])
    return factors[end - 1] * pow(factors[end] / factors[end - 1], share)
  }
}
