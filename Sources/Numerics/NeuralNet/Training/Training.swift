// Stochastic gradient descent with PyTorch's semantics.

import Glibc
import Tensor

/// How the learning rate changes over a training, step by step.
public enum Schedule: Sendable, Hashable, Codable {
  /// Always the same.
  case constant
  /// Times `factor` after every `every` epochs.
  case step(every: Int, factor: Float)
  /// Half a cosine, down to zero.
  case cosine
  /// A straight line down to zero.
  case linear

  /// The learning rate's factor for step `step` of `steps`.
  package func factor(step: Int, of steps: Int, stepsPerEpoch: Int) -> Float {
    let progress = Double(step) / Double(steps)
    return switch self {
    case .constant: 1
    case .step(let every, let factor): pow(factor, Float(step / stepsPerEpoch / every))
    case .cosine: Float(0.5 * (1 + cos(.pi * progress)))
    case .linear: Float(1 - progress)
    }
  }
}

/// Options of `train`; the defaults train LeNet on MNIST to about 99 % test accuracy.
public struct TrainingOptions: Sendable, Hashable, Codable {
  /// Passes over the images.
  public var epochs = 4
  /// Images a step; an epoch's last step has what is left.
  public var batchSize = 64
  /// The learning rate that the schedule starts from.
  public var learningRate: Float = 0.03
  /// Momentum; PyTorch's, without dampening.
  public var momentum: Float = 0.9
  /// Nesterov's form of the momentum.
  public var nesterov = false
  /// Added to the gradient, times the parameters, biases included.
  public var weightDecay: Float = 5e-4
  /// How the learning rate changes.
  public var schedule = Schedule.linear
  /// Share of the images, drawn at random, that is kept out of training to watch the loss on.
  public var validationFraction = 0.0
  /// Epochs without a lower validation loss after which training stops; the best epoch's parameters are
  /// returned. 0: no early stop.
  public var patience = 0

  /// The defaults.
  public init() {}

  package func check(images: Int) throws(NeuralNetError) {
    func require(_ condition: Bool, _ name: String, _ reason: String) throws(NeuralNetError) {
      if !condition { throw .invalidOption(name: name, reason: reason) }
    }
    try require(epochs >= 0, "epochs", "must not be negative")
    try require(batchSize >= 1, "batch size", "must be at least 1")
    try require(learningRate.isFinite && learningRate >= 0, "learning rate", "must be finite, not negative")
    try require(momentum >= 0 && momentum < 1, "momentum", "must be in [0, 1)")
    try require(!nesterov || momentum > 0, "nesterov", "needs momentum")
    try require(weightDecay.isFinite && weightDecay >= 0, "weight decay", "must be finite, not negative")
    try require(validationFraction >= 0 && validationFraction < 1, "validation fraction", "must be in [0, 1)")
    try require(patience >= 0, "patience", "must not be negative")
    if case .step(let every, let factor) = schedule {
      try require(
        every >= 1 && factor.isFinite, "schedule", "a step needs at least one epoch, a finite factor")
    }
    try require(
      patience == 0 || Int(Double(images) * validationFraction) > 0, "patience",
      "an early stop needs a validation split")
  }

  /// Throws where a batch gives a normalisation a single value a channel, which has no variance; PyTorch refuses it, too.
  func checkNormalisations(of network: Network, images: Int) throws(NeuralNetError) {
    let rest = images % batchSize
    let smallest = rest == 0 ? min(batchSize, images) : rest
    for operation in network.plan.operations {
      guard case .batchNorm = operation.kind, smallest * operation.full.height * operation.full.width == 1
      else { continue }
      throw .invalidOption(
        name: "batch size",
        reason:
          "\(batchSize) leaves a batch of 1 of the \(images) images, and there the net normalises 1 value a channel, "
          + "which has no variance; take another batch size, or larger images")
    }
  }
}

/// One epoch of a training.
public struct EpochRecord: Sendable, Hashable, Codable {
  /// Mean training loss over the epoch, each batch before its step.
  public let loss: Double
  /// Share of right predictions among the same.
  public let accuracy: Double
  /// The learning rate of the epoch's last step.
  public let learningRate: Float
  /// Mean loss on the validation split after the epoch, if there is one.
  public let validationLoss: Double?
  /// Accuracy on the validation split after the epoch, if there is one.
  public let validationAccuracy: Double?
}

