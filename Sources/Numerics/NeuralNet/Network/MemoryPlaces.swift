// How a memory plan finds its places: activations on the way forward, adjoints on the way back.

/// Gives activations, branch codes and sums their places, in the order of the operations.
struct ActivationPlaces {
  private let operations: [Operation]
  private(set) var activations: [Layout]
  private(set) var codes = [0]
  private(set) var spread: [Layout?] = []
  private(set) var laneSums: [Int] = []
  /// Zero pixels at both ends of each row of an activation's adjoint.
  private(set) var margins = [0]
  /// Floats of the activations, bytes of the codes, floats of what is spread and of the sums so far.
  private(set) var (tape, code, scratch, sums) = (0, 0, 0, 0)

  init(input: Shape, operations: [Operation]) {
    self.operations = operations
    activations = []
    let halo = halo(0)
    activations.append(Layout(input, rows: halo, columns: halo, offset: 0))
    for index in operations.indices { place(index) }
  }

  private func consumers(_ activation: Int) -> [Operation] {
    operations.filter { $0.source == activation }
  }

  /// Zero pixels around an activation: the most that a convolution which reads it wants.
  private func halo(_ activation: Int) -> Int { consumers(activation).map(\.padding).max() ?? 0 }

  private mutating func place(_ index: Int) {
    let operation = operations[index]
    let halo = halo(index + 1)
    let activation = Layout(operation.output, rows: halo, columns: halo, offset: tape)
    activations.append(activation)
    tape = activation.end
    codes.append(code)
    if operation.pool { code += 2 * operation.output.count * laneCount }
    // The kernel that goes back through a convolution reads three zero pixels beyond each end of a row.
    // A linear layer writes without them, so its adjoint is spread. A pooled one is read without.
    let flat = consumers(index + 1).contains { $0.kind == .linear }
    let goesBack = operation.isConvolution && operation.source > 0
    margins.append(goesBack && !operation.pool && !flat ? 3 : 0)
    spread.append(goesBack && !operation.pool && flat ? spreadLayout(operation) : nil)
    laneSums.append(sums)
    sums += operation.sums
  }

  /// Where an operation's adjoint is spread to rows with margins.
  private mutating func spreadLayout(_ operation: Operation) -> Layout {
    let layout = Layout(operation.full, rows: 0, columns: 3, offset: scratch)
    // One for the adjoint, one for its change.
    scratch += 2 * layout.pack
    return layout
  }
}

/// Gives adjoints their places by going through the backward pass.
struct AdjointPlaces {
  private let operations: [Operation]
  private let margins: [Int]
  private(set) var layouts: [Layout] = []
  private(set) var addsToSource: [Bool] = []
  private(set) var addsToAddend: [Bool] = []
  private(set) var floats = 0
  /// Whether two adjoints share a place.
  private(set) var shares = false
  /// Offsets of blocks that are no longer needed, by their layout at offset 0.
  private var free: [Layout: [Int]] = [:]
  private var written: [Bool] = []

  init(operations: [Operation], margins: [Int]) {
    self.operations = operations
    self.margins = margins
    assign()
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
      floats += 2 * blank.pack
    }
    layouts[index] = Layout(blank.shape, rows: 0, columns: margins[index], offset: offset)
    return false
  }

  private mutating func assign() {
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
