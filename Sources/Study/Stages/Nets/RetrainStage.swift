// The stage `retrain`: SGD on what is left without a group, from scratch, with the base net's draws, or from the base net.

import Artifacts
import Glibc
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Trains a net anew without a group: the reference that unlearning is compared with.
public enum RetrainStage: Stage {
  /// What a retraining starts from.
  enum Start: String, CaseIterable {
    /// Parameters and an order of images of its own.
    case scratch
    /// The initial parameters of the base net and its order of images, less the group.
    case common
    /// The trained parameters of the base net, and an order of its own.
    case warm
  }

  static let start = Parameter(
    "start", .choice(Start.self), default: .scratch,
    "scratch: draws of its own; common: initial parameters and order of images of slot net, less the group; warm: the trained parameters of slot net"
  )

  /// What a training from the base net minimises.
  enum Objective: String, CaseIterable {
    case crossEntropy = "cross-entropy"
    case bregman
  }

  static let objective = Parameter(
    "objective", .choice(Objective.self), default: .crossEntropy,
    "start warm: cross-entropy: that of the images that are left; bregman: the proximal Bregman objective, over all images, whose optimum influence functions approximate"
  )
  static let proximity = Parameter(
    "proximity", .number(0...1e6), default: 0,
    "start warm: δ of ½ δ ‖θ - θₛ‖² beside the loss, θₛ being the parameters of slot net")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "retrain", version: 2, summary: "trains a net on the training images without a group",
    parameters: [start, objective, proximity] + TrainingParameters.all,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("group", accepts: ["group"], "the images to leave out"),
      InputDeclaration(
        "net", accepts: NetStages.original, .optional,
        "start common, warm: the net that was trained on all images"),
    ],
    datasets: NetArtifact.datasets, attributes: NetArtifact.attributes, isRandom: true,
    resources: TrainingParameters.resources,
    unused: { values, slots in
      var names = TrainingParameters.unused(values, slots)
      if values[start] != .warm || values[objective] == .crossEntropy { names.insert(objective.name) }
      if values[start] != .warm || values[proximity] == 0 { names.insert(proximity.name) }
      switch values[start] {
      case .scratch: names.insert(start.name)
      case .common: names.formUnion([StageDeclaration.seed.name, StageDeclaration.purpose.name])
      case .warm: break
      }
      return names
    }, check: check)

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let data = try task.loadImages()
    let images = data.train
    let group = try task.loadGroup()
    let retained = group.complement(in: images.count)
    guard !retained.isEmpty else {
      throw StageFailure("the group is the whole training set: nothing is left to train on")
    }
    let own = RandomStream(key: task.streamKey)
    let network = try TrainingParameters.network(task.parameters, for: data)
    switch task.parameters[start] {
    case .scratch:
      if task.optionalInput("net") != nil {
        throw StageFailure(
          "start scratch takes nothing from a net: take input net away, or start common or warm")
      }
      return try trainNet(
        task, context, images, indices: retained, network,
        from: network.initialParameters(stream: own.substream("initial")), stream: own)
    case .common:
      let (input, _) = try base(task, like: network)
      try checkDraws(of: input)
      // The draws of the base net are a function of its seed, purpose and axis values.
      let recorded = try ArtifactReader<NetArtifact>(input).parameters(of: TrainStage.declaration)
      let stream = RandomStream(key: recorded.streamKey(axes: input.axes))
      return try trainNet(
        task, context, images, indices: Array(0..<images.count), excluded: group.indices, network,
        from: network.initialParameters(stream: stream.substream("initial")), stream: stream)
    case .warm:
      let (_, net) = try base(task, like: network)
      let isBregman = task.parameters[objective] == .bregman
      // Without either term it is the training loss alone.
      var proximal =
        isBregman || task.parameters[proximity] > 0
        ? ProximalObjective(strength: Float(task.parameters[proximity])) : nil
      var indices = retained
      if isBregman {
        indices = Array(0..<images.count)
        let outputs = try NetOutputs(
          net.network, parameters: net.parameters, data: images, indices: indices,
          pool: ThreadPool(threads: task.threads))
        proximal?.outputs = ProximalObjective.Outputs(
          probabilities: outputs.logProbabilities.map { Float(exp($0)) }, removed: Set(group.indices))
      }
      return try trainNet(
        task, context, images, indices: indices, net.network, from: net.parameters, proximal: proximal,
        stream: own)
    }
  }

  /// What is wrong with values that are each of the right type.
  private static func check(_ values: ParameterValues) -> ParameterProblem? {
    if values[start] != .warm {
      if values[objective] != .crossEntropy {
        return ParameterProblem(
          objective, "'objective' \(values[objective].rawValue) begins from a net: set 'start' to warm")
      }
      if values[proximity] > 0 {
        return ParameterProblem(
          proximity, "'proximity' is to the net that training begins from: set 'start' to warm")
      }
    }
    if values[objective] == .bregman, values[proximity] == 0 {
      return ParameterProblem(
        objective,
        "the Bregman objective has no optimum without 'proximity': set it to the damping of the influence")
    }
    return TrainingParameters.check(values)
  }

  /// The net of slot `net`, which must be of the architecture that is to be trained.
  private static func base(_ task: StageTask, like network: Network) throws -> (input: TaskInput, net: Net) {
    guard let input = task.optionalInput("net") else {
      throw StageFailure(
        "start \(task.parameters[start].rawValue) begins from a net: give the stage an input net")
    }
    return (input, try task.loadNet(input, like: network))
  }

  /// Throws unless a net began with parameters of its own draw, which `common` draws once more.
  private static func checkDraws(of input: TaskInput) throws {
    let isDrawn =
      input.stage == TrainStage.declaration.name
      ? try !ArtifactReader<NetArtifact>(input).hasInput("net") : false
    guard isDrawn else {
      throw StageFailure(
        "start common repeats the draws of the net's training, and \(input.node) began from a net that was given: "
          + "take start warm or scratch")
    }
  }
}
