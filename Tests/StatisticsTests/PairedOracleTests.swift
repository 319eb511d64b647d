// Signed-rank tests, equivalence tests and pooled spreads against scipy and whole-number arithmetic, on 60 samples.

import Foundation
import SampleData
import Statistics
import Testing

@Suite struct PairedOracleTests {
  /// Of sizes up to 500, with and without ties and zeros, on both sides of the limit of exact p-values.
  @Test func agreeWithScipy() throws {
    let lines = try goldenLines("paired.txt")
    #expect(lines.count == 60)
    for line in lines {
      let n = try #require(Int(line[1]))
      let golden = line.dropFirst(3).map { Double($0) ?? .nan }
      let x = sample(line[0], n, try #require(UInt64(line[2]))).map { $0 + golden[0] }
      let label = Comment(rawValue: line[0...2].joined(separator: " "))
      let test = try SignedRankTest(x)
      #expect(relativeError(test.pvalue, golden[1]) < 1e-9, label)
      #expect(test.count == x.count { $0 != 0 }, label)
      let mirrored = try SignedRankTest(x.map { -$0 })
      #expect(mirrored.pvalue == test.pvalue && mirrored.sign == -test.sign, label)
      // A p-value near 1 is all but the rounding of what is left.
      let equivalence = try EquivalenceTest(x, margin: golden[2]).pvalue
      #expect(abs(equivalence - golden[3]) <= 1e-9 * golden[3] + 1e-15, label)
      let spread = try SeedSpread.pooled(groups(of: x))
      #expect(golden[4].isNaN ? spread.isNaN : relativeError(spread, golden[4]) < 1e-12, label)
    }
  }

  /// Groups of one, two and three values in turn, as the script makes them.
  private func groups(of x: [Double]) -> [[Double]] {
    var groups: [[Double]] = []
    var rest = x[...]
    while !rest.isEmpty {
      let count = 1 + groups.count % 3
      groups.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return groups
  }

  @Test func limitsAreWhatTheFormulasSay() throws {
    // Five differences of one sign: 2 of 32 signs are as far out.
    #expect(try SignedRankTest([0.1, 0.2, 0.4, 0.3, 0.5]).pvalue == 0.0625)
    let none = try SignedRankTest([0, 0])
    #expect(none.pvalue == 1 && none.count == 0 && none.sign == 0)
    #expect(try SignedRankTest([1, -1]).pvalue == 1)
    #expect(try EquivalenceTest([0.1, 0.1], margin: 0.2).pvalue == 0)
    #expect(try EquivalenceTest([0.3, 0.3], margin: 0.2).pvalue == 1)
    #expect(try EquivalenceTest([0.1], margin: 0.2).pvalue.isNaN)
    #expect(throws: StatisticsError.self) { try EquivalenceTest([0.1, 0.2], margin: 0) }
    #expect(throws: StatisticsError.notFinite(index: 1)) { try SignedRankTest([1, .infinity]) }
    #expect(throws: StatisticsError.self) { try SignedRankTest([]) }
    #expect(SeedSpread.factor(references: 1) == 2.0.squareRoot())
    #expect(SeedSpread.factor(references: 2) == 1.5.squareRoot())
  }
}
