// Which parameters are selected: whole neurons by score, the rest of the budget, and random draws.

import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct ParameterSelectionTests {
  static func selected(
    _ selection: ParameterSelection, ratio: Double, key: UInt64 = 5, threads: Int = 1
  ) throws -> (places: [Int], network: Network, influence: GroupInfluence) {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    var options = NetworkInfluenceTests.options
    options.scheme = .pif
    options.selection = selection
    options.ratio = ratio
    let influence = try groupInfluence(
      network, parameters: theta, data: data, trainingSet: NetworkInfluenceTests.all,
      group: Array(stride(from: 0, to: 200, by: 10)), options: options, stream: RandomStream(key: key),
      pool: ThreadPool(threads: threads))
    return (try #require(influence.selected), network, influence)
  }

  @Test(arguments: ParameterSelection.allCases, [0.05, 0.3, 1]) func takesItsShareOfEachLayer(
    selection: ParameterSelection, ratio: Double
  ) throws {
    let (places, network, influence) = try Self.selected(selection, ratio: ratio)
    #expect(places == Array(Set(places)).sorted())
    for (weight, bias) in zip(network.parameterLayouts, network.parameterLayouts.dropFirst())
    where weight.shape.count >= 2 {
      let weights = places.count { weight.range.contains($0) }
      let biases = places.count { bias.range.contains($0) }
      if selection == .random {
        #expect(weights == Int(ratio * Double(weight.count)) && biases == Int(ratio * Double(bias.count)))
      } else {
        #expect(weights + biases == Int(ratio * Double(weight.count + bias.count)), "\(weight.name)")
      }
    }
    let chosen = Set(places)
    for i in influence.change.indices where !chosen.contains(i) { #expect(influence.change[i] == 0) }
    let whole = try #require(influence.firstOrder)
    #expect(places.allSatisfy { influence.change[$0] == whole[$0] })
  }

  /// fc3 with 10 neurons of 85 parameters: at 30 % three whole neurons and no rest.
  @Test func takesTheNeuronsOfTheHighestScore() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let group = Array(stride(from: 0, to: 200, by: 10))
    let weight = try #require(network.parameterLayouts.first { $0.name == "fc3.weight" })
    let bias = try #require(network.parameterLayouts.first { $0.name == "fc3.bias" })
    func best(_ scores: [Double]) -> [Int] {
      Array(scores.indices.sorted { scores[$0] > scores[$1] }.prefix(3)).sorted()
    }
    let pool = ThreadPool(threads: 1)
    // Scores of the last layer by its definition: the mean logit, and the mean of p − 1{label}.
    let rows = try features(network, parameters: theta, data: data, indices: group, pool: pool)
    var outputs = [Double](repeating: 0, count: 10)
    for row in group.indices {
      for k in 0..<10 {
        outputs[k] += Double(theta[bias.offset + k])
        for i in 0..<84 {
          outputs[k] += Double(rows[row * 84 + i]) * Double(theta[weight.offset + k * 84 + i])
        }
      }
    }
    let gradient = try Curvature(network, parameters: theta, data: data, indices: group, pool: pool)
      .gradientSum(over: group).gradient
    for (selection, expected) in [
      (ParameterSelection.topOutputs, best(outputs.map(abs))),
      (.topGradients, best((0..<10).map { abs(Double(gradient[bias.offset + $0])) })),
    ] {
      let places = try Self.selected(selection, ratio: 0.3).places
      #expect(places.filter { bias.range.contains($0) }.map { $0 - bias.offset } == expected)
      #expect(places.count { weight.range.contains($0) } == 3 * 84)
    }
  }

  @Test func drawsDependOnTheSeedAndNotOnTheThreads() throws {
    for selection in [ParameterSelection.random, .threshold] {
      let one = try Self.selected(selection, ratio: 0.1).places
      #expect(try Self.selected(selection, ratio: 0.1, threads: 2).places == one)
      #expect(try Self.selected(selection, ratio: 0.1, key: 6).places != one)
    }
  }
}
