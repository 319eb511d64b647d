// Training through batch normalisation: its statistics, its slope, its determinism.

import NeuralNet
import Tensor
import Testing

@Suite struct NormalisationTrainingTests {
  private func trained(_ batch: Int, threads: Int, images: Int = 90) throws -> TrainingResult {
    let network = try residualNet()
    let data = try randomImages(120, height: 7, width: 6, channels: 2, classes: 4)
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = batch
    return try train(
      network, parameters: unevenParameters(network, key: 4), data: data, indices: Array(0..<images),
      options: options, stream: RandomStream(key: 5), pool: ThreadPool(threads: threads))
  }

  /// Batches of less than a pack, of some packs and a rest, of all.
  @Test(arguments: [7, 16, 40, 64, 90, 200])
  func sameBitsForAnyThreads(batch: Int) throws {
    let results = try [1, 2, 3].map { try trained(batch, threads: $0) }
    #expect(Set(results.map(\.parameters)).count == 1)
    #expect(Set(results.map(\.network.buffers)).count == 1)
    #expect(Set(results.map(\.history)).count == 1)
    #expect(results[0].history[2].loss < results[0].history[0].loss)
    let steps = 3 * ((90 + batch - 1) / batch)
    let layouts = results[0].network.bufferLayouts
    for layout in layouts where layout.name.hasSuffix("num_batches_tracked") {
      // The net began at a count of its own.
      let start = try residualNet().buffers[layout.offset]
      #expect(abs(results[0].network.buffers[layout.offset] - start - Float(steps)) < 1e-4)
    }
  }

