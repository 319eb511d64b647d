// Where each activation of a net lies in memory.

import CKernels

/// Images that go through the net together: two groups of 16.
package let groupSize = Int(KERNEL_LANES)
package let chunkSize = 2 * groupSize

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

  /// The pixel where the window of a convolution with that padding first begins.
  package func start(padding: Int) -> Int { origin - padding * (row + groupSize) }

  package var end: Int { offset + 2 * group }
}

/// Memory layouts of everything a chunk of images leaves behind; index 0 is the input, i + 1 operation i's output.
package struct Plan: Sendable {
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
  /// Layouts of adjoints that are spread to full size or to rows with margins, for one group.
  package let unpooled: [Layout?]
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
  package let unpooledFloats: Int
  package let laneSumFloats: Int
  package let widestInput: Int
  /// Floats of the largest convolution input with its channels innermost.
  package let transposedFloats: Int
  /// Most channels of a batch normalisation.
  package let normChannels: Int

  package init(input: Shape, operations: [Operation]) {
    self.operations = operations
    func consumers(_ index: Int) -> [Operation] { operations.filter { $0.source == index } }
    func halo(_ index: Int) -> Int { consumers(index).map(\.padding).max() ?? 0 }
    var activations = [Layout(input, rows: halo(0), columns: halo(0), offset: 0)]
    var codes = [0]
    var unpooled: [Layout?] = []
    var laneSums: [Int] = []
    var margins = [0]
    var tape = 0
    var code = 0
    var scratch = 0
    var sums = 0
    for (index, operation) in operations.enumerated() {
      let rows = halo(index + 1)
      activations.append(Layout(operation.output, rows: rows, columns: rows, offset: tape))
      tape = activations[index + 1].end
      codes.append(code)
      if operation.pool { code += 2 * operation.output.count * groupSize }
      // The kernel that goes back through a convolution reads three zero pixels beyond each end of a row.
      // A linear layer writes without them: its adjoint is spread like a pooled one.
      let flat = consumers(index + 1).contains { $0.kind == .linear }
      let goesBack = operation.isConvolution && operation.source > 0
      margins.append(goesBack && !operation.pool && !flat ? 3 : 0)
      if operation.pool || (goesBack && flat) {
        // Nothing goes back beyond the first layer, so its gradients are spread two rows at a time.
        let spread =
          operation.source == 0 ? Shape(operation.full.channels, 2, operation.full.width) : operation.full
        unpooled.append(Layout(spread, rows: 0, columns: 3, offset: scratch))
        // One for the adjoint, one for its change.
        scratch += 2 * Layout(spread, rows: 0, columns: 3, offset: 0).group
      } else {
        unpooled.append(nil)
      }
      laneSums.append(sums)
      sums += operation.sums
    }
    var places = AdjointPlaces(operations: operations, margins: margins)
    places.assign()
    adjoints = places.layouts
    adjointFloats = places.floats
    adjointsAreDistinct = !places.shares
    addsToSource = places.addsToSource
    addsToAddend = places.addsToAddend
    let classes = operations[operations.count - 1].output
    probabilities = Layout(classes, rows: 0, columns: 0, offset: tape)
    tapeFloats = probabilities.end
    tapeCodes = code
    unpooledFloats = scratch
    laneSumFloats = sums
    transposedFloats = operations.map { $0.sumsChannels ? activations[$0.source].group : 0 }.max() ?? 0
    widestInput = operations.map { $0.kind == .linear ? $0.input.count : 0 }.max() ?? 0
    normChannels = operations.map { $0.isNormalisation ? $0.full.channels : 0 }.max() ?? 0
    self.activations = activations
    self.codes = codes
    self.unpooled = unpooled
    self.laneSums = laneSums
  }

  /// Bytes of one chunk's activations.
  package var tapeBytes: Int { (tapeFloats * 4 + tapeCodes + 63) / 64 * 64 }
}

/// Gives adjoints their places by going through the backward pass.
private struct AdjointPlaces {
  let operations: [Operation]
  let margins: [Int]
  var layouts: [Layout] = []
  var addsToSource: [Bool] = []
  var addsToAddend: [Bool] = []
  var floats = 0
  /// Whether two adjoints share a place.
  var shares = false
  /// Offsets of blocks that are no longer needed, by their layout at offset 0.
  private var free: [Layout: [Int]] = [:]
  private var written: [Bool] = []

  init(operations: [Operation], margins: [Int]) {
    self.operations = operations
    self.margins = margins
  }

  private func blank(_ index: Int) -> Layout {
    Layout(operations[index - 1].output, rows: 0, columns: margins[index], offset: 0)
  }

  /// Returns whether the adjoint had been written before.
  private mutating func write(_ index: Int) -> Bool {
    if index == 0 || written[index] { return index > 0 }
    written[index] = true
    let blank = blank(index)
    var offset = floats
    if let reused = free[blank]?.popLast() {
      offset = reused
      shares = true
    } else {
      floats += 2 * blank.group
    }
    layouts[index] = Layout(blank.shape, rows: 0, columns: margins[index], offset: offset)
    return false
  }

  mutating func assign() {
    let nothing = Layout(Shape(0), rows: 0, columns: 0, offset: 0)
    layouts = Array(repeating: nothing, count: operations.count + 1)
    written = Array(repeating: false, count: operations.count + 1)
    addsToSource = Array(repeating: false, count: operations.count)
    addsToAddend = addsToSource
    _ = write(operations.count)
    for (index, operation) in operations.enumerated().reversed() {
      if let addend = operation.addend { addsToAddend[index] = write(addend) }
      addsToSource[index] = write(operation.source)
      free[blank(index + 1), default: []].append(layouts[index + 1].offset)
    }
  }
}
