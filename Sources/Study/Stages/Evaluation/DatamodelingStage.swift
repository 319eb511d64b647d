// The stage `datamodeling`: do predicted effects of groups rank as actual ones, test image by test image?

import Artifacts
import Glibc
import PipelineCore
import Statistics

/// Takes the linear datamodeling score of a way to predict retraining.
public enum DatamodelingStage: Stage {
  /// What an effect is the change of.
  enum Measure: String, CaseIterable { case loss, margin }

  static let measure = Parameter(
    "measure", .choice(Measure.self), default: .loss,
    "what an effect is the change of: the cross-entropy of an image, or its margin")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "datamodeling", version: 1,
    summary:
      "ranks predicted beside actual effects of groups on each test image: the linear datamodeling score",
    parameters: [measure],
    inputs: [
      InputDeclaration("before", accepts: ["margins"], "the net before removal, on the test images"),
      InputDeclaration(
        "predicted", accepts: ["margins"], .many, "nets that a way of removal has made, one for each group"),
      InputDeclaration(
        "actual", accepts: ["margins"], .many, "nets retrained without the groups, from one seed or several"),
    ],
    datasets: DatamodelingArtifact.datasets, attributes: DatamodelingArtifact.attributes)

  /// Writes the score.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let before = try effects(task, of: task.input("before"), less: nil)
    var predicted: [[Double]] = []
    var actual: [[[Double]]] = []
    for input in task.inputs["predicted"] ?? [] {
      predicted.append(try effects(task, of: input, less: before))
      let seeds = (task.inputs["actual"] ?? []).filter { $0.axisTexts == input.axisTexts }
      guard !seeds.isEmpty else {
        throw StageFailure("no node of slot actual has the axis values of \(input.node)")
      }
      actual.append(try seeds.map { try effects(task, of: $0, less: before) })
    }
    let means = actual.map { Self.mean($0) }
    let score = try DatamodelingScore(predicted: predicted, actual: means)
    var artifact = try ArtifactWriter<DatamodelingArtifact>(task)
    try artifact.write(\.score, score.score)
    try artifact.write(\.lower, score.interval.lowerBound)
    try artifact.write(\.upper, score.interval.upperBound)
    try artifact.write(\.ceiling, try ceiling(actual))
    try artifact.write(\.images, Double(score.images))
    try artifact.write(\.groups, Double(score.groups))
    return try artifact.finish()
  }

  /// What a net of another seed would score: the best that a prediction of retraining can hope for.
  private static func ceiling(_ actual: [[[Double]]]) throws -> Double {
    guard actual.allSatisfy({ $0.count > 1 }) else { return .nan }
    return try DatamodelingScore(
      predicted: actual.map { $0[0] }, actual: actual.map { mean(Array($0.dropFirst())) }
    ).score
  }

  private static func mean(_ rows: [[Double]]) -> [Double] {
    rows[0].indices.map { image in rows.reduce(0) { $0 + $1[image] } / Double(rows.count) }
  }

  /// The measure at each image, less that before removal.
  private static func effects(_ task: StageTask, of input: TaskInput, less before: [Double]?) throws
    -> [Double]
  {
    let margins = try MarginsArtifact.read(input).margins
    // −ln p with p = 1 / (1 + e^−m), without the overflow of e^−m.
    let values =
      task.parameters[measure] == .margin
      ? margins : margins.map { $0 > 0 ? log1p(exp(-$0)) : log1p(exp($0)) - $0 }
    guard let before else { return values }
    guard before.count == values.count else {
      throw StageFailure(
        "\(input.node) is of \(values.count) images, but the net before removal of \(before.count)")
    }
    return zip(values, before).map { $0 - $1 }
  }
}
