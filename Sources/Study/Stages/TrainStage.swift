// The stages `train` and `retrain`: SGD on all training images, or on those that are left without a group.

import Foundation
import NeuralNet
import PipelineCore
import Tensor

/// Trains a net on the train split.
public enum TrainStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "train", version: 1, summary: "trains a net on the training images by SGD",
    parameters: trainingParameters,
    inputs: [InputDeclaration("images", accepts: ["load-images"], "the data set")],
    datasets: netLayout, attributes: netAttributes, isRandom: true, resources: trainingResources,
    unused: unusedTrainingParameters, check: checkTrainingParameters)

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    return try trainNet(task, context, images.train, indices: Array(0..<images.train.count))
  }
}

/// Trains a net anew without a group: the reference that unlearning is compared with.
public enum RetrainStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "retrain", version: 1, summary: "trains a net from scratch on the training images without a group",
    parameters: trainingParameters,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("group", accepts: ["group"], "the images to leave out"),
    ],
    datasets: netLayout, attributes: netAttributes, isRandom: true, resources: trainingResources,
    unused: unusedTrainingParameters, check: checkTrainingParameters)

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let group = try task.loadGroup()
    let retained = group.complement(in: images.train.count)
    guard !retained.isEmpty else {
      throw StageFailure("the group is the whole training set: nothing is left to train on")
    }
    return try trainNet(task, context, images.train, indices: retained)
  }
}

private let defaults = TrainingOptions()

private let trainingParameters = [
  ParameterDeclaration("net", .choice(Network.names), default: .string("lenet"), "the architecture"),
  ParameterDeclaration(
    "width", .integer(1...1024), default: .integer(64), "resnet18: channels of its first stage"),
  ParameterDeclaration(
    "widths", .list(.integer(1...65_536)), default: .list([.integer(128)]),
    "mlp: outputs of its hidden layers; without any it is softmax with other names"),
  ParameterDeclaration(
    "dropout", .number(0...0.99), default: .number(0), "mlp: probability after each hidden layer"),
  ParameterDeclaration(
    "epochs", .integer(1...10_000), default: .integer(defaults.epochs), "passes over the images"),
  ParameterDeclaration(
    "batch_size", .integer(1...65_536), default: .integer(defaults.batchSize), "images a step"),
  ParameterDeclaration(
    "learning_rate", .number(atLeast: 0), default: .number(exactly(defaults.learningRate)),
    "the rate that the schedule starts from"),
  ParameterDeclaration(
    "momentum", .number(0...0.9999), default: .number(exactly(defaults.momentum)), "as in PyTorch's SGD"),
  ParameterDeclaration(
    "nesterov", .boolean, default: .boolean(defaults.nesterov), "Nesterov's form of the momentum"),
  ParameterDeclaration(
    "weight_decay", .number(atLeast: 0), default: .number(exactly(defaults.weightDecay)),
    "L2 regularisation: adds λ·θ to the gradient, biases included"),
  ParameterDeclaration(
    "schedule", .choice(["constant", "step", "cosine", "linear"]), default: .string("linear"),
    "how the learning rate goes from its start (linear and cosine: down to zero)"),
  ParameterDeclaration(
    "step_epochs", .integer(1...10_000), default: .integer(1), "schedule step: epochs between two steps"),
  ParameterDeclaration(
    "step_factor", .number(0...1), default: .number(0.1), "schedule step: the factor of one step"),
  ParameterDeclaration(
    "validation_fraction", .number(0...0.9), default: .number(0),
    "share of the training images, drawn by seed, that is not trained on and that patience watches"),
  ParameterDeclaration(
    "patience", .integer(0...10_000), default: .integer(0),
    "epochs without a lower validation loss after which training stops, with the best epoch's parameters (0: never)"
  ),
]

private let unusedTrainingParameters: @Sendable (ParameterValues, Set<String>) -> Set<String> = { values, _ in
  var names: Set<String> = []
  if values.string("net") != "resnet18" { names.insert("width") }
  if values.string("net") != "mlp" { names.formUnion(["widths", "dropout"]) }
  if values.string("schedule") != "step" { names.formUnion(["step_epochs", "step_factor"]) }
  // Without images held out there is nothing to stop by, and the check below has refused it.
  if values.number("validation_fraction") == 0 { names.formUnion(["validation_fraction", "patience"]) }
  return names
}

