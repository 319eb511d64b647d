// One fused step of a net's computation.

import CKernels

/// A layer with the ReLU and pooling that follow it. Operation i's output is activation i + 1; activation 0 is the
/// image.
package struct Operation: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case convolution(kernel: Int, stride: Int, padding: Int)
    case linear
    /// Its running mean is at `statistics` in the buffers, the variance after it.
    case batchNorm(statistics: Int)
    case averagePool
  }
  package let kind: Kind
  package let input: Shape
  /// Shape before pooling.
  package let full: Shape
  package let weight: Int
  package let bias: Int
  package let hasBias: Bool
  /// The activation that it reads.
  package let source: Int
  /// Batch normalisation: the activation added before ReLU.
  package var addend: Int?
  package var relu = false
  package var pool = false
  /// Probability with which training zeroes an output.
  package var dropout: Float = 0

  package init(
    kind: Kind, input: Shape, full: Shape, weight: Int = 0, bias: Int = 0, hasBias: Bool = true, source: Int,
    addend: Int? = nil
  ) {
    self.kind = kind
    self.input = input
    self.full = full
    self.weight = weight
    self.bias = bias
    self.hasBias = hasBias
    self.source = source
    self.addend = addend
  }

  package var isConvolution: Bool {
    guard case .convolution = kind else { return false }
    return true
  }
  package var isNormalisation: Bool {
    guard case .batchNorm = kind else { return false }
    return true
  }
  /// Whether it is a convolution or linear layer.
  package var hasNeurons: Bool { isConvolution || kind == .linear }
  package var stride: Int {
    guard case .convolution(_, let stride, _) = kind else { return 1 }
    return stride
  }
  package var padding: Int {
    guard case .convolution(_, _, let padding) = kind else { return 0 }
    return padding
  }
  package var output: Shape {
    pool ? Shape(full.channels, full.height / 2, full.width / 2) : full
  }
  package var weightCount: Int { bias - weight }
  /// Whether its derivatives go along the branches that its pooling took, image by image.
  package var followsBranches: Bool { isConvolution && pool }
  /// Whether weight gradients are summed with vectors of input channels instead of images: lane sums would take
  /// sixteen times the weights' memory, too much where channels are many and pixels few.
  package var sumsChannels: Bool {
    isConvolution && !pool && source > 0 && input.channels % laneCount == 0
  }
  /// Whether it has one sum for a weight, [output][row][column][channel], instead of one for each lane.
  package var sumsOnce: Bool { sumsChannels || followsBranches }
  /// Floats of scratch that it needs, or that make it faster.
  package var roomFloats: Int {
    guard case .convolution(let kernel, let stride, _) = kind else { return 0 }
    let (kernel32, stride32) = (Int32(kernel), Int32(stride))
    let (inputs, outputs) = (Int32(input.channels), Int32(full.channels))
    let wide = kernelRoomFloats(kernel32, stride32, inputs, outputs)
    guard followsBranches else { return wide }
    return max(
      wide, kernelBranchFloats(kernel32, stride32, inputs, outputs, Int32(full.height), Int32(full.width)))
  }
  /// Floats of the sums of a convolution's weights, so that the biases' after them are where a register can begin.
  package var weightSums: Int {
    sumsOnce ? (weightCount + laneCount - 1) / laneCount * laneCount : weightCount * laneCount
  }
  /// Floats of the sums of its weights' and biases' gradients that are not kept in the gradient itself.
  package var sums: Int {
    switch kind {
    case .convolution:
      weightSums + (hasBias ? full.channels * laneCount : 0)
    case .batchNorm: 2 * full.channels * laneCount
    case .linear, .averagePool: 0
    }
  }
}
