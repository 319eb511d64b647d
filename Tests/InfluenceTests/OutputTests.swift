// Net outputs and relearning, against other ways to the same.

import Foundation
import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct OutputTests {
  @Test func outputsAreThoseThatTheLossIsTakenOf() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let pool = ThreadPool(threads: 1)
    let indices = Array(stride(from: 3, to: 400, by: 7))
    let outputs = try NetOutputs(network, parameters: theta, data: data, indices: indices, pool: pool)
    let evaluation = try evaluate(network, parameters: theta, data: data, indices: indices, pool: pool)
    let logs = outputs.logProbabilities
    for (place, image) in indices.enumerated() {
      let row = logs[place * 10..<(place + 1) * 10]
      #expect(abs(row.reduce(0) { $0 + exp($1) } - 1) < 1e-12)
      let loss = -row[place * 10 + Int(data.labels[image])]
      #expect(abs(loss - Double(evaluation.losses[place])) < 1e-4 * max(1, loss))
      #expect(row.firstIndex(of: row.max()!)! - place * 10 == Int(evaluation.predictions[place]))
    }
  }

  /// ln p − ln(1 − p) of the label, also where p is 1 up to rounding.
  @Test func marginsAreLogOdds() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let indices = Array(stride(from: 3, to: 400, by: 7))
    let labels = indices.map { data.labels[$0] }
    let pool = ThreadPool(threads: 1)
    let outputs = try NetOutputs(network, parameters: theta, data: data, indices: indices, pool: pool)
    let margins = outputs.margins(labels: labels)
    let logs = outputs.logProbabilities
    for place in indices.indices {
      let own = place * 10 + Int(labels[place])
      var others = 0.0
      for output in place * 10..<(place + 1) * 10 where output != own { others += exp(logs[output]) }
      #expect(abs(margins[place] - (logs[own] - log(others))) < 1e-9)
      #expect(abs(log1p(exp(-margins[place])) + logs[own]) < 1e-12)
    }
    // Logits a hundred times as large: the margin is the distance to the second, where 1 − p is nothing.
    let bias = network.parameterLayouts[network.parameterLayouts.count - 1].range
    let weight = network.parameterLayouts[network.parameterLayouts.count - 2].range
    var large = theta
    for i in Array(weight) + Array(bias) { large[i] *= 100 }
    let sure = try NetOutputs(network, parameters: large, data: data, indices: indices, pool: pool)
    for (place, margin) in sure.margins(labels: labels).enumerated() {
      let row = sure.logits[place * 10..<(place + 1) * 10]
      let own = row[place * 10 + Int(labels[place])]
      let second = row.enumerated().filter { $0.offset != Int(labels[place]) }.map(\.element).max()!
      #expect(margin <= own - second && margin > own - second - log(9.0) - 1e-9)
    }
  }

  @Test func lastLayerGradientsAreThoseOfTheLoss() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let pool = ThreadPool(threads: 1)
    let indices = [4, 17, 250]
    let outputs = try NetOutputs(network, parameters: theta, data: data, indices: indices, pool: pool)
    let rows = outputs.lastLayerGradients(labels: indices.map { data.labels[$0] })
    #expect(rows.count == 3 * 10 * 85)
    let weight = network.parameterLayouts[network.parameterLayouts.count - 2].range
    let bias = network.parameterLayouts[network.parameterLayouts.count - 1].range
    let curvature = try Curvature(network, parameters: theta, data: data, indices: [0], pool: pool)
    for (place, image) in indices.enumerated() {
      let gradient = try curvature.gradient(over: [image]).gradient
      let scale = gradient.map { abs($0) }.max() ?? 0
      for output in 0..<10 {
        for input in 0..<84 {
          let own = rows[(place * 10 + output) * 85 + input]
          #expect(abs(own - gradient[weight.lowerBound + output * 84 + input]) <= 1e-4 * scale)
        }
        #expect(
          abs(rows[(place * 10 + output) * 85 + 84] - gradient[bias.lowerBound + output]) <= 1e-4 * scale)
      }
    }
  }

  @Test func relearningStopsAtTheFirstStepThatIsEnough() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let pool = ThreadPool(threads: 1)
    let group = Array(stride(from: 2, to: 400, by: 10))
    // A net that was never trained has everything to learn.
    let fresh = network.initialParameters(stream: RandomStream(key: 1))
    var options = RelearningOptions()
    options.learningRate = 0.02
    options.batchSize = 400
    func steps(_ parameters: [Float], _ target: Double) throws -> Int? {
      try relearningSteps(
        network, parameters: parameters, data: data, group: group, target: target, options: options,
        pool: pool)
    }
    func loss(after steps: Int) throws -> Double {
      // A batch of the whole group: another road to the same steps, in one training.
      var training = TrainingOptions()
      training.epochs = steps
      training.batchSize = group.count
      training.learningRate = 0.02
      training.momentum = 0
      training.weightDecay = 0
      training.schedule = .constant
      let net = try train(
        network, parameters: fresh, data: data, indices: group, options: training,
        stream: RandomStream(key: 2),
        pool: pool)
      return try evaluate(network, parameters: net.parameters, data: data, indices: group, pool: pool).loss
    }
    let count = try #require(try steps(fresh, 1))
    #expect(count > 1)
    #expect(try loss(after: count) <= 1 + 1e-4)
    #expect(try loss(after: count - 1) > 1 - 1e-4)
    #expect(try steps(fresh, 100) == 0)
    options.limit = 2
    #expect(try steps(fresh, 1e-3) == nil)
    #expect(try steps(theta, 0.5) == 0)
  }
}
