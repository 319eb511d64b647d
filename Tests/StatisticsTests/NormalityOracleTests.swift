// The statistics of a sample against scipy on some 340 samples of many shapes and sizes.

import SampleData
import Statistics
import Testing

@Suite struct NormalityOracleTests {
  @Test func agreeWithScipy() throws {
    let lines = try goldenLines("samples.txt")
    #expect(lines.count >= 300)
    var smallest = 1.0
    for line in lines {
      let n = try #require(Int(line[1]))
      let x = sample(line[0], n, try #require(UInt64(line[2])))
      let golden = line.dropFirst(3).map { Double($0) ?? .nan }
      let label = Comment(rawValue: line[0...2].joined(separator: " "))

      let shapiro = try ShapiroWilk(x)
      #expect(relativeError(shapiro.statistic, golden[0]) < 1e-6, label)
      // For n = 3 p is 1 − (6/π) arccos √W, which near W = ¾ leaves only the rounding of a 1.
      let floor = n == 3 ? 1e-14 : 0
      #expect(abs(shapiro.pvalue - golden[1]) <= 1e-4 * golden[1] + floor, label)
      #expect(shapiro.pvalueIsApproximate == (n > 5000))
      smallest = min(smallest, shapiro.pvalue)

      if n >= 8 {
        let omnibus = try NormalTest(x)
        #expect(relativeError(omnibus.statistic, golden[2]) < 1e-6, label)
        if golden[3] > 1e-300 { #expect(relativeError(omnibus.pvalue, golden[3]) < 1e-4, label) }
        let skewness = try MomentTest.skewness(x)
        #expect(relativeError(skewness.statistic, golden[4]) < 1e-6, label)
        if golden[5] > 1e-300 { #expect(relativeError(skewness.pvalue, golden[5]) < 1e-4, label) }
      }
      if n >= 5 {
        let kurtosis = try MomentTest.kurtosis(x)
        #expect(relativeError(kurtosis.statistic, golden[6]) < 1e-6, label)
        if golden[7] > 1e-300 { #expect(relativeError(kurtosis.pvalue, golden[7]) < 1e-4, label) }
      }
      let anderson = try AndersonDarling(x)
      let plot = try ProbabilityPlot(x)
      let box = try BoxPlot(x)
      let summary = try Summary(x)
      let figures = [
        try Moments.skewness(x), try Moments.excessKurtosis(x), anderson.statistic, plot.slope,
        plot.intercept, plot.r, box.q1, box.median, box.q3, box.whiskerLow, box.whiskerHigh,
        Double(box.outliers.count), summary.mean, summary.standardDeviation ?? .nan,
        summary.confidenceHalfWidth ?? .nan,
      ]
      for (i, figure) in figures.enumerated() {
        // A mean, an intercept or a skewness of nearly 0 is a difference of values of the sample's own scale.
        let scale = [3, 5].contains(i) ? 0 : (i < 3 ? 1 : summary.standardDeviation ?? 0)
        let expected = golden[8 + i]
        #expect(abs(figure - expected) <= 1e-6 * abs(expected) + 1e-13 * scale, "\(label) figure \(i)")
      }
    }
    #expect(smallest < 1e-150)
  }

  @Test func reproduceTheStudysPvalueFromItsStatistic() throws {
    // The study reports K² = 69.2155 with p = 9.33e-16.
    let p = ChiSquare.survival(69.2155, degreesOfFreedom: 2)
    #expect(relativeError(p, 9.33e-16) < 1e-3)
  }

  @Test func correlationsAgreeWithScipy() throws {
    for line in try goldenLines("correlations.txt") {
      let n = try #require(Int(line[2]))
      let seed = try #require(UInt64(line[3]))
      let x = sample(line[0], n, seed)
      let y = zip(sample(line[1], n, seed + 1), x).map { $0 + 0.5 * $1 }
      let golden = line.dropFirst(4).map { Double($0) ?? .nan }
      let pearson = try Correlation.pearson(x, y)
      #expect(relativeError(pearson.coefficient, golden[0]) < 1e-10)
      #expect(relativeError(try #require(pearson.lower), golden[1]) < 1e-10)
      #expect(relativeError(try #require(pearson.upper), golden[2]) < 1e-10)
      let spearman = try Correlation.spearman(x, y)
      #expect(relativeError(spearman.coefficient, golden[3]) < 1e-10)
      let (lower, upper) = (try #require(spearman.lower), try #require(spearman.upper))
      #expect(lower <= spearman.coefficient && spearman.coefficient <= upper)
    }
  }
}
