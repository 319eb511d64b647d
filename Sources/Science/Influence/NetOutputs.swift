// What a net's last layer gives: logits, and each image's gradient with respect to that layer.

import Glibc
import NeuralNet
import Tensor

/// The outputs of a net on some images.
public struct NetOutputs: Sendable {
  /// Numbers an image.
  public let classes: Int
  /// Logits [n, classes] in the order of the images.
  public let logits: [Double]
  private let features: [Float]
  private let featureCount: Int

  /// Evaluates a net on the images of `indices`; the last layer, a linear one, in float64.
  ///
  /// - Throws: `NeuralNetError` for bad parameters, indices, labels or image shape.
  public init(_ network: Network, parameters: [Float], data: ImageSet, indices: [Int], pool: ThreadPool)
    throws(NeuralNetError)
  {
    features = try NeuralNet.features(
      network, parameters: parameters, data: data, indices: indices, pool: pool)
    let (weight, bias) = (network.parameterLayouts.suffix(2).first, network.parameterLayouts.last)
    let (outputs, inputs) = (network.classes, network.featureCount)
    guard let weight, let bias, weight.shape == [outputs, inputs], bias.shape == [outputs] else {
      preconditionFailure("the last layer of \(network.name) is not linear")
    }
    let weights = parameters[weight.range].map(Double.init)
    let biases = parameters[bias.range].map(Double.init)
    var logits = [Double](repeating: 0, count: indices.count * outputs)
    var row = [Double](repeating: 0, count: inputs)
    for image in indices.indices {
      for i in 0..<inputs { row[i] = Double(features[image * inputs + i]) }
      for output in 0..<outputs {
        var sum = biases[output]
        for i in 0..<inputs { sum += weights[output * inputs + i] * row[i] }
        logits[image * outputs + output] = sum
      }
    }
    self.logits = logits
    classes = outputs
    featureCount = inputs
  }

  /// Log-probabilities [n, classes]: the logits less their log-sum-exp.
  public var logProbabilities: [Double] {
    var result = logits
    for start in stride(from: 0, to: logits.count, by: classes) {
      let row = logits[start..<start + classes]
      let largest = row.max() ?? 0
      let normaliser = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
      for i in start..<start + classes { result[i] -= normaliser }
    }
    return result
  }

  /// Each image's margin ln(p / (1 − p)), p being the probability of its label: its logit less the log-sum-exp of the
  /// others. Taken so, it keeps all its digits where p is 1 up to rounding, and the loss has none left.
  ///
  /// - Parameter labels: The label of each image, in the same order.
  public func margins(labels: [UInt8]) -> [Double] {
    precondition(labels.count * classes == logits.count, "a label an image")
    return labels.enumerated().map { image, label in
      let row = logits[image * classes..<(image + 1) * classes]
      let own = row.startIndex + Int(label)
      var largest = -Double.infinity
      for place in row.indices where place != own { largest = max(largest, row[place]) }
      var sum = 0.0
      for place in row.indices where place != own { sum += exp(row[place] - largest) }
      return row[own] - (largest + log(sum))
    }
  }

  /// Each image's gradient of its cross-entropy with respect to the last layer, [n, classes · (features + 1)]:
  /// the outer product of probabilities less label and of the layer's inputs with a 1 for the bias.
  ///
  /// - Parameter labels: The label of each image, in the same order.
  public func lastLayerGradients(labels: [UInt8]) -> [Float] {
    precondition(labels.count * classes == logits.count, "a label an image")
    let errors = logProbabilities.enumerated().map { place, value in
      Float(exp(value)) - (Int(labels[place / classes]) == place % classes ? 1 : 0)
    }
    var rows: [Float] = []
    rows.reserveCapacity(logits.count * (featureCount + 1))
    for image in labels.indices {
      let inputs = features[image * featureCount..<(image + 1) * featureCount]
      for error in errors[image * classes..<(image + 1) * classes] {
        for input in inputs { rows.append(error * input) }
        rows.append(error)
      }
    }
    return rows
  }
}
