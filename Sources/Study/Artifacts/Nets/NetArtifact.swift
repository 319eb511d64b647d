// The artifact of the stages `train` and `retrain`, and what that of `unlearn` has in common with it: a net.

import NeuralNet

/// A net with its parameters, flat in `state_dict` order.
package struct Net {
  /// With its running statistics, which every stage that changes the parameters carries along.
  package var network: Network
  package var parameters: [Float]
  /// The L2 regularisation of its training, per parameter.
  package var weightDecay: Double

  package init(network: Network, parameters: [Float], weightDecay: Double) {
    self.network = network
    self.parameters = parameters
    self.weightDecay = weightDecay
  }
}

/// How a net was trained, a value an epoch; of an unlearned one, one value after the last step.
package struct TrainingHistory: Sendable, Equatable {
  /// Mean cross-entropy.
  package var loss: [Double]
  /// Share of right predictions.
  package var accuracy: [Double]
  package var learningRate: [Double]

  package init(loss: [Double], accuracy: [Double], learningRate: [Double]) {
    self.loss = loss
    self.accuracy = accuracy
    self.learningRate = learningRate
  }
}

/// The fields of a net's parameters and of what makes them a net again.
package struct NetFields: FieldGroup, Field {
  package let parameters = Family(
    Grid<Float>(
      "/parameters/NAME", nil,
      "names, shapes and layouts as in a PyTorch state_dict, resnet18's running statistics included"))
  package let name = Attribute<String>("net", "the architecture")
  package let width = Attribute<Int>(
    "width", "resnet18: channels of its first stage; other nets: activations before the last layer")
  package let weightDecay = Attribute<Double>("weight_decay", "the L2 regularisation of its training")
  package let input = Maybe(
    Attribute<String>("input", "channels,height,width of an image that it takes; absent where it is 1,28,28"))

  /// The shape of an image of a net that says nothing of it.
  private static let usualInput = Shape(1, 28, 28)

  package func write(_ net: Net, to sink: inout ArtifactSink) throws {
    let network = net.network
    for (layouts, values) in [
      (network.parameterLayouts, net.parameters), (network.bufferLayouts, network.buffers),
    ] {
      for layout in layouts {
        try sink.write(parameters[layout.name], Block(Array(values[layout.range]), shape: layout.shape))
      }
    }
    try sink.write(name, network.name)
    try sink.write(width, network.width)
    try sink.write(weightDecay, net.weightDecay)
    let shape = network.input
    try sink.write(
      input, shape == Self.usualInput ? nil : "\(shape.channels),\(shape.height),\(shape.width)")
  }

  package func read(from source: borrowing ArtifactSource) throws -> Net {
    let network = try network(source)
    func values(_ layouts: [ParameterLayout]) throws -> [Float] {
      var all: [Float] = []
      for layout in layouts { all += try source.read(parameters[layout.name].shaped(layout.shape)).values }
      return all
    }
    return Net(
      network: try network.with(buffers: try values(network.bufferLayouts)),
      parameters: try values(network.parameterLayouts), weightDecay: try source.read(weightDecay))
  }

  /// The architecture, without its buffers.
  private func network(_ source: borrowing ArtifactSource) throws -> Network {
    let name = try source.read(name)
    let widths = name == "mlp" ? try hiddenWidths(source) : nil
    let width = name == "resnet18" ? try source.read(width) : nil
    let shape = try source.read(input).map(imageShape) ?? Self.usualInput
    let usual = try Network.named(name, widths: widths, width: width, input: shape)
    // The last layer has an output for each class.
    let last = parameters[usual.neuronLayers[usual.neuronLayers.count - 1].name + ".weight"]
    guard try source.contains(last), let classes = try source.shape(last).first, classes != usual.classes
    else { return usual }
    return try Network.named(name, widths: widths, width: width, input: shape, classes: classes)
  }

  private func imageShape(_ text: String) throws -> Shape {
    let lengths = text.split(separator: ",").compactMap { Int($0) }
    guard lengths.count == 3, lengths.allSatisfy({ (1...Self.longest).contains($0) }) else {
      throw NeuralNetError.invalidOption(
        name: "input", reason: "is '\(text)', expected channels,height,width")
    }
    return Shape(lengths[0], lengths[1], lengths[2])
  }

  /// No image of a data set has longer sides.
  private static let longest = 4096

  /// The widths of an mlp's hidden layers fc1, fc2, …, from the shapes of their weights.
  private func hiddenWidths(_ source: borrowing ArtifactSource) throws -> [Int] {
    var widths: [Int] = []
    while true {
      let weight = parameters["fc\(widths.count + 1).weight"]
      guard try source.contains(weight), let outputs = try source.shape(weight).first else { break }
      widths.append(outputs)
    }
    return Array(widths.dropLast())
  }

  package init() {}
}

/// The fields of a history.
package struct HistoryFields: FieldGroup, Field {
  package let loss = List<Double>(
    "/history/loss", "epochs", "mean cross-entropy over the epoch (unlearn: on the retained images)")
  package let accuracy = List<Double>(
    "/history/accuracy", "epochs", "share of right predictions over the same")
  package let learningRate = List<Double>(
    "/history/learning_rate", "epochs", "the rate of the epoch's last step (unlearn: the factor)")

  package func write(_ history: TrainingHistory, to sink: inout ArtifactSink) throws {
    try sink.write(loss, history.loss)
    try sink.write(accuracy, history.accuracy)
    try sink.write(learningRate, history.learningRate)
  }

  package func read(from source: borrowing ArtifactSource) throws -> TrainingHistory {
    TrainingHistory(
      loss: try source.read(loss), accuracy: try source.read(accuracy),
      learningRate: try source.read(learningRate))
  }

  package init() {}
}

/// The layout of a trained net.
package struct NetArtifact: ArtifactLayout {
  package let net = NetFields()
  package let history = HistoryFields()

  package init() {}
}
