// Training on what is left of a set, in the order of a training on all of it.

import NeuralNet
import Tensor
import Testing

@Suite struct ExcludedImagesTests {
  /// What is left of an order comes in that order: a step for each of the first images of the whole shuffle.
  @Test func excludedImagesArePassedOver() throws {
    let network = try smallNet()
    let data = try randomImages(12, height: 6, width: 6, classes: 3)
    let pool = ThreadPool(threads: 1)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.momentum, options.schedule) = (1, 1, 0, .constant)
    let stream = RandomStream(key: 5)
    let start = network.initialParameters(stream: stream)
    func trained(_ indices: [Int], excluded: [Int] = [], from parameters: [Float]) throws -> [Float] {
      try train(
        network, parameters: parameters, data: data, indices: indices, excluded: excluded, options: options,
        stream: stream, pool: pool
      ).parameters
    }
    var order = Array(0..<12)
    var draws = stream.substream("order").substream(0)
    draws.shuffle(&order)
    for kept in [1, 2, 5, 12] {
      var expected = start
      for image in order.prefix(kept) { expected = try trained([image], from: expected) }
      let left = try trained(Array(0..<12), excluded: Array(order.dropFirst(kept)), from: start)
      #expect(left == expected, "\(kept) images")
    }
    // The history is over what was trained on.
    let history = try train(
      network, parameters: start, data: data, indices: Array(0..<12), excluded: Array(order.dropFirst(1)),
      options: options, stream: stream, pool: pool
    ).history
    let loss = try evaluate(network, parameters: start, data: data, indices: [order[0]], pool: pool).loss
    #expect(abs(history[0].loss - loss) < 1e-6)
  }
}
