// For each input of a stage, tables from a node's axis values to the nodes that it takes.

import PipelineCore

/// The source of a slot that takes one, as an offset among the points of its stage: a sum over the consumer's axes.
struct OneTable {
  private var base = 0
  /// By the consumer's axis, then by its position.
  private var offsets: [[Int]]

  init(_ source: BoundSource, consumer sizes: [Int], _ axes: [[Int]], _ scope: Scope) {
    offsets = sizes.map { [Int](repeating: 0, count: $0) }
    var stride = 1
    for (axis, choice) in zip(axes[source.stage], source.choices).reversed() {
      switch choice {
      case .shared(let own):
        for position in offsets[own].indices { offsets[own][position] += position * stride }
      case .fixed(let position): base += position * stride
      case .mapped(let own, let positions):
        for (position, mapped) in positions.enumerated() { offsets[own][position] += mapped * stride }
      case .all: preconditionFailure("a slot of one artifact takes a whole axis")
      }
      stride *= scope.axes[axis].values.count
    }
  }

  subscript(digits: [Int]) -> Int {
    var offset = base
    for (own, position) in digits.enumerated() { offset += offsets[own][position] }
    return offset
  }
}

/// Some nodes of one stage, under one label.
struct Selection {
  var label: String
  var stage: Int
  /// The sizes of the stage's axes.
  var sizes: [Int]
  /// A position on each axis; nil for all.
  var fixed: [Int?]

  /// The positions among the nodes of the stage, ascending; `points` are those that have a node, nil for all.
  func ranks(among points: Points?) -> [Int] {
    let free = zip(sizes, fixed).map { $1 == nil ? $0 : 1 }
    let count = Expansion.product(free)
    // Of many points with few nodes, the nodes are looked through instead.
    if let points, points.offsets.count < count {
      return points.offsets.enumerated().filter { selects(offset: $1) }.map(\.offset)
    }
    var ranks: [Int] = []
    ranks.reserveCapacity(count)
    var digits = [Int](repeating: 0, count: sizes.count)
    for _ in 0..<count {
      var offset = 0
      for axis in sizes.indices { offset = offset * sizes[axis] + (fixed[axis] ?? digits[axis]) }
      if let points {
        if let rank = points.rank(of: offset) { ranks.append(rank) }
      } else {
        ranks.append(offset)
      }
      Odometer.advance(&digits, free)
    }
    return ranks
  }

  private func selects(offset: Int) -> Bool {
    var rest = offset
    for axis in sizes.indices.reversed() {
      if let position = fixed[axis], position != rest % sizes[axis] { return false }
      rest /= sizes[axis]
    }
    return true
  }
}

/// Which of the consumer's axes a join depends on, and what it selects.
struct JoinShape {
  private let sources: [BoundSource]
  private let sizes: [[Int]]
  /// The stride of each of the consumer's axes among the joins; 0 for an axis that makes no difference.
  private let strides: [Int]
  /// How many joins there may be.
  let count: Int

  init(_ input: BoundInput, consumer: [Int], _ axes: [[Int]], _ scope: Scope) {
    // The order of labels in the file means nothing, so it must not reach any key.
    sources = input.sources.sorted { ($0.label, $0.stage) < ($1.label, $1.stage) }
    let sizes = sources.map { axes[$0.stage].map { scope.axes[$0].values.count } }
    var matters = [Bool](repeating: false, count: consumer.count)
    for source in sources {
      for choice in source.choices {
        switch choice {
        case .shared(let own), .mapped(let own, _): matters[own] = true
        case .fixed, .all: break
        }
      }
    }
    var strides = [Int](repeating: 0, count: consumer.count)
    var count = 1
    for own in consumer.indices.reversed() where matters[own] {
      strides[own] = count
      count = Expansion.product([count, consumer[own]])
    }
    self.sizes = sizes
    self.strides = strides
    self.count = count
  }

  /// How many members each source has at most in one join; `count` gives the nodes of a stage.
  func membersOfOne(_ count: (Int) -> Int) -> [Int] {
    zip(sources, sizes).map { source, sizes in
      let selected = Expansion.product(
        zip(source.choices, sizes).map { if case .all = $0.0 { $0.1 } else { 1 } })
      return min(selected, count(source.stage))
    }
  }

  /// The position of a node's join among the joins of the input.
  func position(_ digits: [Int]) -> Int {
    var position = 0
    for (digit, stride) in zip(digits, strides) { position += digit * stride }
    return position
  }

  /// What the join of a node selects.
  func members(at digits: [Int]) -> [Selection] {
    zip(sources, sizes).map { source, sizes in
      let fixed = source.choices.map { choice -> Int? in
        switch choice {
        case .shared(let own): digits[own]
        case .fixed(let position): position
        case .mapped(let own, let positions): positions[digits[own]]
        case .all: nil
        }
      }
      return Selection(label: source.label, stage: source.stage, sizes: sizes, fixed: fixed)
    }
  }
}

/// The joins of one input, by the consumer's axes that make a difference.
struct JoinTable {
  let shape: JoinShape
  /// By the position of a join among those of the input.
  var joins: [Int: JoinID] = [:]

  init(_ input: BoundInput, consumer: [Int], _ axes: [[Int]], _ scope: Scope) {
    shape = JoinShape(input, consumer: consumer, axes, scope)
  }
}