  /// ResNet-18 halves 8 × 8 pixels to 1 × 1, where a last batch of one image has one value a channel.
  @Test func aBatchWithoutAVarianceIsRefused() throws {
    let network = try Network.named("resnet18", width: 1, input: Shape(1, 8, 8))
    let data = try randomImages(66, height: 8, width: 8, channels: 1, classes: 10)
    func run(_ images: Int, batch: Int) throws {
      var options = TrainingOptions()
      (options.epochs, options.batchSize) = (1, batch)
      _ = try train(
        network, parameters: [Float](repeating: 0.01, count: network.parameterCount), data: data,
        indices: Array(0..<images), options: options, stream: RandomStream(key: 5),
        pool: ThreadPool(threads: 1))
    }
    for (images, batch) in [(65, 64), (66, 1), (65, 32)] {
      #expect("batch of 1 of the \(images) images") { try run(images, batch: batch) } throws: {
        "\($0)".contains("batch size: \(batch) leaves a batch of 1 of the \(images) images")
      }
    }
    try run(66, batch: 64)
  }

  /// The loss of all images as one batch through a net of a convolution, a normalisation and a linear layer, and mean
  /// and variance (n) of each channel; in float64 from the definition.
  private func batchLoss(
    _ w: [Double], _ network: Network, _ data: ImageSet
  ) -> (loss: Double, moments: [(mean: Double, variance: Double)]) {
    let count = data.count
    let convolution = network.plan.operations[0]
    let planes = (0..<count).map { index in
      let image = ReferencePass.image(data, index)
      var full = [Double](repeating: 0, count: convolution.full.count)
      ReferencePass.forEachProduct(convolution) { out, weight, i in full[out] += w[weight] * image[i] }
      return full
    }
    let pixels = 20
    let moments = (0..<3).map { (c: Int) -> (Double, Double) in
      let values = planes.flatMap { $0[c * pixels..<(c + 1) * pixels] }
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
    }
    var loss = 0.0
    for (index, plane) in planes.enumerated() {
      let features = (0..<3).map { (c: Int) -> Double in
        let inverse = 1 / (moments[c].1 + 1e-5).squareRoot()
        var sum = 0.0
        for x in plane[c * pixels..<(c + 1) * pixels] {
          sum += max(0, w[27 + c] * (x - moments[c].0) * inverse + w[30 + c])
        }
        return sum / Double(pixels)
      }
      let z = (0..<3).map { k in w[42 + k] + dot(Array(w[33 + 3 * k..<36 + 3 * k]), features) }
      loss -= logarithm(ReferencePass.softmax(z)[Int(data.labels[index])]) / Double(count)
    }
    return (loss, moments.map { (mean: $0.0, variance: $0.1) })
  }

  /// The loss of a batch with its own statistics, in float64 from the definition, by a net of one convolution and a
  /// normalisation: the training's first loss, its statistics and, by differences, its step.
  @Test func firstStepIsTheSlopeOfTheBatchLoss() throws {
    let network = try Network(
      name: "one", input: Shape(1, 4, 5),
      layers: [
        .convolution(name: "a", outputs: 3, kernel: 3, stride: 1, padding: 1, bias: false),
        .batchNorm(name: "b"), .relu, .averagePool, .linear(name: "c", outputs: 3),
      ])
    let count = 37
    let data = try randomImages(count, height: 4, width: 5, classes: 3)
    let parameters = unevenParameters(network, key: 3)
    var options = TrainingOptions()
    options.epochs = 1
    options.batchSize = count
    options.weightDecay = 0
    options.learningRate = 1
    options.schedule = .constant
    let result = try train(
      network, parameters: parameters, data: data, indices: Array(0..<count), options: options,
      stream: RandomStream(key: 1), pool: ThreadPool(threads: 2))
    let start = parameters.map(Double.init)
    let expected = batchLoss(start, network, data)
    #expect(abs(result.history[0].loss - expected.loss) < 1e-6)
    let n = Double(count * 20)
    for c in 0..<3 {
      #expect(abs(Double(result.network.buffers[c]) - 0.1 * expected.moments[c].mean) < 1e-6)
      let variance = 0.9 + 0.1 * expected.moments[c].variance * n / (n - 1)
      #expect(abs(Double(result.network.buffers[3 + c]) - variance) < 1e-6)
    }
    #expect(result.network.buffers[6] == 1)
    let slopes = start.indices.map { i in
      var up = start
      var down = start
      up[i] += 1e-6
      down[i] -= 1e-6
      return (batchLoss(up, network, data).loss - batchLoss(down, network, data).loss) / 2e-6
    }
    #expect(relativeDistance(zip(parameters, result.parameters).map { $0 - $1 }, slopes) < 1e-4)
  }

  /// Training through batch normalisation drops nothing, so a net that asks for it is refused.
  @Test func dropoutBesideBatchNormalisationIsRefused() throws {
    func net(_ layers: [Layer]) throws -> Network {
      try Network(
        name: "both", input: Shape(1, 4, 4),
        layers: [
          .convolution(name: "a", outputs: 3, kernel: 3, stride: 1, padding: 1, bias: false),
          .batchNorm(name: "b"), .relu, .averagePool, .linear(name: "c", outputs: 5), .relu,
        ] + layers + [.linear(name: "d", outputs: 2)])
    }
    #expect(try net([]).classes == 2)
    #expect(try net([.dropout(0)]).classes == 2)
    #expect {
      try net([.dropout(0.5)])
    } throws: { error in
      guard case .invalidOption("both", let reason) = error as? NeuralNetError else { return false }
      return reason.contains("dropout")
    }
  }

  @Test func earlyStopReturnsTheBestEpochsStatistics() throws {
    let network = try residualNet()
    let data = try randomImages(120, height: 7, width: 6, channels: 2, classes: 4)
    var options = TrainingOptions()
    options.epochs = 40
    options.batchSize = 20
    options.validationFraction = 0.3
    options.patience = 2
    options.learningRate = 0.3
    options.schedule = .constant
    let result = try train(
      network, parameters: unevenParameters(network, key: 4), data: data, indices: Array(0..<120),
      options: options, stream: RandomStream(key: 5), pool: ThreadPool(threads: 2))
    let losses = result.history.compactMap(\.validationLoss)
    let best = try #require(losses.min())
    var shuffled = Array(0..<120)
    var draws = RandomStream(key: 5).substream("validation")
    draws.shuffle(&shuffled)
    let held = try evaluate(
      result.network, parameters: result.parameters, data: data, indices: Array(shuffled.suffix(36)),
      pool: ThreadPool(threads: 1))
    #expect(held.loss == best)
  }

  @Test func buffersAreChecked() throws {
    let network = try residualNet()
    var buffers = network.buffers
    buffers[5] = -1
    #expect(
      throws: NeuralNetError.invalidOption(name: "b.running_var", reason: "a variance must not be negative")
    ) { try network.with(buffers: buffers) }
    buffers[5] = .nan
    #expect(throws: NeuralNetError.nonFiniteParameter(name: "b.running_var", index: 0)) {
      try network.with(buffers: buffers)
    }
    #expect(throws: NeuralNetError.wrongParameterCount(expected: buffers.count, found: 2)) {
      try network.with(buffers: [1, 2])
    }
    #expect(throws: NeuralNetError.self) { try Network.named("lenet", width: 3) }
    #expect(throws: NeuralNetError.self) {
      try Network(
        name: "bare", input: Shape(1, 4, 4),
        layers: [
          .convolution(name: "a", outputs: 2, kernel: 3, stride: 1, padding: 1, bias: false), .relu,
          .linear(name: "c", outputs: 2),
        ])
    }
  }
}
