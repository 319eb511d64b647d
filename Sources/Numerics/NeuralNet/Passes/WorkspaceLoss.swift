// A workspace's loss and what it hands out of a chunk.

import CKernels

extension Workspace {
  /// Cross-entropy of the chunk: fills `losses`, `predictions`, the tape's probabilities, and the adjoint of the
  /// logits times `scale`.
  package func loss(_ tape: Tape, scale: Float) {
    let last = plan.operations.count
    let logits = plan.activations[last]
    for pack in 0..<packs {
      let place = pack * laneCount
      var arguments = SoftmaxLoss(
        logits: activation(last, tape) + pack * logits.pack, labels: labelBuffer.pointer + place,
        losses: losses.pointer + place, predictions: predictions.pointer + place,
        probabilities: tape.floats + plan.probabilities.offset + pack * logits.pack,
        gradient: adjoint(last) + pack * logits.pack, scale: scale, classes: Int32(network.classes),
        count: Int32(count - place))
      kernels.softmaxLoss(&arguments)
    }
  }

  /// Where the adjoint of the logits lies, and the floats from one pack of images to the next.
  var logitsLayout: (adjoint: UnsafeMutablePointer<Float>, pack: Int) {
    let last = plan.operations.count
    return (adjoint(last), plan.activations[last].pack)
  }

  /// Sets the logits' adjoint, or with `curved` its change, to scale · H_L · tangent, with H_L the loss's Hessian
  /// at the logits; with `weights` each image's times its own.
  package func lossHessian(
    _ tape: Tape, scale: Float, curved isCurved: Bool = false, weights: UnsafePointer<Float>? = nil
  ) {
    let last = plan.operations.count
    let target = isCurved ? curved(last) : adjoint(last)
    let logits = plan.activations[last]
    for pack in 0..<packs {
      kernels.softmaxHessian(
        tape.floats + plan.probabilities.offset + pack * logits.pack,
        tangent(last) + pack * logits.pack, target + pack * logits.pack,
        Int32(network.classes), scale, Int32(count - pack * laneCount))
      guard let weights else { continue }
      for lane in 0..<min(laneCount, count - pack * laneCount) {
        for k in 0..<network.classes {
          target[pack * logits.pack + k * laneCount + lane] *= weights[pack * laneCount + lane]
        }
      }
    }
  }

  /// The trace 1 − Σ p² of the loss's Hessian at the logits of each image of the chunk.
  func copyHessianTraces(_ tape: Tape, to traces: UnsafeMutablePointer<Float>) {
    let pack = plan.activations[plan.operations.count].pack
    for place in 0..<count {
      let first = tape.floats + plan.probabilities.offset + place / laneCount * pack + place % laneCount
      traces[place] = (0..<network.classes).reduce(1) { $0 - first[$1 * laneCount] * first[$1 * laneCount] }
    }
  }

  // MARK: - Outputs

  /// Copies the last layer's input of each image of the chunk to rows of `featureCount` floats.
  package func copyFeatures(_ tape: Tape, to rows: UnsafeMutablePointer<Float>) {
    let index = plan.operations[plan.operations.count - 1].source
    copy(activation(index, tape), plan.activations[index], to: rows)
  }

  /// Copies the logits' tangents of each image of the chunk to rows of `classes` floats.
  package func copyLogitTangents(to rows: UnsafeMutablePointer<Float>) {
    let index = plan.operations.count
    copy(tangent(index), plan.activations[index], to: rows)
  }

  func copy(_ x: UnsafePointer<Float>, _ layout: Layout, to rows: UnsafeMutablePointer<Float>) {
    let width = layout.shape.count
    for place in 0..<count {
      let first = x + place / laneCount * layout.pack + place % laneCount
      for i in 0..<width { rows[place * width + i] = first[i * laneCount] }
    }
  }
}
