// Conjugate gradients say the true residual, also of a solve that ends short of its tolerance.

import NeuralNet
import Tensor
import Testing

@Suite struct ResidualTests {
  private static let n = 40
  private static let a = symmetric((0..<n).map { 0.05 + Double($0) * 0.3 }, key: 1)
  private static let b = randomVector(n, key: 2).map(Double.init)

  /// A's product, a little wrong in the first calls: the recurrence goes on with what they said.
  private final class Drifting {
    private var left: Int
    init(wrongCalls: Int) { left = wrongCalls }

    func product(_ v: [Double]) -> [Double] {
      var result = multiply(ResidualTests.a, v)
      if left > 0 {
        left -= 1
        for i in result.indices { result[i] += 0.01 * v[(i + 1) % v.count] }
      }
      return result
    }
  }

  private static func trueResidual(_ x: [Double]) -> Double {
    let product = multiply(a, x)
    let r = b.indices.map { b[$0] - product[$0] }
    return (dot(r, r) / dot(b, b)).squareRoot()
  }

  /// At the last iteration that is allowed.
  @Test func theResidualOfACappedSolveIsTrue() throws {
    let drifting = Drifting(wrongCalls: 4)
    var claimed = 0.0
    let solution = try conjugateGradient(
      rhs: Self.b, tolerance: 1e-12, maxIterations: 30, progress: { claimed = $0.relativeResidual },
      product: drifting.product)
    let residual = Self.trueResidual(solution.x)
    #expect(abs(claimed - residual) > 1e-3, "the recurrence has not drifted")
    #expect(abs(solution.relativeResidual - residual) < 1e-13)
    #expect(solution.iterations == 30 && !solution.converged)
  }

  /// A product that is always a little wrong: the solve ends when starting again no longer helps, and says so.
  @Test func aResidualThatCannotBeReachedIsNotClaimed() throws {
    func coarse(_ v: [Double]) -> [Double] {
      multiply(Self.a, v).map { ($0 * 256).rounded() / 256 }
    }
    let solution = try conjugateGradient(
      rhs: Self.b, tolerance: 1e-9, maxIterations: 5_000, product: coarse)
    let r = zip(Self.b, coarse(solution.x)).map { $0 - $1 }
    #expect(abs(solution.relativeResidual - (dot(r, r) / dot(Self.b, Self.b)).squareRoot()) < 1e-13)
    #expect(!solution.converged && solution.relativeResidual > 1e-9)
  }
}
