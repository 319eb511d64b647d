// The stage `evaluate`: a net on the six splits of a study of removal, and how close it is to retrained nets.

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Statistics
import Tensor

/// Evaluates a net.
public enum EvaluateStage: Stage {
  private static let relearning = RelearningOptions()

  static let label = Parameter(
    "label", .optional(.integer(0...255)), default: nil,
    "the label of test_label, the others being test_other (null: test_label is empty and NaN)")
  static let relearnLimit = Parameter(
    "relearn_limit", .integer(0...100_000), default: 0,
    "the most SGD steps on the group's images after which its loss should be back; 0: not measured")
  static let relearnRate = Parameter(
    "relearn_rate", .number(1e-9...100), default: 0.01,
    "relearning: the learning rate, without momentum or weight decay")
  static let relearnBatch = Parameter(
    "relearn_batch", .integer(1...65_536), default: relearning.batchSize, "relearning: images a step")
  static let relearnLoss = Parameter(
    "relearn_loss", .optional(.number(0...)), default: nil,
    "relearning: the group's loss to come back to (null: that of the net in slot original)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "evaluate", version: 5,
    summary: "takes loss and accuracy of a net on six splits, and how close it is to retrained nets",
    parameters: [label, relearnLimit, relearnRate, relearnBatch, relearnLoss],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.all, "the net"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration(
        "reference", accepts: NetStages.retrained, .optionalMany,
        "nets retrained without the same group, from one seed or several; the net itself is not compared with"
      ),
      InputDeclaration(
        "original", accepts: NetStages.original, .optional, "the net before removal, for relearn_limit"),
    ],
    datasets: EvaluationArtifact.datasets, attributes: EvaluationArtifact.attributes,
    resources: { _ in Resources(cores: 64, memory: 400 << 20) },
    unused: { values, _ in
      values[relearnLimit] > 0 ? [] : [relearnRate.name, relearnBatch.name, relearnLoss.name]
    })

  /// Writes the metrics.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    if let label = task.parameters[label], label >= images.classes {
      throw StageFailure("label is \(label), but the data set has the classes 0…\(images.classes - 1)")
    }
    let group = try task.loadGroup()
    let input = task.input("net")
    let net = try task.loadNet(input)
    let evaluation = try task.evaluate(input, net, images)
    let references = try references(task, of: net, images)
    // A net that is one of the references tells of their spread, but is not compared with itself.
    let others = references.filter { $0.input.content != input.content }

    var metrics = SplitMeans.figures(
      of: evaluation, among: references.map(\.evaluation), against: others.map(\.evaluation),
      on: SplitMeans.members(images, group, label: task.parameters[label]))
    let divergences = try others.map {
      try OutputDivergence(
        evaluation.testOutputs, reference: $0.evaluation.testOutputs, classes: evaluation.classes)
    }
    metrics[.parameterDistance] = mean(others.map { distance(net.parameters, $0.net.parameters) })
    metrics[.divergence] = mean(divergences.map(\.kullbackLeibler))
    metrics[.changedDecisions] = mean(divergences.map(\.changedDecisions))
    metrics[.membershipArea] = try membership(evaluation, images, group)
    func accuracy(_ split: EvaluationSplit) -> Double { metrics[EvaluationMetric(split, .accuracy)] ?? .nan }
    metrics[.f1] = forgettingF1(group: accuracy(.group), others: accuracy(.testOther))
    metrics[.relearningSteps] = try relearning(task, net, images, group)
    return try task.write(
      EvaluationArtifact.self,
      NetEvaluationFigures(
        metrics: metrics, groupSize: group.indices.count, poolSize: group.poolSize,
        references: others.count, facts: try SolveFacts(behind: input)))
  }

  private struct Reference {
    var input: TaskInput
    var net: Net
    var evaluation: NetEvaluation
  }

  /// The nets of slot `reference`, of the same architecture as the net.
  private static func references(_ task: StageTask, of net: Net, _ images: LoadedImages) throws -> [Reference]
  {
    try (task.inputs["reference"] ?? []).map { reference in
      let other = try task.loadNet(reference)
      guard other.network.name == net.network.name, other.parameters.count == net.parameters.count else {
        throw StageFailure("\(reference.node) is a \(other.network.name), the net a \(net.network.name)")
      }
      return Reference(
        input: reference, net: other, evaluation: try task.evaluate(reference, other, images))
    }
  }

  /// ‖a − b‖₂, in double precision.
  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }.squareRoot()
  }

  /// The membership attack's area; NaN if the test split has no image of the group's label.
  private static func membership(_ evaluation: NetEvaluation, _ images: LoadedImages, _ group: Group) throws
    -> Double
  {
    let labels = Set(group.indices.map { images.train.labels[$0] })
    let others = images.test.labels.indices.filter {
      labels.count > 1 || labels.contains(images.test.labels[$0])
    }
    if others.isEmpty { return .nan }
    return try AreaUnderCurve.membership(
      members: group.indices.map { Double(evaluation.train.losses[$0]) },
      others: others.map { Double(evaluation.test.losses[$0]) })
  }

  private static func relearning(_ task: StageTask, _ net: Net, _ images: LoadedImages, _ group: Group) throws
    -> Double
  {
    let parameters = task.parameters
    var options = relearning
    options.limit = parameters[relearnLimit]
    if options.limit == 0 { return .nan }
    options.learningRate = Float(parameters[relearnRate])
    options.batchSize = parameters[relearnBatch]
    let target: Double
    if let loss = parameters[relearnLoss] {
      target = loss
    } else if let original = task.optionalInput("original") {
      let before = try task.evaluate(original, try task.loadNet(original), images).train
      target = mean(group.indices.map { Double(before.losses[$0]) })
    } else {
      throw StageFailure("relearn_limit needs a loss to come back to: give the stage an input original")
    }
    let steps = try relearningSteps(
      net.network, parameters: net.parameters, data: images.train, group: group.indices, target: target,
      options: options, pool: ThreadPool(threads: task.threads))
    return steps.map(Double.init) ?? .infinity
  }
}
