// Which parameters gif, fif and pif change: whole neurons by a score, or a random draw.

import NeuralNet
import Tensor

extension NeuronLayer {
  fileprivate var neuronSize: Int { fanIn + (bias == nil ? 0 : 1) }
  fileprivate var size: Int { neurons * neuronSize }

  /// The places of a neuron's parameters, its bias last.
  fileprivate func places(_ neuron: Int) -> [Int] {
    let first = weight.lowerBound + neuron * fanIn
    return Array(first..<first + fanIn) + (bias.map { [$0.lowerBound + neuron] } ?? [])
  }
}

/// The places of a share `ratio` of each layer's parameters, ascending.
///
/// By score: with a budget of ⌊ratio · size⌋ parameters a layer, ⌊budget / neuron size⌋ whole neurons from the highest
/// score on, and random weights of the next neuron for the rest. `threshold`: the pool is of the neurons with a score
/// above τ, from 1 down in steps of .01 until they have as many parameters as the budget; the budget is drawn from it.
/// `random`: ⌊ratio · weights⌋ of the weights and ⌊ratio · biases⌋ of the biases.
///
/// - Parameters:
///   - scores: One number a neuron of each layer, in the order of `layers`; not used by `random`.
///   - stream: Each layer has its own substream, so that a draw depends on nothing else.
func selectParameters(
  _ selection: ParameterSelection, ratio: Double, layers: [NeuronLayer], scores: [[Double]],
  stream: RandomStream
) -> [Int] {
  var places: [Int] = []
  for (index, layer) in layers.enumerated() {
    var draws = stream.substream(layer.name)
    let budget = Int((ratio * Double(layer.size)).rounded(.down))
    switch selection {
    case .random:
      let weights = layer.neurons * layer.fanIn
      let share = Int((ratio * Double(weights)).rounded(.down))
      places += draws.sample(share, of: weights).map { layer.weight.lowerBound + $0 }
      if let biases = layer.bias {
        let share = Int((ratio * Double(layer.neurons)).rounded(.down))
        places += draws.sample(share, of: layer.neurons).map { biases.lowerBound + $0 }
      }
    case .topOutputs, .topGradients:
      let ranked = ranking(scores[index])
      let whole = budget / layer.neuronSize
      for neuron in ranked[..<whole] { places += layer.places(neuron) }
      if whole < layer.neurons {
        let next = layer.weight.lowerBound + ranked[whole] * layer.fanIn
        places += draws.sample(budget - whole * layer.neuronSize, of: layer.fanIn).map { next + $0 }
      }
    case .threshold:
      var percent = 100
      var pool: [Int] = []
      while percent >= 0 {
        pool = (0..<layer.neurons).filter { scores[index][$0] > Double(percent) / 100 }
        if pool.count * layer.neuronSize >= budget { break }
        percent -= 1
      }
      // A score of exactly 0 is above no threshold.
      if pool.count * layer.neuronSize < budget { pool = Array(0..<layer.neurons) }
      let members = pool.flatMap(layer.places)
      places += draws.sample(budget, of: members.count).map { members[$0] }
    }
  }
  return places.sorted()
}

/// Neurons from the highest score to the lowest; the first of equal ones first.
private func ranking(_ scores: [Double]) -> [Int] {
  scores.indices.sorted { (scores[$0], -$0) > (scores[$1], -$1) }
}

extension NetworkModel {
  /// By the net's neurons: their scores over the group's images.
  func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) throws -> [Int] {
    let layers = network.neuronLayers
    if selection == .random {
      return selectParameters(selection, ratio: ratio, layers: layers, scores: [], stream: stream)
    }
    let means = try neuronScores(
      network, parameters: parameters.map { Float($0) }, data: data, indices: group, pool: pool)
    let scores = means.map { layer in
      (selection == .topGradients ? layer.meanGradient : layer.meanOutput).map { Double(abs($0)) }
    }
    return selectParameters(selection, ratio: ratio, layers: layers, scores: scores, stream: stream)
  }
}
