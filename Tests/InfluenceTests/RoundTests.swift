// Rounds and relearning: the round with the best score is kept, and relearning goes through the whole group.

import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct RoundTests {
  @Test func theRoundWithTheBestScoreIsKept() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let group = Array(stride(from: 0, to: 200, by: 10))
    func unlearned(_ rounds: Int, scores: [Double]?) throws -> RepeatedUnlearning {
      var left = scores ?? []
      return try unlearnRepeatedly(
        network, parameters: theta, data: data, trainingSet: NetworkInfluenceTests.all, group: group,
        rounds: rounds, stepNorm: 0.1, options: NetworkInfluenceTests.options, stream: RandomStream(key: 9),
        pool: ThreadPool(threads: 1), score: scores == nil ? nil : { _ in left.removeFirst() })
    }
    let nets = try (1...3).map { try unlearned($0, scores: nil).parameters }
    #expect(Set(nets).count == 3)
    for (scores, best) in [([1, 3, 2], 2), ([3, 1, 2], 1), ([1, 2, 3], 3), ([2, 2, 2], 1)]
      as [([Double], Int)]
    {
      let kept = try unlearned(3, scores: scores)
      #expect(kept.rounds == best && kept.scores == scores)
      // Arrays of this size are compared outside of the macro, which would look for their least difference.
      let isKept = kept.parameters == nets[best - 1]
      #expect(isKept, "\(scores)")
    }
  }

  /// Batches follow one another in the fixed shuffle that `relearningSteps` documents.
  @Test func relearningGoesThroughTheWholeGroup() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, _) = try NetworkInfluenceTests.trained(data)
    let pool = ThreadPool(threads: 1)
    // Batches of a label each, so that who sees the first one only learns nothing of the others.
    let order = (0..<60).map { $0 / 20 + 10 * ($0 % 20) }
    var places = Array(0..<60)
    var draws = RandomStream(key: 0).substream("order")
    draws.shuffle(&places)
    var group = order
    for (place, image) in zip(places, order) { group[place] = image }
    var training = TrainingOptions()
    training.epochs = 1
    training.batchSize = 20
    training.learningRate = 0.05
    training.momentum = 0
    training.weightDecay = 0
    training.schedule = .constant
    let fresh = network.initialParameters(stream: RandomStream(key: 1))
    var current = fresh
    func loss(_ parameters: [Float]) throws -> Double {
      try evaluate(network, parameters: parameters, data: data, indices: group, pool: pool).loss
    }
    // After each number of steps, from none on.
    var losses = [try loss(fresh)]
    for step in 1...7 {
      let place = (step - 1) % 3 * 20
      current = try train(
        network, parameters: current, data: data, indices: Array(order[place..<place + 20]),
        options: training,
        stream: RandomStream(key: 0).substream(step), pool: pool
      ).parameters
      losses.append(try loss(current))
    }
    var options = RelearningOptions()
    options.learningRate = 0.05
    options.batchSize = 20
    options.limit = 10
    let enough = losses.map { target in losses.firstIndex { $0 <= target } }
    for (target, steps) in zip(losses, enough) {
      let found = try relearningSteps(
        network, parameters: fresh, data: data, group: group, target: target, options: options, pool: pool)
      #expect(found == steps, "to come to \(target)")
    }
    #expect(Set(enough).count > 3, "the batches after the first matter: \(losses)")
  }
}
