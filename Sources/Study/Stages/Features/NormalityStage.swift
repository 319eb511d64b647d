// The stage `normality`: is the distribution of distances bell-shaped?

import Artifacts
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
    datasets: NormalityArtifact.datasets, attributes: NormalityArtifact.attributes)

  /// Writes the tests.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let sample = try task.loadDistances()
    let distances = sample.distances
    let shapiro = try ShapiroWilk(distances)
    let anderson = try AndersonDarling(distances)
    // Below 8 values the omnibus test is not defined, and the others are.
    let omnibus = distances.count < 8 ? nil : try NormalTest(distances)
    if omnibus == nil {
      context.log("D'Agostino-Pearson's test needs 8 values, and there are \(distances.count)")
    }
    let plot = try ProbabilityPlot(distances)
    let box = try BoxPlot(distances)
    var artifact = try ArtifactWriter<NormalityArtifact>(task)
    try artifact.write(\.distances, distances)
    try artifact.write(\.shapiro.statistic, shapiro.statistic)
    try artifact.write(\.shapiro.pvalue, shapiro.pvalue)
    try artifact.write(\.omnibus.statistic, omnibus?.statistic ?? .nan)
    try artifact.write(\.omnibus.pvalue, omnibus?.pvalue ?? .nan)
    try artifact.write(\.shapiro.logPvalue, shapiro.logPvalue)
    try artifact.write(\.omnibus.logPvalue, omnibus?.logPvalue ?? .nan)
    try artifact.write(\.anderson.statistic, anderson.statistic)
    try artifact.write(\.anderson.adjusted, anderson.adjustedStatistic)
    try artifact.write(\.anderson.pvalue, anderson.pvalue)
    let skewness = try Moments.skewness(distances)
    let kurtosis = try Moments.excessKurtosis(distances)
    try artifact.write(\.moments.mean, try Moments.mean(distances))
    try artifact.write(\.moments.deviation, try Moments.standardDeviation(distances))
    try artifact.write(\.moments.skewness, skewness)
    try artifact.write(\.moments.excessKurtosis, kurtosis)
    try artifact.write(\.plot.theoretical, plot.theoretical)
    try artifact.write(\.plot.ordered, plot.ordered)
    try artifact.write(\.plot.slope, plot.slope)
    try artifact.write(\.plot.intercept, plot.intercept)
    try artifact.write(\.plot.r, plot.r)
    try artifact.write(\.box.q1, box.q1)
    try artifact.write(\.box.median, box.median)
    try artifact.write(\.box.q3, box.q3)
    try artifact.write(\.box.whiskerLow, box.whiskerLow)
    try artifact.write(\.box.whiskerHigh, box.whiskerHigh)
    try artifact.write(\.box.outliers, box.outliers)
    try artifact.write(\.isShapiroApproximate, shapiro.pvalueIsApproximate)
    try artifact.write(\.metric, sample.metric)
    try artifact.write(\.skewness, skewness)
    try artifact.write(\.excessKurtosis, kurtosis)
    return try artifact.finish()
  }
}
