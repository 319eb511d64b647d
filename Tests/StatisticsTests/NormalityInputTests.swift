// What the statistics refuse, and how they behave at the edges of what they accept.

import Foundation
import SampleData
import Statistics
import Testing

@Suite struct NormalityInputTests {
  @Test func refuseTooFewValues() {
    #expect(throws: StatisticsError.tooFew(statistic: "the Shapiro-Wilk test", count: 2, minimum: 3)) {
      try ShapiroWilk([1, 2])
    }
    #expect(throws: StatisticsError.tooFew(statistic: "the skewness test", count: 7, minimum: 8)) {
      try NormalTest([1, 2, 3, 4, 5, 6, 9])
    }
    #expect(throws: StatisticsError.tooFew(statistic: "a box plot", count: 0, minimum: 1)) { try BoxPlot([]) }
    #expect(throws: StatisticsError.tooFew(statistic: "the mean", count: 0, minimum: 1)) { try Summary([]) }
  }

  @Test func refuseConstantValues() {
    // 0.1 summed has a rounded mean, so the deviations are not exactly 0.
    for value in [0.0, 0.1, -7e300, 1e-300] {
      let x = [Double](repeating: value, count: 30)
      #expect(throws: StatisticsError.constant(statistic: "the Shapiro-Wilk test", value: value)) {
        try ShapiroWilk(x)
      }
      #expect(throws: StatisticsError.constant(statistic: "the skewness test", value: value)) {
        try NormalTest(x)
      }
      #expect(throws: StatisticsError.self) { try AndersonDarling(x) }
      #expect(throws: StatisticsError.self) { try ProbabilityPlot(x) }
      #expect(throws: StatisticsError.self) { try Moments.skewness(x) }
      #expect(throws: StatisticsError.self) { try Correlation.pearson(x, uniforms(1, 30)) }
    }
  }

  @Test func refuseSpreadsThatADoubleCannotHold() {
    let huge = (0..<20).map { Double($0) * 1e290 }
    #expect(throws: StatisticsError.unrepresentable(statistic: "the skewness test")) { try NormalTest(huge) }
    let tiny = (0..<20).map { Double($0) * 1e-120 }
    #expect(throws: StatisticsError.unrepresentable(statistic: "the skewness test")) { try NormalTest(tiny) }
  }

  @Test func nameTheFirstValueThatIsNotFinite() {
    for bad in [Double.nan, .infinity, -.infinity] {
      let x = [1, 2, 3, 4, 5, 6, 7, 8, bad, 10]
      #expect(throws: StatisticsError.notFinite(index: 8)) { try ShapiroWilk(x) }
      #expect(throws: StatisticsError.notFinite(index: 8)) { try NormalTest(x) }
      #expect(throws: StatisticsError.notFinite(index: 8)) { try BoxPlot(x) }
      #expect(throws: StatisticsError.notFinite(index: 8)) { try Summary(x) }
    }
  }

  @Test func testsDoNotDependOnOrderOrScale() throws {
    let x = sample("length", 501, 77)
    let w = try ShapiroWilk(x)
    #expect(try ShapiroWilk(x.reversed()) == w)
    // A power of two scales without rounding.
    #expect(try ShapiroWilk(x.map { $0 * 1024 }).statistic == w.statistic)
    let mirrored = try MomentTest.skewness(x.map { -$0 }).statistic
    #expect(abs(mirrored + (try MomentTest.skewness(x).statistic)) < 1e-12)
  }

  @Test func tinyPvaluesKeepTheirLogarithm() throws {
    // Two thirds of the values at one point and a far one: no p-value that a double holds.
    var x = sample("normal", 60_000, 3)
    x[0] = 1e5
    let omnibus = try NormalTest(x)
    #expect(omnibus.pvalue == 0)
    #expect(omnibus.logPvalue == -omnibus.statistic / 2)
    #expect(omnibus.logPvalue < -1000)
  }

  @Test func aSingleRepeatHasNoInterval() throws {
    let one = try Summary([0.25])
    #expect(one.mean == 0.25 && one.standardDeviation == nil && one.confidenceHalfWidth == nil)
    // t₀.₉₇₅(1) = 12.7062…, s = √½.
    let two = try Summary([1, 2])
    #expect(abs(try #require(two.confidenceHalfWidth) - 12.7062047361747 * 0.5) < 1e-12)
  }

  @Test func boxPlotWhiskersStopAtTheLastValueInside() throws {
    let box = try BoxPlot([1, 2, 3, 4, 5, 6, 7, 8, 30, -20])
    #expect(box.q1 == 2.25 && box.median == 4.5 && box.q3 == 6.75)
    #expect(box.whiskerLow == 1 && box.whiskerHigh == 8)
    #expect(box.outliers == [-20, 30])
    #expect(try BoxPlot([5]).whiskerHigh == 5)
  }

  @Test func threePairsHaveACorrelationWithoutInterval() throws {
    let r = try Correlation.spearman([1, 2, 3], [10, 30, 20])
    #expect(abs(r.coefficient - 0.5) < 1e-15 && r.lower == nil && r.upper == nil)
    #expect(throws: StatisticsError.countMismatch(expected: 3, actual: 4)) {
      try Correlation.pearson([1, 2, 3], [1, 2, 3, 4])
    }
  }

  /// Stephens' modification, and his table (D'Agostino & Stephens 1986, 4.7): A*² of 0.631, 0.752, 0.873 and 1.035 has
  /// p of 0.10, 0.05, 0.025 and 0.01.
  @Test func andersonsStatisticIsModifiedForTheSize() throws {
    var pvalues: [(statistic: Double, pvalue: Double)] = []
    for seed in 0..<400 {
      let x = sample("square", 10, UInt64(seed))
      let test = try AndersonDarling(x)
      #expect(abs(test.adjustedStatistic - test.statistic * 1.0975) < 1e-12)
      pvalues.append((test.adjustedStatistic, test.pvalue))
    }
    for (statistic, expected) in [(0.631, 0.10), (0.752, 0.05), (0.873, 0.025), (1.035, 0.01)] {
      let near = try #require(pvalues.min { abs($0.statistic - statistic) < abs($1.statistic - statistic) })
      // p falls by a factor e over 0.17 or so of A*².
      #expect(abs(near.pvalue / expected - 1) < 0.06 + 8 * abs(near.statistic - statistic))
    }
  }

  /// tanh(artanh ρ ± z √(1.06 / (n − 3))), by Fieller, Hartley and Pearson: wider than that of Pearson's r.
  @Test func theIntervalOfRanksIsWider() throws {
    let x: [Double] = [1, 2, 3, 4, 5, 6, 7, 8]
    let y: [Double] = [2, 1, 4, 3, 7, 8, 6, 5]
    let (ranks, values) = (try Correlation.spearman(x, y), try Correlation.pearson(x, y))
    #expect(ranks.coefficient == values.coefficient)
    let half = (1.06 / 5).squareRoot() * 1.959963984540054
    #expect(try abs(#require(ranks.upper) - tanh(atanh(ranks.coefficient) + half)) < 1e-14)
    #expect(try abs(#require(ranks.lower) - tanh(atanh(ranks.coefficient) - half)) < 1e-14)
    #expect(try #require(ranks.upper) > #require(values.upper))
  }
}
