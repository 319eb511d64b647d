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
    datasets: netLayout, attributes: netAttributes, isRandom: true, resources: trainingResources)

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
    datasets: netLayout, attributes: netAttributes, isRandom: true, resources: trainingResources)

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
]

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
  let name = values.string("net")
  let width = name == "resnet18" ? values.integer("width") : nil
  let network = try? Network.named(name, width: width)
  let own = network.map { trainingBytes($0, batchSize: values.integer("batch_size")) } ?? 0
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
  let name = values.string("net")
  let network = try Network.named(name, width: name == "resnet18" ? values.integer("width") : nil)
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
