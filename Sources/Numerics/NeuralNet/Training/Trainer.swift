// The steps of one training.

import CKernels
import Tensor

/// Bytes that a training takes beside the images: with batch normalisation, which needs all activations of a batch
/// at once, they grow with the batch.
public func trainingBytes(_ network: Network, batchSize: Int) -> Int {
  let own = 12 * network.parameterCount
  return network.buffers.isEmpty ? own : own + BatchPass.bytes(network, batchSize: batchSize)
}

/// The state of one training.
final class Trainer {
  /// Where a batch's gradient comes from: chunks are independent without batch normalisation.
  private enum Source {
    case chunks(ChunkRunner)
    case batch(BatchPass)
  }

  private let start: Network
  private let options: TrainingOptions
  private let proximal: ProximalObjective?
  /// θₛ of a proximal objective.
  private let anchor: [Float]
  private let pool: ThreadPool
  private let source: Source
  private let stride: Int
  private let parameters: Buffer<Float>
  private let velocity: Buffer<Float>
  private let stepsPerEpoch: Int
  private let losses: Buffer<Double>
  private let hits: Buffer<Int>

  init(
    _ network: Network, parameters: [Float], options: TrainingOptions, proximal: ProximalObjective?,
    images: Int,
    pool: ThreadPool
  ) {
    start = network
    self.options = options
    self.proximal = proximal
    anchor = proximal == nil ? [] : parameters
    self.pool = pool
    if network.buffers.isEmpty {
      source = .chunks(ChunkRunner(network, pool: pool))
    } else {
      source = .batch(BatchPass(network, batchSize: min(options.batchSize, images), pool: pool))
    }
    stride = (network.parameterCount + laneCount - 1) / laneCount * laneCount
    self.parameters = Buffer(count: stride)
    for i in 0..<parameters.count { self.parameters.pointer[i] = parameters[i] }
    velocity = Buffer(count: stride)
    stepsPerEpoch = (images + options.batchSize - 1) / options.batchSize
    let chunks = (options.batchSize + chunkSize - 1) / chunkSize
    losses = Buffer(count: chunks)
    hits = Buffer(count: chunks)
  }

  var current: [Float] { Array(parameters.elements.prefix(start.parameterCount)) }

  /// The net with the running statistics so far.
  var network: Network {
    get throws(NeuralNetError) {
      guard case .batch(let pass) = source else { return start }
      return try start.with(buffers: pass.buffers)
    }
  }

  func run(
    epoch: Int, order: [Int], data: ImageSet, dropout: RandomStream,
    progress: ((TrainingProgress) throws -> Void)?
  ) throws -> (loss: Double, correct: Int, learningRate: Float) {
    var loss = 0.0
    var correct = 0
    var rate: Float = 0
    let reportEvery = max(1, stepsPerEpoch / 20)
    for step in 0..<stepsPerEpoch {
      let batch = order[step * options.batchSize..<min((step + 1) * options.batchSize, order.count)]
      rate =
        options.learningRate
        * options.schedule.factor(
          step: epoch * stepsPerEpoch + step, of: options.epochs * stepsPerEpoch, stepsPerEpoch: stepsPerEpoch
        )
      let sums = descend(data, batch, rate, dropout.substream(epoch * stepsPerEpoch + step).key)
      loss += sums.loss
      correct += sums.correct
      guard sums.loss.isFinite && sums.finite else {
        throw NeuralNetError.trainingDiverged(epoch: epoch, step: step)
      }
      if let progress, (step + 1) % reportEvery == 0 || step + 1 == stepsPerEpoch {
        let seen = min((step + 1) * options.batchSize, order.count)
        try progress(
          TrainingProgress(
            epoch: epoch, epochs: options.epochs, step: step + 1, stepsPerEpoch: stepsPerEpoch,
            loss: loss / Double(seen), learningRate: rate))
      }
    }
    return (loss, correct, rate)
  }

  /// One step: the batch's gradient, then the parameters.
  private func descend(
    _ data: ImageSet, _ batch: ArraySlice<Int>, _ rate: Float, _ dropoutKey: UInt64
  ) -> (loss: Double, correct: Int, finite: Bool) {
    func record(_ chunk: Int, _ workspace: Workspace) {
      var loss = 0.0
      var right = 0
      for place in 0..<workspace.count {
        loss += Double(workspace.losses.pointer[place])
        let image = batch[batch.startIndex + chunk * chunkSize + place]
        if workspace.predictions.pointer[place] == data.labels[image] { right += 1 }
      }
      losses.pointer[chunk] = loss
      hits.pointer[chunk] = right
    }
    let chunks = (batch.count + chunkSize - 1) / chunkSize
    let finite: Bool
    switch source {
    case .chunks(let runner):
      let scale = 1 / Float(batch.count)
      let gradients = runner.accumulate(data, batch) { chunk, workspace, gradient in
        workspace.dropoutKey = dropoutKey
        workspace.dropoutPlace = chunk * chunkSize
        workspace.forward(parameters.pointer, workspace.tape)
        workspace.loss(workspace.tape, scale: scale)
        proximal?.outputs?.turn(
          workspace, images: ChunkRunner.places(chunk, batch), labels: data.labels, scale: scale)
        workspace.backward(parameters.pointer, workspace.tape, gradient: gradient)
        record(chunk, workspace)
      }
      finite = step(gradients, parts: ChunkRunner.slots(start, images: batch.count), rate)
    case .batch(let pass):
      let gradients = pass.gradients(data, batch, parameters.pointer, finished: record)
      finite = step(gradients, parts: chunks, rate)
    }
    return (
      (0..<chunks).reduce(0) { $0 + losses.pointer[$1] }, (0..<chunks).reduce(0) { $0 + hits.pointer[$1] },
      finite
    )
  }

  /// Moves the parameters along the sum of gradients; false if one became NaN or infinite.
  private func step(_ gradients: UnsafeMutablePointer<Float>, parts: Int, _ rate: Float) -> Bool {
    // δ (θ − θₛ) is a weight decay of δ, less a constant.
    var decay = options.weightDecay
    if let proximal {
      decay += proximal.strength
      for i in anchor.indices { gradients[i] -= proximal.strength * anchor[i] }
    }
    let kernel = KernelVariant.current.kernels.pointee.sgdStep
    let shares = pool.threads
    let cells = stride / laneCount
    return withUnsafeTemporaryAllocation(of: Bool.self, capacity: shares) { finite in
      pool.run(shares) { share, _ in
        var arguments = SGDStep(
          parameters: parameters.pointer, velocity: velocity.pointer, gradients: gradients, stride: stride,
          begin: share * cells / shares * laneCount, end: (share + 1) * cells / shares * laneCount,
          learningRate: rate, momentum: options.momentum, weightDecay: decay,
          parts: Int32(parts), nesterov: options.nesterov ? 1 : 0)
        finite[share] = kernel?(&arguments) == 0
      }
      return finite.allSatisfy { $0 }
    }
  }
}
