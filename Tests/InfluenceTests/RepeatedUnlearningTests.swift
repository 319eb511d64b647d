// Steps taken again and again: their norms, and what each round starts from.

import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct RepeatedUnlearningTests {
  private static let group = Array(stride(from: 0, to: 200, by: 10))

  /// Three rounds on a small net, and the parameters that each was scored at.
  private static func rounds(
    _ count: Int, scores: [Double]?, stepNorm: Double? = 0.1
  ) throws -> (result: RepeatedUnlearning, seen: [[Float]], start: [Float]) {
    let data = try NetworkInfluenceTests.images()
    let network = try Network.named("softmax")
    let start = network.initialParameters(stream: RandomStream(key: 5))
    var options = NetworkInfluenceTests.options
    options.hessianImages = 50
    var seen: [[Float]] = []
    let score = scores.map { scores in
      { (parameters: [Float]) -> Double in
        seen.append(parameters)
        return scores[seen.count - 1]
      }
    }
    let result = try unlearnRepeatedly(
      network, parameters: start, data: data, trainingSet: NetworkInfluenceTests.all, group: group,
      rounds: count, stepNorm: stepNorm, options: options, stream: RandomStream(key: 6),
      pool: ThreadPool(threads: 1), score: score)
    return (result, seen, start)
  }

  @Test func withoutAScoreTheLastRoundIsKept() throws {
    let (result, _, start) = try Self.rounds(3, scores: nil)
    #expect(result.rounds == 3 && result.scores.isEmpty)
    var current = start
    for step in result.steps {
      #expect(abs(dot(step.change, step.change).squareRoot() - 0.1) < 1e-6)
      for i in current.indices { current[i] += step.change[i] }
    }
    #expect(result.parameters == current)
  }

  /// Each round's influence is taken where the round before led to.
  @Test func eachRoundStartsWhereTheLastOneEnded() throws {
    let (result, seen, _) = try Self.rounds(2, scores: [1, 2], stepNorm: nil)
    var options = NetworkInfluenceTests.options
    options.hessianImages = 50
    let second = try groupInfluence(
      try Network.named("softmax"), parameters: seen[0], data: try NetworkInfluenceTests.images(),
      trainingSet: NetworkInfluenceTests.all, group: Self.group, options: options,
      stream: RandomStream(key: 6).substream(1), pool: ThreadPool(threads: 1))
    #expect(result.steps[1].change == second.change)
  }
}
