// The stage `train`, and what `retrain` has in common with it: SGD on training images.

import Artifacts
import NeuralNet
import PipelineCore
import Tensor
import Wording

/// Trains a net on the train split.
public enum TrainStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "train", version: 2, summary: "trains a net on the training images by SGD",
    parameters: TrainingParameters.all,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "net", accepts: NetStages.all, .optional,
        "a net of the same architecture whose parameters training starts from, instead of drawn ones"),
    ],
    datasets: NetArtifact.datasets, attributes: NetArtifact.attributes, isRandom: true,
    resources: TrainingParameters.resources,
    unused: TrainingParameters.unused, check: TrainingParameters.check)

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let data = try task.loadImages()
    let images = data.train
    let stream = RandomStream(key: task.streamKey)
    let network = try TrainingParameters.network(task.parameters, for: data)
    let indices = Array(0..<images.count)
    if let input = task.optionalInput("net") {
      let start = try task.loadNet(input, like: network)
      return try trainNet(
        task, context, images, indices: indices, network.with(buffers: start.network.buffers),
        from: start.parameters, stream: stream)
    }
    return try trainNet(
      task, context, images, indices: indices, network,
      from: network.initialParameters(stream: stream.substream("initial")), stream: stream)
  }
}

/// Trains a net from some parameters and writes it.
func trainNet(
  _ task: StageTask, _ context: some StageContext, _ images: ImageSet, indices: [Int], excluded: [Int] = [],
  _ network: Network, from parameters: [Float], proximal: ProximalObjective? = nil, stream: RandomStream
) throws -> Digest {
  let values = task.parameters
  let options = TrainingParameters.options(values)
  let result = try train(
    network, parameters: parameters, data: images, indices: indices, excluded: excluded, options: options,
    proximal: proximal, stream: stream, pool: ThreadPool(threads: task.threads)
  ) { step in
    let done = Double(step.epoch) + Double(step.step) / Double(step.stepsPerEpoch)
    context.progress(
      done / Double(step.epochs),
      "epoch \(step.epoch + 1)/\(step.epochs), loss \(printed(step.loss, "%.4f"))")
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
