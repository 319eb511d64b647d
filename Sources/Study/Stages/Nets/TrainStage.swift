// The stages `train` and `retrain`: SGD on all training images, or on those that are left without a group.

import Artifacts
import Foundation
import NeuralNet
import PipelineCore
import Tensor

/// Trains a net on the train split.
public enum TrainStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "train", version: 1, summary: "trains a net on the training images by SGD",
    parameters: TrainingParameters.all,
    inputs: [InputDeclaration("images", accepts: ["load-images"], "the data set")],
    datasets: NetArtifact.datasets, attributes: NetArtifact.attributes, isRandom: true,
    resources: TrainingParameters.resources,
    unused: TrainingParameters.unused, check: TrainingParameters.check)

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
    parameters: TrainingParameters.all,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("group", accepts: ["group"], "the images to leave out"),
    ],
    datasets: NetArtifact.datasets, attributes: NetArtifact.attributes, isRandom: true,
    resources: TrainingParameters.resources,
    unused: TrainingParameters.unused, check: TrainingParameters.check)

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

private func trainNet(
  _ task: StageTask, _ context: some StageContext, _ images: ImageSet, indices: [Int]
) throws -> Digest {
  let values = task.parameters
  let options = TrainingParameters.options(values)
  let network = try TrainingParameters.network(values)
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
  var artifact = try ArtifactWriter<NetArtifact>(task)
  try artifact.write(
    \.net,
    Net(
      network: result.network, parameters: result.parameters,
      weightDecay: values[TrainingParameters.weightDecay]))
  try artifact.write(
    \.history,
    TrainingHistory(
      loss: result.history.map(\.loss), accuracy: result.history.map(\.accuracy),
      learningRate: result.history.map { Double($0.learningRate) }))
  return try artifact.finish()
}
