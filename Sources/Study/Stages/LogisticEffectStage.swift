// The stage `logistic-effect`: what an influence predicts of a logistic regression, and what refitting did.

import HDF5
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
    datasets: [
      LayoutDeclaration(
        "/effects/SPLIT/{predicted,actual}", "f64",
        "change of the cross-entropy on group (as group_loss) or test (mean), without regulariser"),
      LayoutDeclaration("/error", "f64", "‖Δ − Δ*‖ / ‖Δ*‖, Δ* the change that refitting made"),
    ],
    attributes: [
      LayoutDeclaration("group_size", "int", "images in the group"),
      LayoutDeclaration("pool_size", "int", "images that the group was drawn from"),
      LayoutDeclaration("train_images", "int", "images that the net was fitted to"),
      LayoutDeclaration(
        "label_share", "float", "the largest share of a label's training images that the group holds"),
      LayoutDeclaration("expansion", "float", "as of the influence"),
    ] + TrustFacts.attributes, resources: { _ in Resources(cores: 1, memory: 400 << 20) })

  /// Writes the effects.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let net = try LogisticFit(task.input("net"))
    let refit = try LogisticFit(task.input("retrained"))
    guard net.weightDecay == refit.weightDecay else {
      throw StageFailure(
        "net and retrained have different weight decays, \(net.weightDecay) and \(refit.weightDecay)")
    }
    let file = try FileReader(at: task.input("influence").path)
    try task.check("influence", file, wasMadeWith: ["net", "images", "group"])
    let change: [Double] = try file.read("/influence", shape: [net.parameters.count])
    let moved = zip(net.parameters, change).map { $0 + $1 }
    let pool = ThreadPool(threads: task.threads)
    var artifact = try ArtifactWriter(task)
    for (split, data, members) in [
      ("group", images.train, group.indices), ("test", images.test, Array(0..<images.test.count)),
    ] {
      let model = SoftmaxModel(data: data, pool: pool)
      let before = try model.lossSum(at: net.parameters, over: members)
      let predicted =
        task.parameters[prediction] == .linear
        ? dot(try model.gradientSum(at: net.parameters, over: members), change)
        : try model.lossSum(at: moved, over: members) - before
      let actual = try model.lossSum(at: refit.parameters, over: members) - before
      let isTotal = split == "group" && task.parameters[groupLoss] == .total
      let share = isTotal ? 1 : 1 / Double(members.count)
      try artifact.write("/effects/\(split)/predicted", scalar: predicted * share)
      try artifact.write("/effects/\(split)/actual", scalar: actual * share)
    }
    func norm(_ a: [Double], less b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    try artifact.write(
      "/error", scalar: norm(moved, less: refit.parameters) / norm(net.parameters, less: refit.parameters))
    try artifact.attribute("group_size", .integer(Int64(group.indices.count)))
    try artifact.attribute("pool_size", .integer(Int64(group.poolSize)))
    try artifact.attribute("train_images", .integer(Int64(images.train.count)))
    try artifact.attribute("label_share", .real(largestShare(of: group, in: images.train)))
    try artifact.attribute("expansion", .real(try file.real("expansion")))
    try TrustFacts.copy(from: task.input("influence"), to: &artifact)
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
