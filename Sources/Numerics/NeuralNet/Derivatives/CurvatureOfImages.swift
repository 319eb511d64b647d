// What single images do at fixed parameters: their logits' change, their gradients' norms, their share of the curvature.

import Tensor

extension Curvature {
  /// The Jacobian-vector product: the logits' change J v of each image, [n, classes] in the order of `images`
  /// (default: the curvature's own).
  ///
  /// - Throws: `NeuralNetError` for a bad direction or index set.
  public func jacobianProduct(_ v: [Float], over images: [Int]? = nil) throws(NeuralNetError) -> [Float] {
    try checkDirection(v)
    let images = images ?? indices
    try data.check(images, for: network)
    var rows = [Float](repeating: 0, count: images.count * network.classes)
    rows.withUnsafeMutableBufferPointer { rows in
      v.withUnsafeBufferPointer { v in
        runner.forEachChunk(data, images[...]) { chunk, workspace in
          workspace.forward(parameters.pointer, workspace.tape)
          workspace.tangentForward(parameters.pointer, v.baseAddress!, workspace.tape)
          workspace.copyLogitTangents(to: rows.baseAddress! + chunk * chunkSize * network.classes)
        }
      }
    }
    return rows
  }

  /// The L2 norm of each image's own loss gradient, without the regulariser, in the order of `images`.
  ///
  /// - Throws: `NeuralNetError` for a bad index set.
  public func gradientNorms(over images: [Int]) throws(NeuralNetError) -> [Float] {
    try data.check(images, for: network)
    var norms = [Float](repeating: 0, count: images.count)
    let scratch = Buffer<Float>(count: pool.threads * runner.stride)
    let packs = (images.count + laneCount - 1) / laneCount
    norms.withUnsafeMutableBufferPointer { norms in
      pool.run(packs) { pack, worker in
        let workspace = runner.workspaces[worker]
        let places = pack * laneCount..<min((pack + 1) * laneCount, images.count)
        workspace.load(data, images[places])
        workspace.forward(parameters.pointer, workspace.tape)
        workspace.loss(workspace.tape, scale: 1)
        let squares = workspace.squaredGradientNorms(
          parameters.pointer, workspace.tape, scratch: scratch.pointer + worker * runner.stride)
        for place in places { norms[place] = squares[place - places.lowerBound].squareRoot() }
      }
    }
    return norms
  }

  /// The trace of each image's H_L, 1 − Σ p² over its classes, in the order of `indices`: how much of the
  /// Gauss-Newton matrix it can make. Near 0 where the net is sure.
  public func lossHessianTraces() -> [Float] {
    var traces = [Float](repeating: 0, count: indices.count)
    traces.withUnsafeMutableBufferPointer { traces in
      runner.forEachChunk(data, indices[...]) { chunk, workspace in
        workspace.copyHessianTraces(
          activations(chunk, workspace), to: traces.baseAddress! + chunk * chunkSize)
      }
    }
    return traces
  }
}
