// The stage `evaluate`: loss and accuracy of a net on the six splits that a study of removal needs.

import HDF5
import NeuralNet
import PipelineCore
import Tensor

/// Evaluates a net.
public enum EvaluateStage: Stage {
  /// The splits of the contract.
  static let splits = ["group", "retained", "train", "test", "test_label", "test_other"]

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "evaluate", version: 2, summary: "takes loss and accuracy of a net on six splits",
    parameters: [
      ParameterDeclaration(
        "label", .optional(.integer(0...9)), default: .null,
        "the label of test_label, the others being test_other (null: test_label is empty and NaN)")
    ],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
    ],
    datasets: [
      LayoutDeclaration(
        "/metrics/SPLIT/loss", "f64", "mean cross-entropy, without regularisation; NaN for an empty split"),
      LayoutDeclaration("/metrics/SPLIT/accuracy", "f64", "share of right predictions, 0 to 1"),
    ],
    attributes: [
      LayoutDeclaration("group_size", "int", "images in the group"),
      LayoutDeclaration("pool_size", "int", "images that the group was drawn from"),
      LayoutDeclaration("converged", "int", "0 if the net comes from a solve that did not converge"),
      LayoutDeclaration("residual", "float", "the worst true relative residual behind the net; NaN if none"),
      LayoutDeclaration("iterations", "int", "solver iterations behind the net"),
      LayoutDeclaration("damping", "float", "damping of the solves behind the net; NaN if none"),
      LayoutDeclaration("hessian_images", "int", "curvature images of the solves behind the net; 0 if none"),
    ],
    resources: { _ in Resources(cores: 64, memory: 400 << 20) })

  /// Writes the metrics.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let net = try task.loadNet("net")
    let pool = ThreadPool(threads: task.threads)
    func evaluate(_ images: ImageSet) throws -> Evaluation {
      try NeuralNet.evaluate(
        net.network, parameters: net.parameters, data: images, indices: Array(0..<images.count), pool: pool)
    }
    let train = try evaluate(images.train)
    let test = try evaluate(images.test)
    let label = task.parameters.optionalInteger("label")
    let labels = images.test.labels
    let results: [String: (loss: Double, accuracy: Double)] = [
      "group": mean(train, group.indices),
      "retained": mean(train, group.complement(in: images.train.count)),
      "train": mean(train, Array(0..<images.train.count)),
      "test": mean(test, Array(0..<images.test.count)),
      "test_label": mean(test, labels.indices.filter { Int(labels[$0]) == label }),
      "test_other": mean(test, labels.indices.filter { Int(labels[$0]) != label }),
    ]
    var artifact = try ArtifactWriter(task)
    for split in splits {
      try artifact.write("/metrics/\(split)/loss", scalar: results[split]!.loss)
      try artifact.write("/metrics/\(split)/accuracy", scalar: results[split]!.accuracy)
    }
    try artifact.attribute("group_size", .integer(Int64(group.indices.count)))
    try artifact.attribute("pool_size", .integer(Int64(group.poolSize)))
    // A trained net has no solve behind it.
    let solve = try FileReader(at: task.input("net").path).attributes()
    try artifact.attribute("converged", solve["converged"] ?? .integer(1))
    try artifact.attribute("residual", solve["residual"] ?? .real(.nan))
    try artifact.attribute("iterations", solve["iterations"] ?? .integer(0))
    try artifact.attribute("damping", solve["damping"] ?? .real(.nan))
    try artifact.attribute("hessian_images", solve["hessian_images"] ?? .integer(0))
    return try artifact.finish()
  }

  /// Means over some of the evaluated images, in double precision and in ascending order.
  private static func mean(_ evaluation: Evaluation, _ indices: [Int]) -> (loss: Double, accuracy: Double) {
    if indices.isEmpty { return (.nan, .nan) }
    var loss = 0.0
    var correct = 0
    for index in indices {
      loss += Double(evaluation.losses[index])
      correct += evaluation.correct[index] ? 1 : 0
    }
    return (loss / Double(indices.count), Double(correct) / Double(indices.count))
  }
}
