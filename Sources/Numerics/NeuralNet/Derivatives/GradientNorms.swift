// Per-image gradient norms, from sums that are kept image by image.

import CKernels
import Tensor

extension Workspace {
  /// Squared norms of the gradients of each image of a loaded chunk of at most 16, after `loss`. Lane sums are
  /// per-image gradients; a linear layer's gradient has the norm ‖dy‖·‖(x, 1)‖.
  package func squaredGradientNorms(
    _ parameters: UnsafePointer<Float>, _ tape: Tape, scratch: UnsafeMutablePointer<Float>
  ) -> [Float] {
    precondition(packs == 1, "lane sums are per image for one pack only")
    clearSums()
    var total = [Float](repeating: 0, count: laneCount)
    for (index, operation) in plan.operations.enumerated().reversed() {
      backward(index, parameters, tape, gradient: scratch)
      let sums = self.sums + plan.laneSums[index]
      switch operation.kind {
      case .convolution, .batchNorm:
        if operation.hasBias { kernels.squareLanes(biasSums(index), &total, operation.full.channels) }
        if operation.sumsOnce {
          squareImages(index, tape, sums, &total)
        } else {
          kernels.squareLanes(sums, &total, operation.weightCount)
        }
      case .linear:
        var dy = [Float](repeating: 0, count: laneCount)
        var x = [Float](repeating: 1, count: laneCount)
        kernels.squareLanes(adjoint(index + 1), &dy, operation.full.channels)
        kernels.squareLanes(activation(operation.source, tape), &x, operation.input.count)
        for lane in 0..<laneCount { total[lane] += dy[lane] * x[lane] }
      case .averagePool: break
      }
    }
    return total
  }

  /// Adds the squared norms of a convolution's weight gradients, image by image. The way back has just passed it:
  /// its input, transposed unless it follows branches, and its adjoint, spread where it must be, are still there.
  private func squareImages(
    _ index: Int, _ tape: Tape, _ sums: UnsafeMutablePointer<Float>, _ total: inout [Float]
  ) {
    let operation = plan.operations[index]
    let layout = plan.spread[index] ?? plan.adjoints[index + 1]
    let dy =
      plan.spread[index] == nil
      ? adjoint(index + 1) + layout.origin : spreadBuffer.pointer + layout.offset + layout.origin
    for lane in 0..<count {
      sums.update(repeating: 0, count: operation.weightCount)
      if operation.followsBranches {
        branchWeights(index, tape, 0, dy: dy, x: activation(operation.source, tape), images: lane..<lane + 1)
      } else {
        channelWeights(index, dy: dy, layout, sums: sums, images: lane..<lane + 1)
      }
      for i in 0..<operation.weightCount { total[lane] += sums[i] * sums[i] }
    }
  }
}
