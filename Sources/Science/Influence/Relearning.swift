// Relearning: how few steps of training on the removed images bring back what was removed.

import NeuralNet
import Tensor

/// How a net is made to learn removed images again: plain SGD, without momentum or regularisation.
public struct RelearningOptions: Sendable, Hashable {
  /// The learning rate of each step.
  public var learningRate: Float = 0.01
  /// Images a step.
  public var batchSize = 64
  /// The most steps.
  public var limit = 100

  /// The defaults.
  public init() {}
}

/// The number of SGD steps on the images of `group` after which their mean loss is at most `target`; 0 if it is
/// there already, nil if `options.limit` steps don't do.
///
/// Batches follow one another in a fixed shuffle of the group, again from its start when it is used up, so that
/// the answer is a function of net and group alone.
///
/// - Throws: `NeuralNetError` for bad input or a training that diverges.
public func relearningSteps(
  _ network: Network, parameters: [Float], data: ImageSet, group: [Int], target: Double,
  options: RelearningOptions, pool: ThreadPool
) throws -> Int? {
  func loss(_ parameters: [Float]) throws -> Double {
    try evaluate(network, parameters: parameters, data: data, indices: group, pool: pool).loss
  }
  if try loss(parameters) <= target { return 0 }
  let stream = RandomStream(key: 0)
  var order = group
  var draws = stream.substream("order")
  draws.shuffle(&order)
  var training = TrainingOptions()
  training.epochs = 1
  training.learningRate = options.learningRate
  training.momentum = 0
  training.weightDecay = 0
  training.schedule = .constant
  let size = min(options.batchSize, order.count)
  training.batchSize = size
  var current = parameters
  var next = 0
  for step in 1...max(1, options.limit) {
    let batch = (next..<next + size).map { order[$0 % order.count] }
    next = (next + size) % order.count
    current = try train(
      network, parameters: current, data: data, indices: batch, options: training,
      stream: stream.substream(step), pool: pool
    ).parameters
    if try loss(current) <= target { return step }
  }
  return nil
}
