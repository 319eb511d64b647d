// The factor of matched forgetting on curves whose crossing is known.

import Foundation
import Influence
import Testing

@Suite struct MatchedForgettingTests {
  private static let factors = (0...28).map { 0.0625 * exp2(Double($0) / 4) }

  /// Between two points a power law is met exactly: loss = 0.03 f² is 0.1 at √(0.1 / 0.03).
  @Test func aPowerLawIsExact() throws {
    let losses = Self.factors.map { 0.03 * $0 * $0 }
    for target in [0.0003, 0.01, 0.1, 1.2] {
      let factor = try MatchedForgetting.factor(
        factors: Self.factors, losses: losses, untouched: 0, target: target)
      #expect(abs(factor / (target / 0.03).squareRoot() - 1) < 1e-12)
    }
    // Below the first factor the loss is taken as linear.
    let small = try MatchedForgetting.factor(
      factors: Self.factors, losses: losses, untouched: 0.00005, target: 0.0001)
    #expect(abs(small - 0.0625 * 0.00005 / (losses[0] - 0.00005)) < 1e-15)
  }

  /// A loss such as removals have, 0.006 e^{2f} with a bend: within one per cent at four points an octave.
  @Test func aSmoothCurveIsMetWithinAPerCent() throws {
    func loss(_ f: Double) -> Double { 0.006 * exp(2 * f + 0.3 * f * f) }
    for truth in [0.11, 0.34, 0.8, 1.9] {
      let factor = try MatchedForgetting.factor(
        factors: Self.factors, losses: Self.factors.map(loss), untouched: loss(0), target: loss(truth))
      #expect(abs(factor / truth - 1) < 0.01, "\(truth): \(factor)")
    }
  }

  /// Of several crossings the first counts; what comes after it may be no number.
  @Test func theFirstCrossingCounts() throws {
    let factor = try MatchedForgetting.factor(
      factors: [1, 2, 4, 8], losses: [1, 4, 2, .infinity], untouched: 0.5, target: 2)
    #expect(abs(factor - 2.0.squareRoot()) < 1e-12)
  }

  @Test func noCrossingIsSaidToBeNone() {
    func problem(_ losses: [Double], _ untouched: Double, _ target: Double) -> MatchedForgetting.Problem? {
      do throws(MatchedForgetting.Problem) {
        _ = try MatchedForgetting.factor(
          factors: [1, 2], losses: losses, untouched: untouched, target: target)
        return nil
      } catch { return error }
    }
    #expect(problem([1, 2], 0.5, 0.5) == .nothingToForget)
    #expect(problem([1, 2], 0.5, 3) == .notReached(most: 2))
    #expect(problem([1, .infinity], 0.5, 3) == .notFinite(from: 1, to: 2))
    #expect(problem([.infinity, .infinity], 0.5, 3) == .notFinite(from: 0, to: 1))
    #expect(problem([1, 3], 0.5, 3) == nil)
  }
}
