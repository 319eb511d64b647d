// The special functions against many-digit arithmetic.

import Foundation
import SampleData
import Statistics
import Testing

@Suite struct SpecialFunctionTests {
  @Test func agreeWithManyDigitArithmetic() throws {
    let lines = try goldenLines("special.txt")
    #expect(lines.count > 200)
    for line in lines {
      let a = try #require(Double(line[1]))
      let b = try #require(Double(line[2]))
      let expected = try #require(Double(line[3]))
      let actual: Double
      // The tail's argument is rounded once: z²ε/2 relative, here at most 1.6e-13 for z = 38.
      var tolerance = 2e-14
      switch line[0] {
      case "normalSurvival":
        actual = NormalDistribution.survival(a)
        tolerance += a * a * 2.3e-16
      case "normalLogSurvival":
        actual = NormalDistribution.logSurvival(a)
        tolerance += a < 0 ? a * a * 2.3e-16 : 0
      case "normalQuantile": actual = NormalDistribution.quantile(a)
      case "gammaUpper", "gammaLower":
        actual = line[0] == "gammaUpper" ? IncompleteGamma.upper(a, b) : IncompleteGamma.lower(a, b)
        // exp of a logarithm L costs |L| ε.
        tolerance += abs(log(expected)) * 1e-15
      case "chiSquare":
        actual = ChiSquare.survival(a, degreesOfFreedom: b)
        tolerance += abs(log(expected)) * 1e-15
      case "tQuantile":
        actual = StudentT.quantile(a, degreesOfFreedom: b)
        // About √ν terms of the continued fraction each round twice.
        tolerance += b.squareRoot() * 5e-16
      default:
        Issue.record("unknown function \(line[0])")
        continue
      }
      #expect(relativeError(actual, expected) < tolerance, "\(line) gives \(actual)")
    }
  }

  @Test func quantileIsTheInverseOfTheTail() {
    for p in [1e-300, 1e-20, 0.02, 0.4] {
      let z = NormalDistribution.quantile(p)
      #expect(relativeError(NormalDistribution.cumulative(z), p) < 1e-12)
    }
    #expect(NormalDistribution.quantile(0) == -.infinity)
    #expect(NormalDistribution.quantile(1) == .infinity)
    #expect(NormalDistribution.quantile(-0.1).isNaN)
    #expect(NormalDistribution.quantile(.nan).isNaN)
  }

  @Test func studentTailIsSymmetricAndTendsToTheNormal() {
    for t in [0.1, 1.0, 3.0] {
      let upper = StudentT.survival(t, degreesOfFreedom: 5)
      #expect(abs(upper + StudentT.survival(-t, degreesOfFreedom: 5) - 1) < 1e-15)
      let normal = NormalDistribution.survival(t)
      // The laws differ by (t³ + t) φ(t) / 4ν, of the tail at t = 3 some 25 / ν.
      #expect(relativeError(StudentT.survival(t, degreesOfFreedom: 1e8), normal) < 3e-7)
    }
    #expect(StudentT.quantile(0.25, degreesOfFreedom: 9) == -StudentT.quantile(0.75, degreesOfFreedom: 9))
  }

  @Test func logarithmsGoOnWhereTheTailUnderflows() {
    #expect(NormalDistribution.survival(50) == 0)
    #expect(abs(NormalDistribution.logSurvival(50) + 1254.8313611394565) < 1e-9)
    #expect(ChiSquare.survival(2000, degreesOfFreedom: 2) == 0)
    #expect(ChiSquare.logSurvival(2000, degreesOfFreedom: 2) == -1000)
  }
}
