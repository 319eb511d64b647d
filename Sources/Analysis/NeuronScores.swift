// How much each neuron of a net answers to some images: the scores by which parameters are selected.

import NeuralNet
import Tensor

extension NetworkModel {
  func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) throws -> [Int] {
    let layers = NeuronLayer.all(of: network)
    let scores: [[Double]]
    switch selection {
    case .random: scores = []
    case .topOutputs, .threshold: scores = try meanOutputs(parameters, group, layers).map { $0.map(abs) }
    case .topGradients:
      // A neuron's bias adds to its output everywhere, so the bias's gradient is the sum of the output's; the mean
      // over images and space differs by a factor that a layer's neurons share.
      let gradient = try gradientSum(at: parameters, over: group)
      scores = layers.map { layer in
        layer.biases.map { first in (0..<layer.neurons).map { abs(gradient[first + $0]) } } ?? []
      }
    }
    return selectParameters(selection, ratio: ratio, layers: layers, scores: scores, stream: stream)
  }

  /// The mean over images and space of each neuron's output, before what follows its layer. A layer is linear in its
  /// input, so this is its output for the mean input.
  private func meanOutputs(_ parameters: [Double], _ images: [Int], _ layers: [NeuronLayer]) throws
    -> [[Double]]
  {
    var remaining = layers[...]
    var before: [Layer] = []
    var shape = network.input
    var means: [[Double]] = []
    for layer in network.layers {
      if case .convolution(_, let outputs, let kernel, let stride, let padding) = layer,
        let neurons = remaining.popFirst()
      {
        let input = try meanInput(before, parameters, images)
        let (mean, output) = convolve(
          input, shape, parameters, neurons, kernel: kernel, stride: stride, padding: padding)
        means.append(mean)
        shape = Shape(outputs, output.height, output.width)
      } else if case .linear = layer, let neurons = remaining.popFirst() {
        let input = try meanInput(before, parameters, images)
        means.append(
          (0..<neurons.neurons).map { neuron in
            let first = neurons.weights + neuron * neurons.fanIn
            return dot(Array(parameters[first..<first + neurons.fanIn]), input)
              + (neurons.biases.map { parameters[$0 + neuron] } ?? 0)
          })
        shape = Shape(neurons.neurons)
      } else if layer == .maxPool {
        shape = Shape(shape.channels, shape.height / 2, shape.width / 2)
      }
      before.append(layer)
    }
    return means
  }

  /// The mean over images of what comes out of some layers, [channel][y][x].
  private func meanInput(_ layers: [Layer], _ parameters: [Double], _ images: [Int]) throws -> [Double] {
    // The features of a net are the inputs of its last layer, so a net of these layers and one more has them.
    let probe = try Network(
      name: "probe", input: network.input, layers: layers + [.linear(name: "probe", outputs: network.classes)]
    )
    let shared = probe.parameterLayouts.dropLast(2).reduce(0) { $0 + $1.count }
    let weights =
      parameters[..<shared].map { Float($0) }
      + [Float](repeating: 0, count: probe.parameterCount - shared)
    var sum = [Double](repeating: 0, count: probe.featureCount)
    for first in stride(from: 0, to: images.count, by: 512) {
      let part = Array(images[first..<min(first + 512, images.count)])
      let rows = try features(probe, parameters: weights, data: data, indices: part, pool: pool)
      for row in 0..<part.count {
        for i in sum.indices { sum[i] += Double(rows[row * sum.count + i]) }
      }
    }
    return sum.map { $0 / Double(images.count) }
  }

  /// The mean over space of a convolution's output for an input [channel][y][x].
  private func convolve(
    _ input: [Double], _ shape: Shape, _ parameters: [Double], _ layer: NeuronLayer, kernel: Int, stride: Int,
    padding: Int
  ) -> (mean: [Double], output: (height: Int, width: Int)) {
    let height = (shape.height + 2 * padding - kernel) / stride + 1
    let width = (shape.width + 2 * padding - kernel) / stride + 1
    // What each weight sees, summed over the output's places.
    var seen = [Double](repeating: 0, count: layer.fanIn)
    for channel in 0..<shape.channels {
      for ky in 0..<kernel {
        for kx in 0..<kernel {
          var sum = 0.0
          for oy in 0..<height {
            let y = oy * stride + ky - padding
            guard y >= 0 && y < shape.height else { continue }
            for ox in 0..<width {
              let x = ox * stride + kx - padding
              if x >= 0 && x < shape.width { sum += input[(channel * shape.height + y) * shape.width + x] }
            }
          }
          seen[(channel * kernel + ky) * kernel + kx] = sum / Double(height * width)
        }
      }
    }
    let mean = (0..<layer.neurons).map { neuron in
      let first = layer.weights + neuron * layer.fanIn
      return dot(Array(parameters[first..<first + layer.fanIn]), seen)
        + (layer.biases.map { parameters[$0 + neuron] } ?? 0)
    }
    return (mean, (height, width))
  }
}
