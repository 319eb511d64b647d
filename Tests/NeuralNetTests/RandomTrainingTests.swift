// What is drawn in training is drawn anew: the order of each epoch, and what each step and each image drops.

import NeuralNet
import Tensor
import Testing

@Suite struct RandomTrainingTests {
  /// Options with which the net stays as it is, so that a loss tells of the images and of what is dropped alone.
  private static func still(epochs: Int, batch: Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = epochs
    options.batchSize = batch
    options.learningRate = 0
    options.weightDecay = 0
    return options
  }

  /// The mean loss of each step, from the running means that are reported.
  private static func stepLosses(
    _ network: Network, _ data: ImageSet, images: Int, _ options: TrainingOptions
  ) throws -> (steps: [[Double]], epochs: [Double]) {
    var running: [[Double]] = []
    let result = try train(
      network, parameters: network.initialParameters(stream: RandomStream(key: 1)), data: data,
      indices: Array(0..<images), options: options, stream: RandomStream(key: 2), pool: ThreadPool(threads: 2)
    ) { progress in
      if progress.step == 1 { running.append([]) }
      running[progress.epoch].append(progress.loss)
    }
    let steps = running.map { means in
      means.indices.map { Double($0 + 1) * means[$0] - ($0 > 0 ? Double($0) * means[$0 - 1] : 0) }
    }
    return (steps, result.history.map(\.loss))
  }

  /// The same images in each epoch, in other batches.
  @Test func eachEpochHasAnOrderOfItsOwn() throws {
    let data = try randomImages(80, height: 6, width: 6, classes: 3)
    let (steps, epochs) = try Self.stepLosses(
      try smallNet(), data, images: 80, Self.still(epochs: 5, batch: 20))
    #expect(Set(steps.map { $0[0] }).count == 5)
    for epoch in epochs { #expect(abs(epoch - epochs[0]) < 1e-6) }
  }

  /// One image many times over: losses differ by what is dropped alone.
  private static func copies(_ count: Int) throws -> ImageSet {
    let one = try randomImages(1, height: 6, width: 6, classes: 3)
    return try ImageSet(
      images: (0..<count).flatMap { _ in one.images }, labels: (0..<count).flatMap { _ in one.labels },
      height: 6, width: 6)
  }

  private static func dropping() throws -> Network {
    try Network.named("mlp", widths: [24], dropout: 0.5, input: Shape(1, 6, 6), classes: 3)
  }

  @Test func eachStepOfEachEpochDropsAnew() throws {
    let (steps, _) = try Self.stepLosses(
      try Self.dropping(), try Self.copies(64), images: 64, Self.still(epochs: 3, batch: 16))
    let all = steps.flatMap { $0 }
    for (i, a) in all.enumerated() { for b in all[..<i] { #expect(abs(a - b) > 1e-6) } }
  }

  /// The images of a batch drop by their places in it: those of its second chunk are not those of its first again, and
  /// a batch of the first chunk alone has the first chunk's.
  @Test func eachImageOfABatchDropsForItself() throws {
    let (network, data) = (try Self.dropping(), try Self.copies(96))
    func loss(_ images: Int) throws -> Double {
      try Self.stepLosses(network, data, images: images, Self.still(epochs: 1, batch: images)).epochs[0]
    }
    // Sums over the places 0..<count of the step's batch.
    let sums = try [1, 2, 32, 64, 96].map { Double($0) * (try loss($0)) }
    let (first, second) = (sums[0], sums[1] - sums[0])
    #expect(abs(first - second) > 1e-3, "two images drop the same")
    let chunks = [sums[2], sums[3] - sums[2], sums[4] - sums[3]]
    for (i, a) in chunks.enumerated() { for b in chunks[..<i] { #expect(abs(a - b) > 1e-2) } }
  }
}
