// Paired tests, Holm's correction, regression lines and plain tables against scipy and hand-worked answers.

import Foundation
import Statistics
import Testing

@Suite struct PairedTestTests {
  @Test func isScipysTTest() throws {
    let test = try PairedTest([0.4, -0.1, 0.25, 0.3, 0.05])
    #expect(abs(test.pvalue - 0.11693430104240451) < 1e-12)
    #expect(abs(test.mean - test.halfWidth + 0.07065010770143462) < 1e-12)
    #expect(try PairedTest([1]).pvalue.isNaN && PairedTest([1]).halfWidth.isNaN)
    #expect(try PairedTest([0, 0, 0]).pvalue == 1 && PairedTest([2, 2]).pvalue == 0)
    #expect(throws: StatisticsError.self) { try PairedTest([]) }
    #expect(throws: StatisticsError.notFinite(index: 1)) { try PairedTest([1, .nan]) }
  }

  @Test func holmStepsDown() {
    // By hand: ·5, ·4, ·3, ·2, ·1 in ascending order, each at least the one before.
    let adjusted = PairedTest.holm([0.01, 0.04, 0.03, 0.005, 0.5])
    for (value, expected) in zip(adjusted, [0.04, 0.09, 0.09, 0.025, 0.5]) {
      #expect(abs(value - expected) < 1e-15)
    }
    let withNone = PairedTest.holm([0.02, .nan, 0.03])
    #expect(withNone[0] == 0.04 && withNone[1].isNaN && withNone[2] == 0.04)
    #expect(PairedTest.holm([0.9, 0.8]) == [1, 1] && PairedTest.holm([]).isEmpty)
  }

  @Test func lineIsScipys() throws {
    let x = [0.1, 0.5, 0.9, 1.3, 2.2, 2.9]
    let y = [0.3, 0.4, 1.2, 1.1, 2.5, 2.4]
    let line = try RegressionLine(x, y)
    #expect(abs(line.slope - 0.8555720653789003) < 1e-13)
    #expect(abs(line.intercept - 0.19016344725111467) < 1e-13)
    #expect(abs(line.slope - line.slopeHalfWidth - 0.48343586837839797) < 1e-12)
    #expect(throws: StatisticsError.self) { try RegressionLine([1, 1, 1], [1, 2, 3]) }
    #expect(throws: StatisticsError.countMismatch(expected: 2, actual: 1)) {
      try RegressionLine([1, 2], [1])
    }
  }
}
