// How much each neuron of a net answers to some images: the scores by which parameters are selected.

import NeuralNet
import Tensor

extension NetworkModel {
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
