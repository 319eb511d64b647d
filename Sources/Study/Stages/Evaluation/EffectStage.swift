// The stage `effect`: what an influence predicts that removing a group does to losses, and what retraining did.

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Predicted and actual effect of one group's removal.
public enum EffectStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "effect", version: 2,
    summary: "sets the change of loss that an influence predicts beside the change that retraining made",
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.original, "the net before removal"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration("influence", accepts: ["influence"], "the change Δ that removes them"),
      InputDeclaration(
        "retrained", accepts: NetStages.retrained, .many,
        "nets retrained without them, from one seed or several"),
    ],
    datasets: EffectArtifact.datasets, attributes: EffectArtifact.attributes,
    resources: { _ in Resources(cores: 64, memory: 600 << 20) })

  /// Writes the effects.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let input = task.input("net")
    let net = try task.loadNet(input)
    let pool = ThreadPool(threads: task.threads)
    let file = try ArtifactReader<InfluenceArtifact>(task.input("influence"))
    try file.checkInputs(["net", "images", "group"], areThoseOf: task, slot: "influence")
    let change = try file.read(\.influence)
    let before = try task.evaluate(input, net, images)
    let after = try (task.inputs["retrained"] ?? []).map {
      try task.evaluate($0, try task.loadNet($0), images)
    }
    var effects: [EffectSplit: PredictedEffect<Double>] = [:]
    for split in EffectSplit.allCases {
      let data = split == .group ? images.train : images.test
      let members = split == .group ? group.indices : Array(0..<images.test.count)
      let curvature = try Curvature(
        net.network, parameters: net.parameters, data: data, indices: Array(members.prefix(1)), pool: pool)
      let gradient = try curvature.gradientSum(over: members).gradient
      var predicted = 0.0
      for i in gradient.indices { predicted += Double(gradient[i]) * Double(change[i]) }
      func loss(_ evaluation: NetEvaluation) -> Double {
        let losses = split == .group ? evaluation.train.losses : evaluation.test.losses
        return members.reduce(0.0) { $0 + Double(losses[$1]) } / Double(members.count)
      }
      let actual = after.reduce(0.0) { $0 + loss($1) } / Double(after.count) - loss(before)
      effects[split] = PredictedEffect(predicted: predicted / Double(members.count), actual: actual)
    }
    var artifact = try ArtifactWriter<EffectArtifact>(task)
    try artifact.write(\.effects, effects)
    try artifact.write(\.groupSize, group.indices.count)
    try artifact.write(\.poolSize, group.poolSize)
    try artifact.write(\.facts, try SolveFacts(behind: task.input("influence")))
    return try artifact.finish()
  }
}
