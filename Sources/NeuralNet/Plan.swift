// How a net is computed: fused operations, and where each activation lies in memory.

import CKernels

/// Images that go through the net together: two groups of 16.
package let groupSize = Int(KERNEL_LANES)
package let chunkSize = 2 * groupSize

/// A parametrised layer with the ReLU and pooling that follow it.
package struct Operation: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case convolution(kernel: Int, stride: Int, padding: Int)
    case linear
  }
  package let kind: Kind
  package let input: Shape
  /// Shape before pooling.
  package let full: Shape
  package let weight: Int
  package let bias: Int
  package var relu = false
  package var pool = false
  /// Probability with which training zeroes an output.
  package var dropout: Float = 0

  package init(kind: Kind, input: Shape, full: Shape, weight: Int, bias: Int) {
    self.kind = kind
    self.input = input
    self.full = full
    self.weight = weight
    self.bias = bias
  }

  package var isConvolution: Bool { kind != .linear }
  package var stride: Int {
    guard case .convolution(_, let stride, _) = kind else { return 1 }
    return stride
  }
  package var output: Shape { pool ? Shape(full.channels, full.height / 2, full.width / 2) : full }
  package var parameterCount: Int { bias - weight + full.channels }
  package var weightCount: Int { bias - weight }
  /// Whether weight gradients are summed with vectors of input channels instead of images: lane sums would take
  /// sixteen times the weights' memory, too much where channels are many and pixels few.
  package var sumsChannels: Bool { isConvolution && input.channels % groupSize == 0 }
}

/// [channel][y][x][16] with zero pixels around each plane or row; strides in floats.
package struct Layout: Sendable, Hashable {
  package let shape: Shape
  package let row: Int
  package let channel: Int
  /// First true pixel.
  package let origin: Int
  /// Start of the first group's block, and the block's length.
  package let offset: Int
  package let group: Int

  package init(_ shape: Shape, rows halo: Int, columns: Int, offset: Int) {
    self.shape = shape
    row = (shape.width + 2 * columns) * groupSize
    channel = (shape.height + 2 * halo) * row
    origin = halo * row + columns * groupSize
    self.offset = offset
    group = shape.channels * channel
  }

  package var end: Int { offset + 2 * group }
}

/// Memory layouts of everything a chunk of images leaves behind; index 0 is the input, i + 1 operation i's output.
package struct Plan: Sendable {
  package let operations: [Operation]
  /// Layout 0 is alone in its own buffer; the others share the tape.
  package let activations: [Layout]
  /// Gradients of the loss by the activations.
  package let adjoints: [Layout]
  /// Offsets of pooling's branch codes.
  package let codes: [Int]
  package let probabilities: Layout
  /// Layouts of adjoints that are spread to full size or to rows with margins, for one group.
  package let unpooled: [Layout?]
  /// Offsets of each convolution's weight sums, in floats; the biases' lane sums follow them.
  package let laneSums: [Int]
  package let tapeFloats: Int
  package let tapeCodes: Int
  package let adjointFloats: Int
  package let unpooledFloats: Int
  package let laneSumFloats: Int
  package let widestInput: Int
  /// Floats of the largest convolution input with its channels innermost.
  package let transposedFloats: Int

  package init(input: Shape, operations: [Operation]) {
    func padding(_ index: Int) -> Int {
      guard index < operations.count, case .convolution(_, _, let padding) = operations[index].kind
      else { return 0 }
      return padding
    }
    self.operations = operations
    var activations = [Layout(input, rows: padding(0), columns: padding(0), offset: 0)]
    var adjoints = [Layout(Shape(0), rows: 0, columns: 0, offset: 0)]
    var codes = [0]
    var unpooled: [Layout?] = []
    var laneSums: [Int] = []
    var tape = 0
    var code = 0
    var adjoint = 0
    var scratch = 0
    var sums = 0
    for (index, operation) in operations.enumerated() {
      let halo = padding(index + 1)
      let activation = Layout(operation.output, rows: halo, columns: halo, offset: tape)
      activations.append(activation)
      tape = activation.end
      // The kernel that goes back through a convolution reads three zero pixels beyond each end of a row.
      // A linear layer writes without them: its adjoint is spread like a pooled one.
      let flat = index + 1 < operations.count && operations[index + 1].kind == .linear
      let margin = operation.isConvolution && !operation.pool && !flat && index > 0 ? 3 : 0
      adjoints.append(Layout(operation.output, rows: 0, columns: margin, offset: adjoint))
      adjoint = adjoints[index + 1].end
      codes.append(code)
      if operation.pool { code += 2 * operation.output.count * groupSize }
      if operation.pool || (operation.isConvolution && flat && index > 0) {
        // Nothing goes back beyond the first layer, so its gradients are spread two rows at a time.
        let spread =
          index == 0 ? Shape(operation.full.channels, 2, operation.full.width) : operation.full
        unpooled.append(Layout(spread, rows: 0, columns: 3, offset: scratch))
        // One for the adjoint, one for its change.
        scratch += 2 * Layout(spread, rows: 0, columns: 3, offset: 0).group
      } else {
        unpooled.append(nil)
      }
      laneSums.append(sums)
      if operation.isConvolution {
        sums += operation.weightCount * (operation.sumsChannels ? 1 : groupSize)
        sums += operation.full.channels * groupSize
      }
    }
    let classes = operations[operations.count - 1].output
    probabilities = Layout(classes, rows: 0, columns: 0, offset: tape)
    tapeFloats = probabilities.end
    tapeCodes = code
    adjointFloats = adjoint
    unpooledFloats = scratch
    laneSumFloats = sums
    transposedFloats =
      zip(operations, activations).map { $0.sumsChannels ? $1.group : 0 }.max() ?? 0
    widestInput = operations.map { $0.kind == .linear ? $0.input.count : 0 }.max() ?? 0
    self.activations = activations
    self.adjoints = adjoints
    self.codes = codes
    self.unpooled = unpooled
    self.laneSums = laneSums
  }

  /// Bytes of one chunk's activations.
  package var tapeBytes: Int { (tapeFloats * 4 + tapeCodes + 63) / 64 * 64 }
}
