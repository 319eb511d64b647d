// Training: determinism, PyTorch's update rule, schedules, errors and cancellation.

import NeuralNet
import Tensor
import Testing

@Suite struct TrainingTests {
  @Test func lossFallsAndResultIsTheSameForAnyThreads() throws {
    let network = try Network.named("lenet")
    let data = try randomImages(600)
    var options = TrainingOptions()
    options.epochs = 5
    options.batchSize = 50
    let stream = RandomStream(key: 11)
    let start = network.initialParameters(stream: stream)
    let results = try [1, 2, 3].map { threads in
      try train(
        network, parameters: start, data: data, indices: Array(0..<600), options: options, stream: stream,
        pool: ThreadPool(threads: threads))
    }
    #expect(results[0].history.count == 5)
    let losses = results[0].history.map(\.loss)
    #expect(losses[4] < 0.5 * losses[0])
    #expect(results[0].history[4].accuracy > 0.9)
    #expect(Set(results.map(\.parameters)).count == 1)
    #expect(Set(results.map(\.history)).count == 1)
    let other = try train(
      network, parameters: start, data: data, indices: Array(0..<600), options: options,
      stream: RandomStream(key: 12), pool: ThreadPool(threads: 2))
    #expect(other.parameters != results[0].parameters)
  }

  /// One batch an epoch, so that a step's gradient is the curvature object's, and PyTorch's rule by hand.
  @Test(arguments: [false, true]) func updateIsPyTorchsRule(nesterov: Bool) throws {
    let network = try smallNet()
    let data = try randomImages(40, height: 6, width: 6, classes: 3)
    let pool = ThreadPool(threads: 2)
    var options = TrainingOptions()
    options.epochs = 6
    options.batchSize = 40
    options.nesterov = nesterov
    options.weightDecay = 0.01
    options.learningRate = 0.1
    options.schedule = .step(every: 2, factor: 0.5)
    let start = network.initialParameters(stream: RandomStream(key: 2))
    let result = try train(
      network, parameters: start, data: data, indices: Array(0..<40), options: options,
      stream: RandomStream(key: 3), pool: pool)
    var theta = start
    var velocity = [Float](repeating: 0, count: theta.count)
    for epoch in 0..<6 {
      let rate: Float = [0.1, 0.1, 0.05, 0.05, 0.025, 0.025][epoch]
      #expect(abs(result.history[epoch].learningRate - rate) < 1e-8)
      let curvature = try Curvature(
        network, parameters: theta, data: data, indices: Array(0..<40), weightDecay: 0.01, pool: pool)
      let (loss, gradient) = try curvature.gradient()
      #expect(abs(result.history[epoch].loss - loss) < 1e-5)
      for i in theta.indices {
        velocity[i] = 0.9 * velocity[i] + gradient[i]
        theta[i] -= rate * (nesterov ? gradient[i] + 0.9 * velocity[i] : velocity[i])
      }
    }
    #expect(relativeDistance(result.parameters, theta.map(Double.init)) < 1e-6)
  }

  @Test func schedulesHaveTheirShapes() {
    func factors(_ schedule: Schedule) -> [Float] {
      (0..<4).map { schedule.factor(step: $0, of: 4, stepsPerEpoch: 1) }
    }
    #expect(factors(.constant) == [1, 1, 1, 1])
    #expect(factors(.linear) == [1, 0.75, 0.5, 0.25])
    #expect(factors(.step(every: 2, factor: 0.1)) == [1, 1, 0.1, 0.1])
    let cosine = factors(.cosine)
    #expect(cosine[0] == 1 && abs(cosine[2] - 0.5) < 1e-7 && abs(cosine[1] - 0.853_553_4) < 1e-6)
  }

