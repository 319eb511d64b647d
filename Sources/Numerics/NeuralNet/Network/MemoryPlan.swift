// Where each activation of a net lies in memory.

import CKernels

/// Images that go through the net together: two packs of 16.
package let laneCount = Int(KERNEL_LANES)
package let chunkSize = 2 * laneCount

/// [channel][y][x][16] with zero pixels around each plane or row; strides in floats.
package struct Layout: Sendable, Hashable {
  package let shape: Shape
  package let row: Int
  package let channel: Int
  /// First true pixel.
  package let origin: Int
  /// Start of the first pack's block, and the block's length.
  package let offset: Int
  package let pack: Int

  package init(_ shape: Shape, rows halo: Int, columns: Int, offset: Int) {
    self.shape = shape
    row = (shape.width + 2 * columns) * laneCount
    channel = (shape.height + 2 * halo) * row
    origin = halo * row + columns * laneCount
    self.offset = offset
    pack = shape.channels * channel
  }

  /// The pixel where the window of a convolution with that padding first begins.
  package func start(padding: Int) -> Int { origin - padding * (row + laneCount) }

  package var end: Int { offset + 2 * pack }
}

/// Memory layouts of everything a chunk of images leaves behind; index 0 is the input, i + 1 operation i's output.
package struct MemoryPlan: Sendable {
  package let operations: [Operation]
  /// Layout 0 is alone in its own buffer; the others share the tape.
  package let activations: [Layout]
  /// Gradients of the loss by the activations. Two of the same layout share their place where the way back
  /// through the net does not need both at once; others do not, so that margins stay zero.
  package let adjoints: [Layout]
  /// Whether no two adjoints share a place, so that all are there after the way back.
  package let adjointsAreDistinct: Bool
  /// Offsets of pooling's branch codes.
  package let codes: [Int]
  package let probabilities: Layout
  /// Layouts of adjoints that are spread to rows with margins, for one pack.
  package let spread: [Layout?]
  /// Offsets of each operation's sums, in floats: a convolution's weights and the lane sums of its biases, a
  /// batch normalisation's lane sums of weights and of biases.
  package let laneSums: [Int]
  /// Whether on the way back an operation adds to its source's adjoint, which another has written before it.
  package let addsToSource: [Bool]
  /// The same for its addend's.
  package let addsToAddend: [Bool]
  package let tapeFloats: Int
  package let tapeCodes: Int
  package let adjointFloats: Int
  package let spreadFloats: Int
  package let laneSumFloats: Int
  package let widestInput: Int
  /// Floats of the largest convolution input with its channels innermost.
  package let transposedFloats: Int
  /// Scratch of the convolutions, which makes wide ones faster and pooled ones possible.
  package let roomFloats: Int
  /// Most channels of a batch normalisation.
  package let normChannels: Int

  package init(input: Shape, operations: [Operation]) {
    self.operations = operations
    let forward = ActivationPlaces(input: input, operations: operations)
    activations = forward.activations
    codes = forward.codes
    spread = forward.spread
    laneSums = forward.laneSums
    let classes = operations[operations.count - 1].output
    probabilities = Layout(classes, rows: 0, columns: 0, offset: forward.tape)
    tapeFloats = probabilities.end
    tapeCodes = forward.code
    spreadFloats = forward.scratch
    laneSumFloats = forward.sums
    let back = AdjointPlaces(operations: operations, margins: forward.margins)
    adjoints = back.layouts
    adjointFloats = back.floats
    adjointsAreDistinct = !back.shares
    addsToSource = back.addsToSource
    addsToAddend = back.addsToAddend
    transposedFloats =
      operations.map { $0.sumsChannels ? forward.activations[$0.source].pack : 0 }.max() ?? 0
    roomFloats = operations.map(\.roomFloats).max() ?? 0
    widestInput = operations.map { $0.kind == .linear ? $0.input.count : 0 }.max() ?? 0
    normChannels = operations.map { $0.isNormalisation ? $0.full.channels : 0 }.max() ?? 0
  }

  /// Bytes of one chunk's activations.
  package var tapeBytes: Int { (tapeFloats * 4 + tapeCodes + 63) / 64 * 64 }
}
