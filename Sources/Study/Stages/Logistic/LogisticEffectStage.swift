// The stage `logistic-effect`: what an influence predicts of a logistic regression, and what refitting did.

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Predicted and actual effect of one group's removal, in float64.
public enum LogisticEffectStage: Stage {
  /// How the change of a loss is predicted.
  enum Prediction: String, CaseIterable { case linear, loss }
  /// What the loss of the removed images is.
  enum GroupLoss: String, CaseIterable { case mean, total }

  static let prediction = Parameter(
    "prediction", .choice(Prediction.self), default: .linear,
    "of a loss: linear: gᵀΔ, g its gradient at the fit; loss: the loss at the fit plus Δ less that at the fit"
  )
  static let groupLoss = Parameter(
    "group_loss", .choice(GroupLoss.self), default: .mean,
    "of the removed images: their mean loss, or its sum, which is the self-loss of Koh et al. (2019)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "logistic-effect", version: 2,
    summary: "sets the change that an influence predicts of a logistic regression beside that of refitting",
    parameters: [prediction, groupLoss],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["logistic"], "the fit to all images"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration("influence", accepts: ["logistic-influence"], "the change Δ that removes them"),
      InputDeclaration("retrained", accepts: ["logistic"], "the fit without them"),
    ],
    datasets: LogisticEffectArtifact.datasets, attributes: LogisticEffectArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 400 << 20) })

  /// Writes the effects.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let net = try task.loadFit("net")
    let refit = try task.loadFit("retrained")
    guard net.weightDecay == refit.weightDecay else {
      throw StageFailure(
        "net and retrained have different weight decays, \(net.weightDecay) and \(refit.weightDecay)")
    }
    let file = try ArtifactReader<LogisticInfluenceArtifact>(task.input("influence"))
    try file.checkInputs(["net", "images", "group"], areThoseOf: task, slot: "influence")
    let change = try file.read(\.influence)
    let moved = zip(net.parameters, change).map { $0 + $1 }
    let pool = ThreadPool(threads: task.threads)
    var effects: [EffectSplit: PredictedEffect<Double>] = [:]
    for split in EffectSplit.allCases {
      let data = split == .group ? images.train : images.test
      let members = split == .group ? group.indices : Array(0..<images.test.count)
      let model = SoftmaxModel(data: data, classes: net.classes, pool: pool)
      let before = try model.lossSum(at: net.parameters, over: members)
      let predicted =
        task.parameters[prediction] == .linear
        ? dot(try model.gradientSum(at: net.parameters, over: members), change)
        : try model.lossSum(at: moved, over: members) - before
      let actual = try model.lossSum(at: refit.parameters, over: members) - before
      let isTotal = split == .group && task.parameters[groupLoss] == .total
      let share = isTotal ? 1 : 1 / Double(members.count)
      effects[split] = PredictedEffect(predicted: predicted * share, actual: actual * share)
    }
    func norm(_ a: [Double], less b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    var artifact = try ArtifactWriter<LogisticEffectArtifact>(task)
    try artifact.write(\.effects, effects)
    try artifact.write(
      \.error, norm(moved, less: refit.parameters) / norm(net.parameters, less: refit.parameters))
    try artifact.write(\.groupSize, group.indices.count)
    try artifact.write(\.poolSize, group.poolSize)
    try artifact.write(\.trainImages, images.train.count)
    try artifact.write(\.labelShare, largestShare(of: group, in: images.train))
    try artifact.write(\.expansion, try file.read(\.expansion))
    try artifact.write(\.facts, try SolveFacts(behind: task.input("influence")))
    return try artifact.finish()
  }

  /// Over the labels, the largest share of a label's images that are in the group.
  private static func largestShare(of group: Group, in images: ImageSet) -> Double {
    var (all, own) = ([UInt8: Double](), [UInt8: Double]())
    for label in images.labels { all[label, default: 0] += 1 }
    for index in group.indices { own[images.labels[index], default: 0] += 1 }
    return own.map { $0.value / (all[$0.key] ?? 1) }.max() ?? 0
  }
}
