// The stage `normality`: is the distribution of distances bell-shaped?

import PipelineCore
import Statistics

/// Tests distances for normality.
public enum NormalityStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "normality", version: 2,
    summary:
      "tests distances for normality (Shapiro-Wilk, D'Agostino-Pearson, Anderson-Darling) and summarises them",
    inputs: [InputDeclaration("neighbours", accepts: ["neighbours"], "the distances")],
    datasets: [
      LayoutDeclaration("/distances", "f64 [n]", "the sample"),
      LayoutDeclaration("/shapiro/{statistic,pvalue}", "f64", "Shapiro-Wilk's W (AS R94) and its p-value"),
      LayoutDeclaration(
        "/normaltest/{statistic,pvalue}", "f64", "D'Agostino-Pearson's K² and its p-value; NaN below 8 values"
      ),
      LayoutDeclaration(
        "/{shapiro,normaltest}/log_pvalue", "f64", "natural logarithm of the p-value, where that underflows"),
      LayoutDeclaration(
        "/anderson/{statistic,adjusted,pvalue}", "f64", "Anderson-Darling's A², Stephens' A*², p-value"),
      LayoutDeclaration(
        "/moments/{mean,deviation,skewness,excess_kurtosis}", "f64", "deviation with divisor n - 1"),
      LayoutDeclaration(
        "/probplot/{theoretical,ordered}", "f64 [n]", "normal order statistic medians, sorted sample"),
      LayoutDeclaration("/probplot/{slope,intercept,r}", "f64", "least-squares line through them"),
      LayoutDeclaration(
        "/boxplot/{q1,median,q3,whisker_low,whisker_high}", "f64", "whiskers at 1.5 quartile ranges"),
      LayoutDeclaration("/boxplot/outliers", "f64 [k]", "what lies beyond the whiskers"),
    ],
    attributes: [
      LayoutDeclaration("shapiro_pvalue_is_approximate", "int", "1 above 5,000 values, as scipy warns"),
      LayoutDeclaration("metric", "string", "of the distances"),
      LayoutDeclaration("skewness", "float", "of the sample, 0 for a normal law"),
      LayoutDeclaration("excess_kurtosis", "float", "of the sample, 0 for a normal law"),
    ])

  /// Writes the tests.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let (distances, _, metric) = try task.loadDistances()
    let shapiro = try ShapiroWilk(distances)
    let anderson = try AndersonDarling(distances)
    // Below 8 values the omnibus test is not defined, and the others are.
    let omnibus = distances.count < 8 ? nil : try NormalTest(distances)
    if omnibus == nil {
      context.log("D'Agostino-Pearson's test needs 8 values, and there are \(distances.count)")
    }
    let plot = try ProbabilityPlot(distances)
    let box = try BoxPlot(distances)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/distances", distances)
    try artifact.write("/shapiro/statistic", scalar: shapiro.statistic)
    try artifact.write("/shapiro/pvalue", scalar: shapiro.pvalue)
    try artifact.write("/normaltest/statistic", scalar: omnibus?.statistic ?? .nan)
    try artifact.write("/normaltest/pvalue", scalar: omnibus?.pvalue ?? .nan)
    try artifact.write("/shapiro/log_pvalue", scalar: shapiro.logPvalue)
    try artifact.write("/normaltest/log_pvalue", scalar: omnibus?.logPvalue ?? .nan)
    try artifact.write("/anderson/statistic", scalar: anderson.statistic)
    try artifact.write("/anderson/adjusted", scalar: anderson.adjustedStatistic)
    try artifact.write("/anderson/pvalue", scalar: anderson.pvalue)
    let skewness = try Moments.skewness(distances)
    let kurtosis = try Moments.excessKurtosis(distances)
    try artifact.write("/moments/mean", scalar: try Moments.mean(distances))
    try artifact.write("/moments/deviation", scalar: try Moments.standardDeviation(distances))
    try artifact.write("/moments/skewness", scalar: skewness)
    try artifact.write("/moments/excess_kurtosis", scalar: kurtosis)
    try artifact.write("/probplot/theoretical", plot.theoretical)
    try artifact.write("/probplot/ordered", plot.ordered)
    try artifact.write("/probplot/slope", scalar: plot.slope)
    try artifact.write("/probplot/intercept", scalar: plot.intercept)
    try artifact.write("/probplot/r", scalar: plot.r)
    try artifact.write("/boxplot/q1", scalar: box.q1)
    try artifact.write("/boxplot/median", scalar: box.median)
    try artifact.write("/boxplot/q3", scalar: box.q3)
    try artifact.write("/boxplot/whisker_low", scalar: box.whiskerLow)
    try artifact.write("/boxplot/whisker_high", scalar: box.whiskerHigh)
    try artifact.write("/boxplot/outliers", box.outliers)
    try artifact.attribute("shapiro_pvalue_is_approximate", .integer(shapiro.pvalueIsApproximate ? 1 : 0))
    try artifact.attribute("metric", .string(metric))
    try artifact.attribute("skewness", .real(skewness))
    try artifact.attribute("excess_kurtosis", .real(kurtosis))
    return try artifact.finish()
  }
}
