// The stage `normality`: is the distribution of distances bell-shaped?

import Analysis
import HDF5
import PipelineCore

/// Tests distances for normality.
public enum NormalityStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "normality", version: 1,
    summary:
      "tests distances for normality (Shapiro-Wilk, D'Agostino-Pearson) and summarises their distribution",
    inputs: [InputDeclaration("neighbours", accepts: ["neighbours"], "the distances")],
    datasets: [
      LayoutDeclaration("/distances", "f64 [n]", "the sample"),
      LayoutDeclaration("/shapiro/{statistic,pvalue}", "f64", "Shapiro-Wilk's W (AS R94) and its p-value"),
      LayoutDeclaration("/normaltest/{statistic,pvalue}", "f64", "D'Agostino-Pearson's K² and its p-value"),
      LayoutDeclaration(
        "/probplot/{theoretical,ordered}", "f64 [n]", "normal order statistic medians, sorted sample"),
      LayoutDeclaration("/probplot/{slope,intercept,r}", "f64", "least-squares line through them"),
      LayoutDeclaration(
        "/boxplot/{q1,median,q3,whisker_low,whisker_high}", "f64", "whiskers at 1.5 quartile ranges"),
      LayoutDeclaration("/boxplot/outliers", "f64 [k]", "what lies beyond the whiskers"),
    ],
    attributes: [
      LayoutDeclaration("shapiro_pvalue_is_approximate", "int", "1 above 5,000 values, as scipy warns"),
      LayoutDeclaration("skewness", "float", "of the sample, 0 for a normal law"),
      LayoutDeclaration("excess_kurtosis", "float", "of the sample, 0 for a normal law"),
    ])

  /// Writes the tests.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let distances: [Double] = try FileReader(at: task.input("neighbours").path).read(
      "/distances", shape: [nil])
    let shapiro = try ShapiroWilk(distances)
    let omnibus = try NormalTest(distances)
    let plot = try ProbabilityPlot(distances)
    let box = try BoxPlot(distances)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/distances", distances)
    try artifact.write("/shapiro/statistic", scalar: shapiro.statistic)
    try artifact.write("/shapiro/pvalue", scalar: shapiro.pvalue)
    try artifact.write("/normaltest/statistic", scalar: omnibus.statistic)
    try artifact.write("/normaltest/pvalue", scalar: omnibus.pvalue)
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
    try artifact.attribute("skewness", .real(try Moments.skewness(distances)))
    try artifact.attribute("excess_kurtosis", .real(try Moments.excessKurtosis(distances)))
    return try artifact.finish()
  }
}
