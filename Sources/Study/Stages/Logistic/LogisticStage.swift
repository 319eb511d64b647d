// The stage `logistic`: logistic regression fitted to its minimum, the case in which influence has a true value.

import Artifacts
import NeuralNet
import PipelineCore
import Tensor

/// Fits L2-regularised multinomial logistic regression in float64.
public enum LogisticStage: Stage {
  static let weightDecay = Parameter(
    "weight_decay", .number(1e-6...1e3), default: 0.01,
    "λ of ½ λ ‖θ‖², added to the mean loss; biases included")
  static let tolerance = Parameter(
    "tolerance", .number(1e-14...1), default: 1e-8, "the gradient's L2 norm at which the fit ends")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "logistic", version: 1,
    summary: "fits L2-regularised logistic regression in float64 to its minimum, with or without a group",
    parameters: [weightDecay, tolerance],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("group", accepts: ["group"], .optional, "the images to leave out"),
      InputDeclaration(
        "start", accepts: ["logistic"], .optional,
        "where the fit starts (without: at zero); the minimum is one all the same"),
    ],
    datasets: LogisticArtifact.datasets, attributes: LogisticArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 400 << 20) })

  /// Writes the parameters.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let loaded = try task.loadImages()
    let images = loaded.train
    var indices = Array(0..<images.count)
    if task.optionalInput("group") != nil { indices = try task.loadGroup().complement(in: images.count) }
    guard !indices.isEmpty else {
      throw StageFailure("the group is the whole training set: nothing is left to fit")
    }
    let start = try task.optionalInput("start").map { _ in try task.loadFit("start").parameters }
    // Influence takes λ in float32; this is the very number.
    let weightDecay = Double(Float(task.parameters[Self.weightDecay]))
    let tolerance = task.parameters[Self.tolerance]
    var norms: [Double] = []
    let fit = try SoftmaxRegression.fit(
      data: images, indices: indices, weightDecay: weightDecay, classes: loaded.classes, start: start,
      tolerance: tolerance, pool: ThreadPool(threads: task.threads)
    ) { step, norm in
      norms.append(norm)
      context.progress(min(0.9, Double(step) / 10), "step \(step), gradient norm \(norm)")
    }
    let gradient = fit.gradient()
    var artifact = try ArtifactWriter<LogisticArtifact>(task)
    try artifact.write(
      \.parameters, LogisticParameters(values: fit.parameters, classes: fit.classes))
    try artifact.write(\.gradientNorms, norms)
    try artifact.write(\.net, LogisticArtifact.network)
    try artifact.write(\.weightDecay, weightDecay)
    try artifact.write(\.trainImages, indices.count)
    try artifact.write(\.loss, fit.loss)
    try artifact.write(\.gradientNorm, dot(gradient, gradient).squareRoot())
    return try artifact.finish()
  }
}

extension StageTask {
  /// The fit of a slot.
  func loadFit(_ slot: String) throws -> LogisticFit {
    try ArtifactReader<LogisticArtifact>(input(slot)).fit()
  }
}
