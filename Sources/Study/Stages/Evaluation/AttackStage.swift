// The stage `attack`: tells an unlearned net from a retrained one by each removed image, with a likelihood ratio.

import Artifacts
import PipelineCore
import Statistics

/// Attacks the net of one group with the nets of all other groups as its knowledge.
public enum AttackStage: Stage {
  /// Whose standard deviation an image's distribution has.
  enum Deviation: String, CaseIterable {
    /// One for all images of a kind of nets: the root mean square, as Carlini et al. take it for few nets.
    case pooled
    /// The image's own.
    case image
  }

  static let deviation = Parameter(
    "deviation", .choice(Deviation.self), default: .pooled,
    "the standard deviation of an image's margin: pooled over the images, or the image's own (wants 32 nets or more)"
  )
  static let least = Parameter(
    "least", .integer(2...1_000_000), default: 4,
    "an image is attacked if at least so many other nets of each kind were made to do without it")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "attack", version: 1,
    summary: "tells an unlearned net from a retrained one by the margins of the removed images (U-LiRA)",
    parameters: [deviation, least],
    inputs: [
      InputDeclaration("target", accepts: ["margins"], "the unlearned net, with its group"),
      InputDeclaration(
        "control", accepts: ["margins"],
        "a net retrained without the same group, which is among no other slot's"),
      InputDeclaration(
        "unlearned", accepts: ["margins"], .many, "nets unlearned by the same scheme, of other groups"),
      InputDeclaration("retrained", accepts: ["margins"], .many, "nets retrained without other groups"),
    ],
    datasets: AttackArtifact.datasets, attributes: AttackArtifact.attributes)

  /// Writes scores and rates.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let target = try MarginsArtifact.read(task.input("target"))
    let control = try MarginsArtifact.read(task.input("control"))
    guard target.indices == control.indices, target.removed == control.removed else {
      throw StageFailure("target and control are not of the same images and the same group")
    }
    guard target.removed.contains(true) else {
      throw StageFailure(
        "\(task.input("target").node) marks no removed image: give its stage the input group")
    }
    let unlearned = try knowledge(task, "unlearned", besides: target)
    let retrained = try knowledge(task, "retrained", besides: target)
    let scores = try scores(task, target, control, unlearned: unlearned, retrained: retrained)

    var artifact = try ArtifactWriter<AttackArtifact>(task)
    try artifact.write(
      \.area, try AreaUnderCurve.of(positives: scores.unlearned, negatives: scores.retrained))
    func rate(_ share: Double) throws -> Double {
      try LikelihoodRatioAttack.truePositiveRate(
        positives: scores.unlearned, negatives: scores.retrained, falsePositiveRate: share)
    }
    try artifact.write(\.atOnePercent, try rate(0.01))
    try artifact.write(\.atFivePercent, try rate(0.05))
    try artifact.write(\.images, Double(scores.indices.count))
    try artifact.write(\.netsOfAnImage, Double(scores.nets.reduce(0, +)) / Double(scores.nets.count))
    try artifact.write(\.indices, scores.indices)
    try artifact.write(\.unlearned, scores.unlearned)
    try artifact.write(\.retrained, scores.retrained)
    try artifact.write(\.nets, scores.nets)
    return try artifact.finish()
  }

  /// What is known of one kind of nets.
  private struct Knowledge {
    /// By place in the target's images: the margins of the nets that were made to do without the image.
    var margins: [[Double]]
    /// Root mean square of the images' standard deviations.
    var pooled: Double

    init(_ nets: [Margins], count: Int) {
      margins = (0..<count).map { image in
        nets.filter { $0.removed[image] }.map { $0.margins[image] }
      }
      var (squares, degrees) = (0.0, 0.0)
      for own in margins where own.count > 1 {
        squares += Self.moments(own).squares
        degrees += Double(own.count - 1)
      }
      pooled = (squares / degrees).squareRoot()
    }

    /// The distribution of one image's margin.
    func normal(_ image: Int, _ deviation: Deviation) -> LikelihoodRatioAttack.Normal {
      let (mean, squares) = Self.moments(margins[image])
      return LikelihoodRatioAttack.Normal(
        mean: mean,
        deviation: deviation == .pooled ? pooled : (squares / Double(margins[image].count - 1)).squareRoot())
    }

    /// The mean, and the sum of the squared differences from it.
    private static func moments(_ values: [Double]) -> (mean: Double, squares: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) })
    }
  }

  /// The nets of a slot, less those of the target's own group: nobody knows the net under attack.
  private static func knowledge(_ task: StageTask, _ slot: String, besides target: Margins) throws
    -> Knowledge
  {
    let nets = try (task.inputs[slot] ?? []).compactMap { input -> Margins? in
      let net = try MarginsArtifact.read(input)
      guard net.indices == target.indices else {
        throw StageFailure("\(input.node) is of other images than the target")
      }
      return net.removed == target.removed ? nil : net
    }
    return Knowledge(nets, count: target.indices.count)
  }

  private static func scores(
    _ task: StageTask, _ target: Margins, _ control: Margins, unlearned: Knowledge, retrained: Knowledge
  ) throws -> AttackScores {
    let least = task.parameters[least]
    var scores = AttackScores(indices: [], unlearned: [], retrained: [], nets: [])
    for image in target.indices.indices where target.removed[image] {
      let nets = min(unlearned.margins[image].count, retrained.margins[image].count)
      if nets < least { continue }
      let attack = LikelihoodRatioAttack(
        unlearned: unlearned.normal(image, task.parameters[deviation]),
        retrained: retrained.normal(image, task.parameters[deviation]))
      guard attack.unlearned.deviation > 0, attack.retrained.deviation > 0 else {
        throw StageFailure(
          "image \(target.indices[image]) has the same margin at all nets of a kind: there is no distribution to compare"
        )
      }
      scores.indices.append(target.indices[image])
      scores.unlearned.append(attack.score(target.margins[image]))
      scores.retrained.append(attack.score(control.margins[image]))
      scores.nets.append(nets)
    }
    guard !scores.indices.isEmpty else {
      throw StageFailure(
        "no removed image has \(least) other nets of each kind without it: take more repeats, or set 'least' lower"
      )
    }
    return scores
  }
}
