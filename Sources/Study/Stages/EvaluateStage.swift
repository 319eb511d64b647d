// The stage `evaluate`: a net on the six splits of a study of removal, and how close it is to retrained nets.

import HDF5
import Influence
import NeuralNet
import PipelineCore
import Statistics
import Tensor

/// Evaluates a net.
public enum EvaluateStage: Stage {
  private static let relearning = RelearningOptions()

  static let label = Parameter(
    "label", .optional(.integer(0...9)), default: nil,
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
    name: "evaluate", version: 4,
    summary: "takes loss and accuracy of a net on six splits, and how close it is to retrained nets",
    parameters: [label, relearnLimit, relearnRate, relearnBatch, relearnLoss],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration(
        "reference", accepts: ["retrain"], .optionalMany,
        "nets retrained without the same group, from one seed or several; the net itself is not compared with"
      ),
      InputDeclaration(
        "original", accepts: ["train"], .optional, "the net before removal, for relearn_limit"),
    ],
    datasets: [
      LayoutDeclaration(
        "/metrics/SPLIT/loss", "f64", "mean cross-entropy, without regularisation; NaN for an empty split"),
      LayoutDeclaration("/metrics/SPLIT/accuracy", "f64", "share of right predictions, 0 to 1"),
      LayoutDeclaration(
        "/metrics/SPLIT/{loss_gap,accuracy_gap}", "f64",
        "less the mean over the references; NaN without a reference"),
      LayoutDeclaration(
        "/metrics/SPLIT/{loss_spread,accuracy_spread}", "f64",
        "standard deviation (n − 1) over the references, from seed to seed; NaN below two"),
      LayoutDeclaration(
        "/metrics/comparison/parameter_distance", "f64", "‖θ − θ_reference‖₂, mean over the references"),
      LayoutDeclaration(
        "/metrics/comparison/kl", "f64",
        "KL(reference ‖ net) of the outputs in nats, mean over the test images and the references"),
      LayoutDeclaration(
        "/metrics/comparison/changed", "f64", "share of test images that net and reference decide differently"
      ),
      LayoutDeclaration(
        "/metrics/forgetting/membership_auc", "f64",
        "area under the curve of a loss-threshold attack: the group against test images of its label (of several labels: all); ½ is none the wiser"
      ),
      LayoutDeclaration(
        "/metrics/forgetting/f1", "f64",
        "2 (1 − a) b / (1 − a + b), a the accuracy on the group, b on test_other"),
      LayoutDeclaration(
        "/metrics/forgetting/relearning_steps", "f64",
        "SGD steps until the group's loss is back; infinity beyond the limit, NaN if not measured"),
    ],
    attributes: [
      LayoutDeclaration("group_size", "int", "images in the group"),
      LayoutDeclaration("pool_size", "int", "images that the group was drawn from"),
      LayoutDeclaration("references", "int", "retrained nets that the net was compared with"),
    ] + TrustFacts.attributes + TrustFacts.comparisonAttributes,
    resources: { _ in Resources(cores: 64, memory: 400 << 20) },
    unused: { values, _ in
      values[relearnLimit] > 0 ? [] : [relearnRate.name, relearnBatch.name, relearnLoss.name]
    })

  /// Writes the metrics.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let input = task.input("net")
    let net = try task.loadNet(input)
    let evaluation = try task.evaluate(input, net, images)
    let label = task.parameters[Self.label]
    let members = splitMembers(images, group, label: label)
    let metrics = splitMetrics(evaluation, members)
    // A net that is one of the references tells of their spread, but is not compared with itself.
    let references = try (task.inputs["reference"] ?? []).map { reference in
      let other = try task.loadNet(reference)
      guard other.network.name == net.network.name, other.parameters.count == net.parameters.count else {
        throw StageFailure("\(reference.node) is a \(other.network.name), the net a \(net.network.name)")
      }
      return (input: reference, net: other, evaluation: try task.evaluate(reference, other, images))
    }
    let others = references.filter { $0.input.content != input.content }
    let known = references.map { splitMetrics($0.evaluation, members) }
    let compared = others.map { splitMetrics($0.evaluation, members) }

    var artifact = try ArtifactWriter(task)
    for split in EvaluationMetrics.splits {
      for name in ["loss", "accuracy"] {
        func value(_ metrics: [String: [String: Double]]) -> Double { metrics[split]?[name] ?? .nan }
        let path = "/metrics/\(split)/\(name)"
        try artifact.write(path, scalar: value(metrics))
        try artifact.write(path + "_gap", scalar: value(metrics) - mean(compared.map(value)))
        try artifact.write(
          path + "_spread", scalar: (try? Moments.standardDeviation(known.map(value))) ?? .nan)
      }
    }
    let distances = others.map { other in
      zip(net.parameters, other.net.parameters).reduce(0.0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
      }.squareRoot()
    }
    let divergences = try others.map {
      try OutputDivergence(
        evaluation.testOutputs, reference: $0.evaluation.testOutputs, classes: evaluation.classes)
    }
    try artifact.write("/metrics/comparison/parameter_distance", scalar: mean(distances))
    try artifact.write("/metrics/comparison/kl", scalar: mean(divergences.map(\.kullbackLeibler)))
    try artifact.write("/metrics/comparison/changed", scalar: mean(divergences.map(\.changedDecisions)))
    try artifact.write(
      "/metrics/forgetting/membership_auc", scalar: try membership(evaluation, images, group))
    let a = metrics["group"]?["accuracy"] ?? .nan
    let b = metrics["test_other"]?["accuracy"] ?? .nan
    try artifact.write("/metrics/forgetting/f1", scalar: forgettingF1(group: a, others: b))
    try artifact.write(
      "/metrics/forgetting/relearning_steps", scalar: try relearning(task, net, images, group))
    try artifact.attribute("group_size", .integer(Int64(group.indices.count)))
    try artifact.attribute("pool_size", .integer(Int64(group.poolSize)))
    try artifact.attribute("references", .integer(Int64(others.count)))
    try TrustFacts.copy(from: input, to: &artifact)
    return try artifact.finish()
  }

  /// The images of each split: whether of the train split, and which.
  private static func splitMembers(_ images: LoadedImages, _ group: Group, label: Int?) -> [String: (
    isTraining: Bool, indices: [Int]
  )] {
    let labels = images.test.labels
    return [
      "group": (true, group.indices),
      "retained": (true, group.complement(in: images.train.count)),
      "train": (true, Array(0..<images.train.count)),
      "test": (false, Array(0..<images.test.count)),
      "test_label": (false, labels.indices.filter { Int(labels[$0]) == label }),
      "test_other": (false, labels.indices.filter { Int(labels[$0]) != label }),
    ]
  }

  /// Means over each split, in double precision and in ascending order; NaN for an empty one.
  private static func splitMetrics(
    _ evaluation: NetEvaluation, _ members: [String: (isTraining: Bool, indices: [Int])]
  ) -> [String: [String: Double]] {
    members.mapValues { split in
      let source = split.isTraining ? evaluation.train : evaluation.test
      var loss = 0.0
      var correct = 0
      for index in split.indices {
        loss += Double(source.losses[index])
        correct += source.correct[index] ? 1 : 0
      }
      let count = Double(split.indices.count)
      return count == 0 ? [:] : ["loss": loss / count, "accuracy": Double(correct) / count]
    }
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
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
