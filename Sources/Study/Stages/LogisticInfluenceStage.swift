// The stage `logistic-influence`: the change of a logistic regression's parameters that removes a group, in float64.

import HDF5
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
    datasets: [
      LayoutDeclaration("/influence", "f64 [p]", "the change that the scheme proposes, in state_dict order")
    ],
    attributes: TrustFacts.solveAttributes + [
      LayoutDeclaration(
        "expansion", "float",
        "second-order: ‖q H⁻¹ (H − H_U) Δ₁‖ / ‖Δ₁‖, its second term over the first; NaN for the others")
    ], resources: { _ in Resources(cores: 1, memory: 400 << 20) })

  /// Writes the influence.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let fit = try LogisticFit(task.input("net"))
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
      SoftmaxModel(data: images, pool: ThreadPool(threads: task.threads)), parameters: fit.parameters,
      trainingSet: Array(0..<images.count), group: try task.loadGroup().indices, options: options,
      stream: RandomStream(key: task.streamKey)
    ) { progress in
      context.progress(
        min(0.9, Double(progress.iteration) / 1000),
        "iteration \(progress.iteration)" + (progress.relativeResidual.map { ", residual \($0)" } ?? ""))
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/influence", result.change)
    let facts = result.influence
    var expansion = Double.nan
    if let first = facts.firstOrder?.map(Double.init) {
      let added = zip(result.change, first).map { $0 - $1 }
      expansion = (dot(added, added) / dot(first, first)).squareRoot()
    }
    try artifact.attribute("expansion", .real(expansion))
    try artifact.attribute("converged", .integer(facts.converged ? 1 : 0))
    try artifact.attribute("iterations", .integer(Int64(facts.iterations)))
    try artifact.attribute("products", .integer(Int64(facts.products)))
    try artifact.attribute("hessian_images", .integer(Int64(facts.hessianImages)))
    try artifact.attribute("residual", .real(facts.residual))
    try artifact.attribute("damping", .real(facts.damping))
    try artifact.attribute("damping_implied", .real(facts.impliedDamping))
    try artifact.attribute("gradient_norm", .real(facts.gradientNorm ?? .nan))
    try artifact.attribute("curvature_min", .real(facts.curvature?.lowerBound ?? .nan))
    try artifact.attribute("curvature_max", .real(facts.curvature?.upperBound ?? .nan))
    return try artifact.finish()
  }
}
