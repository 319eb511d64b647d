// The stage `logistic-influence`: the change of a logistic regression's parameters that removes a group, in float64.

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Computes the influence of a group on logistic regression, with the curvature of all images and no damping.
public enum LogisticInfluenceStage: Stage {
  static let scheme = Parameter(
    "scheme", .choice(InfluenceScheme.self, among: [.firstOrder, .secondOrder, .newton]),
    default: .firstOrder,
    "first-order: H⁻¹ of all images; second-order: corrected once; newton: H⁻¹ of the retained images")
  static let scale = Parameter(
    "scale", .choice(InfluenceScale.self), default: .mean,
    "mean: the retained images keep λ, as logistic does; koh: they keep n λ in all")
  static let tolerance = Parameter(
    "tolerance", .number(1e-14...0.1), default: 1e-10, "bound of the true relative residual")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "logistic-influence", version: 2,
    summary: "computes the change of a logistic regression's parameters that removes a group, in float64",
    parameters: [scheme, scale, tolerance],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["logistic"], "the fit to all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove"),
    ],
    datasets: LogisticInfluenceArtifact.datasets, attributes: LogisticInfluenceArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 400 << 20) })

  /// Writes the influence.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let fit = try task.loadFit("net")
    let values = task.parameters
    var options = InfluenceOptions()
    options.scheme = values[scheme]
    options.scale = values[scale]
    options.hessianImages = images.count
    options.damping = 0
    options.weightDecay = Float(fit.weightDecay)
    options.tolerance = values[tolerance]
    options.maxIterations = 10 * fit.parameters.count
    let result = try influence(
      SoftmaxModel(data: images, classes: fit.classes, pool: ThreadPool(threads: task.threads)),
      parameters: fit.parameters,
      trainingSet: Array(0..<images.count), group: try task.loadGroup().indices, options: options,
      stream: RandomStream(key: task.streamKey)
    ) { progress in
      context.progress(
        min(0.9, Double(progress.iteration) / 1000),
        "iteration \(progress.iteration)" + (progress.relativeResidual.map { ", residual \($0)" } ?? ""))
    }
    let facts = result.influence
    var expansion = Double.nan
    if let first = facts.firstOrder?.map(Double.init) {
      let added = zip(result.change, first).map { $0 - $1 }
      expansion = (dot(added, added) / dot(first, first)).squareRoot()
    }
    var artifact = try ArtifactWriter<LogisticInfluenceArtifact>(task)
    try artifact.write(\.influence, result.change)
    try artifact.write(\.expansion, expansion)
    try artifact.write(\.outcome, SolveOutcome(facts))
    return try artifact.finish()
  }
}
