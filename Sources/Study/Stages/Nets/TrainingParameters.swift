// The parameters that `train` and `retrain` share: the architecture and how it is trained.

import Artifacts
import NeuralNet
import PipelineCore

/// What `train` and `retrain` ask of a net and its training.
enum TrainingParameters {
  /// How the learning rate goes from its start.
  enum Schedule: String, CaseIterable { case constant, step, cosine, linear }

  private static let defaults = TrainingOptions()

  static let net = Parameter("net", .word(Network.names), default: "lenet", "the architecture")
  static let width = Parameter(
    "width", .integer(1...1024), default: 64, "resnet18: channels of its first stage")
  static let widths = Parameter(
    "widths", .list(.integer(1...65_536)), default: [128],
    "mlp: outputs of its hidden layers; without any it is softmax with other names")
  static let dropout = Parameter(
    "dropout", .number(0...0.99), default: 0, "mlp: probability after each hidden layer")
  static let epochs = Parameter(
    "epochs", .integer(1...10_000), default: defaults.epochs, "passes over the images")
  static let batchSize = Parameter(
    "batch_size", .integer(1...65_536), default: defaults.batchSize, "images a step")
  static let learningRate = Parameter(
    "learning_rate", .number(0...), default: exactly(defaults.learningRate),
    "the rate that the schedule starts from")
  static let momentum = Parameter(
    "momentum", .number(0...0.9999), default: exactly(defaults.momentum), "as in PyTorch's SGD")
  static let nesterov = Parameter(
    "nesterov", .boolean, default: defaults.nesterov, "Nesterov's form of the momentum")
  static let weightDecay = Parameter(
    "weight_decay", .number(0...), default: exactly(defaults.weightDecay),
    "L2 regularisation: adds λ·θ to the gradient, biases included")
  static let schedule = Parameter(
    "schedule", .choice(Schedule.self), default: .linear,
    "how the learning rate goes from its start (linear and cosine: down to zero)")
  static let stepEpochs = Parameter(
    "step_epochs", .integer(1...10_000), default: 1, "schedule step: epochs between two steps")
  static let stepFactor = Parameter(
    "step_factor", .number(0...1), default: 0.1, "schedule step: the factor of one step")
  static let validationFraction = Parameter(
    "validation_fraction", .number(0...0.9), default: 0,
    "share of the training images, drawn by seed, that is not trained on and that patience watches")
  static let patience = Parameter(
    "patience", .integer(0...10_000), default: 0,
    "epochs without a lower validation loss after which training stops, with the best epoch's parameters (0: never)"
  )

  /// All of them, in the order in which they are shown.
  static let all: [any DeclaredParameter] = [
    net, width, widths, dropout, epochs, batchSize, learningRate, momentum, nesterov, weightDecay, schedule,
    stepEpochs,
    stepFactor, validationFraction, patience,
  ]

  /// The parameters that a node with these values makes no use of.
  static func unused(_ values: ParameterValues, _ slots: Set<String>) -> Set<ParameterName> {
    var names = unusedOfArchitecture(values)
    if values[net] != "mlp" { names.insert(dropout.name) }
    if values[schedule] != .step { names.formUnion([stepEpochs.name, stepFactor.name]) }
    // Without images held out there is nothing to stop by, and the check below has refused it.
    if values[validationFraction] == 0 { names.formUnion([validationFraction.name, patience.name]) }
    return names
  }

  /// What is wrong with values that are each of the right type.
  static func check(_ values: ParameterValues) -> ParameterProblem? {
    guard values[patience] > 0, values[validationFraction] == 0 else { return nil }
    return ParameterProblem(
      patience, "'patience' watches held-out images: give 'validation_fraction' a share above 0")
  }

  /// The architecture of a node for the images of a data set, or for those of MNIST.
  static func network(
    _ values: ParameterValues, for images: LoadedImages? = nil
  ) throws(NeuralNetError) -> Network {
    try architecture(values, for: images, dropout: values[net] == "mlp" ? Float(values[dropout]) : 0)
  }

  /// The same of a node that is not trained, and so has no dropout.
  static func architecture(
    _ values: ParameterValues, for images: LoadedImages?, dropout: Float = 0
  ) throws(NeuralNetError) -> Network {
    let name = values[net]
    return try Network.named(
      name, widths: name == "mlp" ? values[widths] : nil, dropout: dropout,
      width: name == "resnet18" ? values[width] : nil, input: images?.shape ?? Shape(1, 28, 28),
      classes: images?.classes ?? LoadedImages.usualClasses)
  }

  /// The parameters of an architecture that another one has.
  static func unusedOfArchitecture(_ values: ParameterValues) -> Set<ParameterName> {
    var names: Set<ParameterName> = []
    if values[net] != "resnet18" { names.insert(width.name) }
    if values[net] != "mlp" { names.insert(widths.name) }
    return names
  }

  /// How a node trains.
  static func options(_ values: ParameterValues) -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = values[epochs]
    options.batchSize = values[batchSize]
    options.learningRate = Float(values[learningRate])
    options.momentum = Float(values[momentum])
    options.nesterov = values[nesterov]
    options.weightDecay = Float(values[weightDecay])
    options.schedule =
      switch values[schedule] {
      case .constant: .constant
      case .cosine: .cosine
      case .step: .step(every: values[stepEpochs], factor: Float(values[stepFactor]))
      case .linear: .linear
      }
    options.validationFraction = values[validationFraction]
    options.patience = values[patience]
    return options
  }

  /// What a node needs of the machine.
  static func resources(_ values: ParameterValues) -> Resources {
    let own = (try? network(values)).map { trainingBytes($0, batchSize: values[batchSize]) } ?? 0
    return Resources(cores: 64, memory: 400 << 20 + own)
  }

  /// The decimal that a person would write for a float default: 0.05, not 0.05000000074505806.
  private static func exactly(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}