/// Where a training stands.
public struct TrainingProgress: Sendable {
  /// Epoch at hand, from 0.
  public let epoch: Int
  /// Epochs asked for.
  public let epochs: Int
  /// Steps of this epoch done.
  public let step: Int
  /// Steps an epoch.
  public let stepsPerEpoch: Int
  /// Mean loss of this epoch so far.
  public let loss: Double
  /// Learning rate of the last step.
  public let learningRate: Float
}

/// A trained net.
public struct TrainingResult: Sendable {
  /// The net with its running statistics after the training.
  public let network: Network
  /// The flat parameters, in state_dict order.
  public let parameters: [Float]
  /// One record an epoch.
  public let history: [EpochRecord]
}

/// Trains a net by SGD on the images of `indices`.
///
/// The result is a function of the arguments alone, the number of threads not among them. The order of images
/// in epoch e is a shuffle by `stream.substream("order").substream(e)`, the validation split one by
/// `stream.substream("validation")`; step t (over all epochs) drops by `stream.substream("dropout").substream(t)`.
///
/// Images of `excluded` take part in these draws and are then passed over: what is left comes in the order in which it
/// comes in a training on all of `indices` from the same stream.
///
/// - Parameters:
///   - proximal: An objective that keeps the net near its start. The losses of the history are cross-entropies all the same.
///   - progress: Called about twenty times an epoch; what it throws ends the training and is rethrown.
/// - Throws: `NeuralNetError` for bad input, `trainingDiverged` when the loss or a parameter is not finite.
public func train(
  _ network: Network, parameters: [Float], data: ImageSet, indices: [Int], excluded: [Int] = [],
  options: TrainingOptions = TrainingOptions(), proximal: ProximalObjective? = nil, stream: RandomStream,
  pool: ThreadPool, progress: ((TrainingProgress) throws -> Void)? = nil
) throws -> TrainingResult {
  try network.check(parameters: parameters)
  try data.check(indices, for: network)
  try proximal?.check(network, images: data.count)
  let excluded = Set(excluded)
  let isKept = { (image: Int) in !excluded.contains(image) }
  try options.check(images: indices.count(where: isKept))
  var held: [Int] = []
  var images = indices
  let heldCount = Int(Double(indices.count) * options.validationFraction)
  if heldCount > 0 {
    var draws = stream.substream("validation")
    draws.shuffle(&images)
    held = Array(images.suffix(heldCount))
    images.removeLast(heldCount)
    held.removeAll { excluded.contains($0) }
  }
  let count = images.count(where: isKept)
  try options.checkNormalisations(of: network, images: count)
  let trainer = Trainer(
    network, parameters: parameters, options: options, proximal: proximal, images: count, pool: pool)
  var history: [EpochRecord] = []
  var best: (loss: Double, epoch: Int, network: Network, parameters: [Float])?
  for epoch in 0..<options.epochs {
    var order = images
    var draws = stream.substream("order").substream(epoch)
    draws.shuffle(&order)
    if !excluded.isEmpty { order.removeAll { excluded.contains($0) } }
    let sums = try trainer.run(
      epoch: epoch, order: order, data: data, dropout: stream.substream("dropout"), progress: progress)
    var held1: Evaluation?
    if !held.isEmpty {
      held1 = try evaluate(
        try trainer.network, parameters: trainer.current, data: data, indices: held, pool: pool)
    }
    history.append(
      EpochRecord(
        loss: sums.loss / Double(count), accuracy: Double(sums.correct) / Double(count),
        learningRate: sums.learningRate, validationLoss: held1?.loss, validationAccuracy: held1?.accuracy))
    if options.patience > 0, let loss = held1?.loss {
      if loss < best?.loss ?? .infinity { best = (loss, epoch, try trainer.network, trainer.current) }
      if let best, epoch - best.epoch >= options.patience { break }
    }
  }
  return TrainingResult(
    network: try best?.network ?? trainer.network, parameters: best?.parameters ?? trainer.current,
    history: history)
}