private let checkTrainingParameters: @Sendable (ParameterValues) -> ParameterProblem? = { values in
  guard values.integer("patience") > 0, values.number("validation_fraction") == 0 else { return nil }
  return ParameterProblem(
    "patience", "'patience' watches held-out images: give 'validation_fraction' a share above 0")
}

/// The architecture that a node's parameters ask for.
private func network(_ values: ParameterValues) throws(NeuralNetError) -> Network {
  let name = values.string("net")
  return try Network.named(
    name, widths: name == "mlp" ? values.integers("widths") : nil,
    dropout: name == "mlp" ? Float(values.number("dropout")) : 0,
    width: name == "resnet18" ? values.integer("width") : nil)
}

/// The decimal that a person would write for a float default: 0.05, not 0.05000000074505806.
private func exactly(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }

/// The datasets of a net's artifact.
let netLayout = [
  LayoutDeclaration(
    "/parameters/NAME", "f32",
    "names, shapes and layouts as in a PyTorch state_dict, resnet18's running statistics included"),
  LayoutDeclaration(
    "/history/loss", "f64 [epochs]", "mean cross-entropy over the epoch (unlearn: on the retained images)"),
  LayoutDeclaration("/history/accuracy", "f64 [epochs]", "share of right predictions over the same"),
  LayoutDeclaration(
    "/history/learning_rate", "f64 [epochs]", "the rate of the epoch's last step (unlearn: the factor)"),
]

/// The attributes of a net's artifact.
let netAttributes = [
  LayoutDeclaration("net", "string", "the architecture"),
  LayoutDeclaration(
    "width", "int", "resnet18: channels of its first stage; other nets: activations before the last layer"),
  LayoutDeclaration("weight_decay", "float", "the L2 regularisation of its training"),
]

private let trainingResources: @Sendable (ParameterValues) -> Resources = { values in
  let own = (try? network(values)).map { trainingBytes($0, batchSize: values.integer("batch_size")) } ?? 0
  return Resources(cores: 64, memory: 400 << 20 + own)
}

private func trainNet(
  _ task: StageTask, _ context: some StageContext, _ images: ImageSet, indices: [Int]
) throws -> Digest {
  let values = task.parameters
  var options = TrainingOptions()
  options.epochs = values.integer("epochs")
  options.batchSize = values.integer("batch_size")
  options.learningRate = Float(values.number("learning_rate"))
  options.momentum = Float(values.number("momentum"))
  options.nesterov = values.boolean("nesterov")
  options.weightDecay = Float(values.number("weight_decay"))
  switch values.string("schedule") {
  case "constant": options.schedule = .constant
  case "cosine": options.schedule = .cosine
  case "step":
    options.schedule = .step(
      every: values.integer("step_epochs"), factor: Float(values.number("step_factor")))
  default: options.schedule = .linear
  }
  options.validationFraction = values.number("validation_fraction")
  options.patience = values.integer("patience")
  let network = try network(values)
  let stream = RandomStream(key: task.streamKey)
  let result = try train(
    network, parameters: network.initialParameters(stream: stream.substream("initial")), data: images,
    indices: indices, options: options, stream: stream, pool: ThreadPool(threads: task.threads)
  ) { step in
    let done = Double(step.epoch) + Double(step.step) / Double(step.stepsPerEpoch)
    context.progress(
      done / Double(step.epochs),
      "epoch \(step.epoch + 1)/\(step.epochs), loss \(String(format: "%.4f", step.loss))")
  }
  var artifact = try ArtifactWriter(task)
  try artifact.write(
    Net(network: result.network, parameters: result.parameters, weightDecay: values.number("weight_decay")))
  try artifact.write("/history/loss", result.history.map(\.loss))
  try artifact.write("/history/accuracy", result.history.map(\.accuracy))
  try artifact.write("/history/learning_rate", result.history.map { Double($0.learningRate) })
  return try artifact.finish()
}