  @Test func divergenceNamesEpochAndStep() throws {
    let network = try Network.named("lenet")
    let data = try randomImages(300)
    var options = TrainingOptions()
    options.learningRate = 1e12
    options.batchSize = 30
    let start = network.initialParameters(stream: RandomStream(key: 1))
    #expect {
      _ = try train(
        network, parameters: start, data: data, indices: Array(0..<300), options: options,
        stream: RandomStream(key: 1), pool: ThreadPool(threads: 2))
    } throws: { error in
      guard case .trainingDiverged(epoch: 0, let step) = error as? NeuralNetError else { return false }
      return step >= 1 && step < 10
    }
  }

  @Test func progressReportsAndCancels() throws {
    struct Stop: Error {}
    let network = try smallNet()
    let data = try randomImages(100, height: 6, width: 6, classes: 3)
    let start = network.initialParameters(stream: RandomStream(key: 1))
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = 7
    var reports: [TrainingProgress] = []
    _ = try train(
      network, parameters: start, data: data, indices: Array(0..<100), options: options,
      stream: RandomStream(key: 1), pool: ThreadPool(threads: 1)
    ) { reports.append($0) }
    #expect(reports.count == 3 * 15)
    #expect(reports.allSatisfy { $0.stepsPerEpoch == 15 && $0.epochs == 3 && $0.loss > 0 })
    #expect(reports.last?.epoch == 2 && reports.last?.step == 15)
    #expect(throws: Stop.self) {
      try train(
        network, parameters: start, data: data, indices: Array(0..<100), options: options,
        stream: RandomStream(key: 1), pool: ThreadPool(threads: 1)
      ) { if $0.epoch == 1 { throw Stop() } }
    }
  }

  @Test func validationSplitStopsEarlyAndStaysOutOfTraining() throws {
    let network = try smallNet()
    let data = try randomImages(120, height: 6, width: 6, classes: 3)
    let start = network.initialParameters(stream: RandomStream(key: 1))
    var options = TrainingOptions()
    options.epochs = 200
    options.batchSize = 10
    options.learningRate = 0.2
    options.schedule = .constant
    options.weightDecay = 0
    options.validationFraction = 0.25
    options.patience = 3
    let result = try train(
      network, parameters: start, data: data, indices: Array(0..<120), options: options,
      stream: RandomStream(key: 1), pool: ThreadPool(threads: 2))
    let losses = result.history.compactMap(\.validationLoss)
    #expect(losses.count == result.history.count && losses.count < 200)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(losses.count == best + 4)
    // The returned parameters are the best epoch's: their loss on the held-out images is the recorded one.
    var shuffled = Array(0..<120)
    var draws = RandomStream(key: 1).substream("validation")
    draws.shuffle(&shuffled)
    let held = try evaluate(
      network, parameters: result.parameters, data: data, indices: Array(shuffled.suffix(30)),
      pool: ThreadPool(threads: 1))
    #expect(held.loss == losses[best])
  }

  @Test func dropoutDropsInTrainingOnlyAndForAnyThreads() throws {
    let data = try randomImages(200, height: 6, width: 6, classes: 3)
    func net(_ dropout: Float) throws -> Network {
      try Network.named("mlp", widths: [24, 18], dropout: dropout, input: Shape(1, 6, 6), classes: 3)
    }
    var options = TrainingOptions()
    options.epochs = 10
    options.batchSize = 70
    let start = try net(0).initialParameters(stream: RandomStream(key: 1))
    func trained(_ dropout: Float, _ threads: Int) throws -> TrainingResult {
      try train(
        try net(dropout), parameters: start, data: data, indices: Array(0..<200), options: options,
        stream: RandomStream(key: 1), pool: ThreadPool(threads: threads))
    }
    let plain = try trained(0, 2)
    let dropped = try trained(0.5, 2)
    #expect(try trained(0.5, 1).parameters == dropped.parameters)
    #expect(dropped.parameters != plain.parameters)
    #expect(dropped.history[9].loss > plain.history[9].loss)
    #expect(dropped.history[9].loss < dropped.history[0].loss)
    let pool = ThreadPool(threads: 1)
    let with = try evaluate(
      try net(0.5), parameters: start, data: data, indices: Array(0..<200), pool: pool)
    let without = try evaluate(
      try net(0), parameters: start, data: data, indices: Array(0..<200), pool: pool)
    #expect(with.losses == without.losses)
  }

  /// With the same draws for forward and backward, the expected step is the gradient's: the mean over many
  /// one-step trainings of a net that is linear beyond the dropout equals the step without it.
  @Test func dropoutKeepsTheExpectedOutputBiasGradient() throws {
    let data = try randomImages(64, height: 6, width: 6, classes: 3)
    let network = try Network.named(
      "mlp", widths: [400], dropout: 0.3, input: Shape(1, 6, 6), classes: 3)
    var start = network.initialParameters(stream: RandomStream(key: 1))
    // A small output layer: the logits are near 0, the softmax near its linearisation.
    for i in network.parameterLayouts[2].range { start[i] *= 1e-3 }
    var options = TrainingOptions()
    options.epochs = 1
    options.batchSize = 64
    options.schedule = .constant
    options.weightDecay = 0
    options.learningRate = 1
    let pool = ThreadPool(threads: 1)
    let gradient = try Curvature(
      network, parameters: start, data: data, indices: Array(0..<64), pool: pool
    ).gradient().gradient
    let last = network.parameterLayouts[2].range
    var sums = [Double](repeating: 0, count: last.count)
    var squares = sums
    for seed in 0..<200 {
      let result = try train(
        network, parameters: start, data: data, indices: Array(0..<64), options: options,
        stream: RandomStream(key: UInt64(seed)), pool: pool)
      for (place, i) in last.enumerated() {
        let step = Double(start[i] - result.parameters[i])
        sums[place] += step
        squares[place] += step * step
      }
    }
    var error = 0.0
    var variance = 0.0
    for (place, i) in last.enumerated() {
      let mean = sums[place] / 200
      error += (mean - Double(gradient[i])) * (mean - Double(gradient[i]))
      variance += (squares[place] / 200 - mean * mean) / 199
    }
    // The squared error is the variance of the mean, up to its own scatter; a missing scale would be 0.3² of the
    // squared gradient.
    let size = last.reduce(0.0) { $0 + Double(gradient[$1]) * Double(gradient[$1]) }
    #expect(error < 2 * variance)
    #expect(variance < 1e-3 * size)
  }

  /// Several trainings at once, a thread each, give what each gives alone.
  @Test func replicasSideBySideAreUnchanged() async throws {
    let network = try Network.named("lenet")
    let data = try randomImages(300)
    var options = TrainingOptions()
    options.epochs = 2
    @Sendable func run(_ seed: Int, _ options: TrainingOptions) throws -> [Float] {
      let stream = RandomStream(key: UInt64(seed))
      return try train(
        network, parameters: network.initialParameters(stream: stream), data: data,
        indices: Array(0..<300), options: options, stream: stream, pool: ThreadPool(threads: 1)
      ).parameters
    }
    let alone = try (0..<4).map { try run($0, options) }
    let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { [options] group in
      for seed in 0..<4 { group.addTask { (seed, try run(seed, options)) } }
      return try await group.reduce(into: [Int: [Float]]()) { $0[$1.0] = $1.1 }
    }
    for seed in 0..<4 { #expect(together[seed] == alone[seed]) }
  }

  @Test func badOptionsAreNamed() throws {
    let network = try smallNet()
    let data = try randomImages(10, height: 6, width: 6, classes: 3)
    let start = network.initialParameters(stream: RandomStream(key: 1))
    let changes: [(String, (inout TrainingOptions) -> Void)] = [
      ("batch size", { $0.batchSize = 0 }), ("learning rate", { $0.learningRate = .nan }),
      ("momentum", { $0.momentum = 1 }), ("weight decay", { $0.weightDecay = -1 }),
      ("epochs", { $0.epochs = -1 }), ("patience", { $0.patience = 2 }),
      ("validation fraction", { $0.validationFraction = 1 }),
      ("schedule", { $0.schedule = .step(every: 0, factor: 0.1) }),
      (
        "nesterov",
        {
          $0.nesterov = true; $0.momentum = 0
        }
      ),
    ]
    for (name, change) in changes {
      var options = TrainingOptions()
      change(&options)
      #expect {
        _ = try train(
          network, parameters: start, data: data, indices: Array(0..<10), options: options,
          stream: RandomStream(key: 1), pool: ThreadPool(threads: 1))
      } throws: { error in
        guard case .invalidOption(name, _) = error as? NeuralNetError else { return false }
        return true
      }
    }
  }
}
