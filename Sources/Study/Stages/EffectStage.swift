// The stage `effect`: what an influence predicts that removing a group does to losses, and what retraining did.

import HDF5
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Predicted and actual effect of one group's removal.
public enum EffectStage: Stage {
  /// The splits whose loss is predicted.
  static let splits = ["group", "test"]

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "effect", version: 1,
    summary: "sets the change of loss that an influence predicts beside the change that retraining made",
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train"], "the net before removal"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration("influence", accepts: ["influence"], "the change Δ that removes them"),
      InputDeclaration(
        "retrained", accepts: ["retrain"], .many, "nets retrained without them, from one seed or several"),
    ],
    datasets: [
      LayoutDeclaration(
        "/effects/SPLIT/predicted", "f64",
        "gᵀΔ, g the gradient of the mean loss on group or test at the net, without regulariser"),
      LayoutDeclaration(
        "/effects/SPLIT/actual", "f64", "mean loss of the retrained nets less that of the net"),
    ],
    attributes: [
      LayoutDeclaration("group_size", "int", "images in the group"),
      LayoutDeclaration("pool_size", "int", "images that the group was drawn from"),
    ] + TrustFacts.attributes + TrustFacts.comparisonAttributes,
    resources: { _ in Resources(cores: 64, memory: 600 << 20) })

  /// Writes the effects.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let input = task.input("net")
    let net = try task.loadNet(input)
    let pool = ThreadPool(threads: task.threads)
    let file = try FileReader(at: task.input("influence").path)
    try task.check("influence", file, wasMadeWith: ["net", "images", "group"])
    let change: [Float] = try file.read("/influence", shape: [net.parameters.count])
    let before = try task.evaluate(input, net, images)
    let after = try (task.inputs["retrained"] ?? []).map {
      try task.evaluate($0, try task.loadNet($0), images)
    }
    var artifact = try ArtifactWriter(task)
    for split in splits {
      let data = split == "group" ? images.train : images.test
      let members = split == "group" ? group.indices : Array(0..<images.test.count)
      let curvature = try Curvature(
        net.network, parameters: net.parameters, data: data, indices: Array(members.prefix(1)), pool: pool)
      let gradient = try curvature.gradientSum(over: members).gradient
      var predicted = 0.0
      for i in gradient.indices { predicted += Double(gradient[i]) * Double(change[i]) }
      func loss(_ evaluation: NetEvaluation) -> Double {
        let losses = split == "group" ? evaluation.train.losses : evaluation.test.losses
        return members.reduce(0.0) { $0 + Double(losses[$1]) } / Double(members.count)
      }
      let actual = after.reduce(0.0) { $0 + loss($1) } / Double(after.count) - loss(before)
      try artifact.write("/effects/\(split)/predicted", scalar: predicted / Double(members.count))
      try artifact.write("/effects/\(split)/actual", scalar: actual)
    }
    try artifact.attribute("group_size", .integer(Int64(group.indices.count)))
    try artifact.attribute("pool_size", .integer(Int64(group.poolSize)))
    try TrustFacts.copy(from: task.input("influence"), to: &artifact)
    return try artifact.finish()
  }
}
