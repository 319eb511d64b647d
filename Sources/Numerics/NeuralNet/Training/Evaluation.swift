// Losses, predictions and features of images at fixed parameters.

import Tensor

/// What a net says of each image of an index set, in the set's order.
public struct Evaluation: Sendable {
  /// Cross-entropy of each image.
  public let losses: [Float]
  /// The class with the largest logit.
  public let predictions: [UInt8]
  /// Whether the prediction is the label.
  public let correct: [Bool]

  /// Mean cross-entropy.
  public var loss: Double { losses.reduce(0) { $0 + Double($1) } / Double(max(losses.count, 1)) }
  /// Share of right predictions.
  public var accuracy: Double { Double(correct.count { $0 }) / Double(max(correct.count, 1)) }
}

/// Evaluates each image once; means over splits are the caller's to take.
///
/// - Throws: `NeuralNetError` for bad parameters, indices, labels or image shape.
public func evaluate(
  _ network: Network, parameters: [Float], data: ImageSet, indices: [Int], pool: ThreadPool
) throws(NeuralNetError) -> Evaluation {
  try network.check(parameters: parameters)
  try data.check(indices, for: network)
  let runner = ChunkRunner(network, pool: pool)
  var losses = [Float](repeating: 0, count: indices.count)
  var predictions = [UInt8](repeating: 0, count: indices.count)
  losses.withUnsafeMutableBufferPointer { losses in
    predictions.withUnsafeMutableBufferPointer { predictions in
      parameters.withUnsafeBufferPointer { parameters in
        runner.forEachChunk(data, indices[...]) { chunk, workspace in
          workspace.forward(parameters.baseAddress!, workspace.tape)
          workspace.loss(workspace.tape, scale: 0)
          for place in 0..<workspace.count {
            losses[chunk * chunkSize + place] = workspace.losses.pointer[place]
            predictions[chunk * chunkSize + place] = workspace.predictions.pointer[place]
          }
        }
      }
    }
  }
  let correct = zip(indices, predictions).map { data.labels[$0] == $1 }
  return Evaluation(losses: losses, predictions: predictions, correct: correct)
}

/// The last layer's inputs, [n, network.featureCount] in the index set's order: LeNet's 84 penultimate
/// activations.
///
/// - Throws: `NeuralNetError` for bad parameters, indices, labels or image shape.
public func features(
  _ network: Network, parameters: [Float], data: ImageSet, indices: [Int], pool: ThreadPool
) throws(NeuralNetError) -> [Float] {
  try network.check(parameters: parameters)
  try data.check(indices, for: network)
  let runner = ChunkRunner(network, pool: pool)
  var rows = [Float](repeating: 0, count: indices.count * network.featureCount)
  rows.withUnsafeMutableBufferPointer { rows in
    parameters.withUnsafeBufferPointer { parameters in
      runner.forEachChunk(data, indices[...]) { chunk, workspace in
        workspace.forward(parameters.baseAddress!, workspace.tape)
        workspace.copyFeatures(
          workspace.tape, to: rows.baseAddress! + chunk * chunkSize * network.featureCount)
      }
    }
  }
  return rows
}
