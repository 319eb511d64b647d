// The stage `import-net`: a net that another program has trained, unlearned or made in any other way.

import Artifacts
import NeuralNet
import PipelineCore
import VisionTransformer

/// Takes a net from a file of the user's, or from what a command has made.
public enum ImportNetStage: Stage {
  static let file = Parameter(
    "file", .optional(.string), default: nil,
    "a file of weights: safetensors, or HDF5 with a dataset /parameters/NAME for each tensor")
  static let output = Parameter(
    "output", .optional(.string), default: nil,
    "slot command: which of its files holds the weights (null: the only one)")
  static let weightDecay = Parameter(
    "weight_decay", .number(0...), default: 0,
    "the L2 regularisation that it was trained with, which influence takes into account")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "import-net", version: 1,
    summary:
      "takes a net from a file or from a command's output, its tensors named as in a PyTorch state_dict",
    parameters: [
      file, output, TrainingParameters.net, TrainingParameters.width, TrainingParameters.widths, weightDecay,
    ],
    inputs: [
      InputDeclaration("command", accepts: ["command"], .optional, "which has made the file"),
      InputDeclaration(
        "net", accepts: NetStages.all, .optional,
        "the net that it was made from: its architecture and regularisation hold instead of the parameters"),
      InputDeclaration(
        "images", accepts: ["load-images"], .optional,
        "the data set that it is for: the shape of images and the number of classes (without: MNIST's)"),
    ],
    datasets: NetArtifact.datasets, attributes: NetArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 400 << 20) },
    externalFiles: { parameters in parameters[file].map { [$0] } ?? [] },
    allowsOutsideFiles: true,
    unused: { values, slots in
      var names = TrainingParameters.unusedOfArchitecture(values)
      if slots.contains("net") {
        names.formUnion([
          TrainingParameters.net.name, TrainingParameters.width.name, TrainingParameters.widths.name,
          weightDecay.name,
        ])
      }
      return names.union(slots.contains("command") ? [file.name] : [output.name])
    })

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let base = try task.optionalInput("net").map { try task.loadNet($0) }
    let images = try task.optionalInput("images").map { _ in try task.loadImages() }
    let network =
      try base?.network ?? TrainingParameters.architecture(task.parameters, for: images)
    let weights = try weights(task)
    let (parameters, buffers) = try weights.state(of: network)
    do {
      try network.check(parameters: parameters)
      var artifact = try ArtifactWriter<NetArtifact>(task)
      try artifact.write(
        \.net,
        Net(
          network: try network.with(buffers: buffers), parameters: parameters,
          weightDecay: base?.weightDecay ?? task.parameters[weightDecay]))
      // Nobody knows how it was trained.
      try artifact.write(\.history, TrainingHistory(loss: [], accuracy: [], learningRate: []))
      return try artifact.finish()
    } catch let error as NeuralNetError {
      throw StageFailure("\(weights.source): \(error)")
    }
  }

  /// The tensors of the file or of the command's output.
  private static func weights(_ task: StageTask) throws -> ForeignWeights {
    guard let command = task.optionalInput("command") else {
      guard let file = task.parameters[file] else {
        throw StageFailure("there is nothing to import: give the parameter file, or an input command")
      }
      return try ForeignWeights(at: task.file(file), named: task.file(file))
    }
    if task.parameters[file] != nil {
      throw StageFailure("parameter file and input command exclude each other: take one of them away")
    }
    let made = try CommandFiles(of: command, for: task)
    let path =
      try task.parameters[output].map { try made.path(of: $0, parameter: output) }
      ?? made.onlyFile(parameter: output)
    return try ForeignWeights(at: path, named: made.namingNode(path))
  }
}
