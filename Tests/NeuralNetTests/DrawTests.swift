// What a training draws: another order and other dropout masks in each epoch, and images that stay held out.

import NeuralNet
import Tensor
import Testing

@Suite struct DrawTests {
  /// At a rate of 0 the parameters stay, so that losses tell of nothing but what was drawn.
  private static func still(_ change: (inout TrainingOptions) -> Void) -> TrainingOptions {
    var options = TrainingOptions()
    options.learningRate = 0
    options.weightDecay = 0
    change(&options)
    return options
  }

  /// The first batch of each epoch is that of the shuffle that `train` documents.
  @Test func eachEpochHasAnOrderOfItsOwn() throws {
    let network = try smallNet()
    let data = try randomImages(60, height: 6, width: 6, classes: 3)
    let start = network.initialParameters(stream: RandomStream(key: 1))
    let (stream, pool) = (RandomStream(key: 4), ThreadPool(threads: 1))
    var found: [Double] = []
    _ = try train(
      network, parameters: start, data: data, indices: Array(0..<60),
      options: Self.still {
        $0.epochs = 4
        $0.batchSize = 10
      }, stream: stream, pool: pool
    ) { if $0.step == 1 { found.append($0.loss) } }
    let expected = try (0..<4).map { epoch in
      var order = Array(0..<60)
      var draws = stream.substream("order").substream(epoch)
      draws.shuffle(&order)
      return try evaluate(
        network, parameters: start, data: data, indices: Array(order.prefix(10)), pool: pool
      ).loss
    }
    #expect(Set(expected).count == 4, "the batches can be told apart")
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-6) }
    #expect(found.count == 4)
  }

  /// Equal images of one label, whose losses differ by their masks only.
  private static func dropped(_ count: Int, batch: Int, epochs: Int) throws -> [Double] {
    let network = try Network.named(
      "mlp", widths: [24], dropout: 0.5, input: Shape(1, 6, 6), classes: 3)
    let image = (0..<36).map { UInt8(7 * $0) }
    let data = try ImageSet(
      images: (0..<count).flatMap { _ in image }, labels: [UInt8](repeating: 1, count: count), height: 6,
      width: 6)
    return try train(
      network, parameters: network.initialParameters(stream: RandomStream(key: 1)), data: data,
      indices: Array(0..<count),
      options: still {
        $0.epochs = epochs
        $0.batchSize = batch
      }, stream: RandomStream(key: 5), pool: ThreadPool(threads: 2)
    ).history.map(\.loss)
  }

  @Test func eachStepHasDropoutMasksOfItsOwn() throws {
    #expect(Set(try Self.dropped(64, batch: 64, epochs: 4)).count == 4)
    // Two steps an epoch, each with its masks: the mean of two draws, not one draw twice.
    #expect(try Self.dropped(64, batch: 64, epochs: 1) != Self.dropped(128, batch: 64, epochs: 1))
  }

  /// If the places of a batch repeated from one chunk of images to the next, a batch of many equal images would have
  /// the mean loss of a chunk, whatever its size.
  @Test func eachPlaceOfABatchHasADropoutMaskOfItsOwn() throws {
    let losses = try [64, 128, 192].map { try Self.dropped($0, batch: $0, epochs: 1)[0] }
    #expect(abs(losses[0] - losses[1]) > 1e-5 && abs(losses[1] - losses[2]) > 1e-5)
  }

  /// What is held out teaches nothing: other pixels there give the same net and the same losses of training.
  @Test func imagesThatAreHeldOutAreNotTrainedOn() throws {
    let network = try smallNet()
    let data = try randomImages(80, height: 6, width: 6, classes: 3)
    let (stream, pool) = (RandomStream(key: 6), ThreadPool(threads: 2))
    var shuffled = Array(0..<80)
    var draws = stream.substream("validation")
    draws.shuffle(&shuffled)
    let held = Set(shuffled.suffix(20))
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = 16
    options.validationFraction = 0.25
    func trained(changing places: Set<Int>) throws -> TrainingResult {
      var pixels = data.images
      for image in places {
        for pixel in image * 36..<(image + 1) * 36 { pixels[pixel] = 255 - pixels[pixel] }
      }
      return try train(
        network, parameters: network.initialParameters(stream: RandomStream(key: 1)),
        data: ImageSet(images: pixels, labels: data.labels, height: 6, width: 6), indices: Array(0..<80),
        options: options, stream: stream, pool: pool)
    }
    let plain = try trained(changing: [])
    let other = try trained(changing: held)
    #expect(other.parameters == plain.parameters && other.history.map(\.loss) == plain.history.map(\.loss))
    #expect(other.history.map(\.validationLoss) != plain.history.map(\.validationLoss))
    let first = try #require((0..<80).first { !held.contains($0) })
    #expect(try trained(changing: [first]).parameters != plain.parameters)
  }
}
