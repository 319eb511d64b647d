// Ready nodes in order of urgency, kept by what they need so that finding one that fits never walks them all.

import HeapModule
import PipelineCore

/// Ready nodes, the most urgent first: the one with the longest way to the end of the graph, then plan order. A pilot of a
/// campaign begins at a place of its own within each stage, so that pilots take blocks of neighbours and seldom meet.
///
/// One heap a distinct need of memory and devices. Stages declare few different needs, so a look at the head of each heap costs next to
/// nothing, however many nodes don't fit.
struct ReadyQueue {
  private struct Entry: Comparable {
    var height: Int
    var turn: UInt32
    var id: NodeID
    /// The more urgent is the lesser.
    static func < (a: Entry, b: Entry) -> Bool {
      if a.height != b.height { return a.height > b.height }
      return a.turn != b.turn ? a.turn < b.turn : a.id < b.id
    }
  }

  private let heights: [Int]
  private let shares: [UInt32]
  private var start: UInt32
  private var heaps: [(needs: Resources, entries: Heap<Entry>)] = []
  private(set) var count = 0

  /// - Parameters:
  ///   - shares: By node, its place within its stage (`Plan.shares`); empty for plan order.
  ///   - start: The place at which equally urgent nodes begin; those before it come last.
  init(heights: [Int], shares: [UInt32] = [], start: UInt32 = 0) {
    self.heights = heights
    self.shares = shares
    self.start = start
  }

  /// A node's place among those that are equally urgent.
  private func turn(of id: NodeID) -> UInt32 { shares.isEmpty ? 0 : shares[id.index] &- start }

  /// Begins elsewhere: O(n).
  mutating func begin(at start: UInt32) {
    self.start = start
    for index in heaps.indices {
      heaps[index].entries = Heap(
        heaps[index].entries.unordered.map {
          Entry(height: $0.height, turn: turn(of: $0.id), id: $0.id)
        })
    }
  }

  mutating func removeAll() {
    heaps = []
    count = 0
  }

  mutating func push(_ id: NodeID, needs: Resources) {
    count += 1
    // Any number of cores will do.
    let needs = Resources(cores: 1, memory: needs.memory, counters: needs.counters)
    let entry = Entry(height: heights[id.index], turn: turn(of: id), id: id)
    if let heap = heaps.firstIndex(where: { $0.needs == needs }) {
      heaps[heap].entries.insert(entry)
    } else {
      heaps.append((needs, [entry]))
    }
  }

  /// Takes the most urgent node whose needs can be met.
  mutating func take(where fits: (Resources) -> Bool) -> NodeID? {
    var best: (heap: Int, entry: Entry)?
    for (heap, (needs, entries)) in heaps.enumerated() where fits(needs) {
      guard let first = entries.min else { continue }
      if let best, best.entry < first { continue }
      best = (heap, first)
    }
    guard let best else { return nil }
    heaps[best.heap].entries.removeMin()
    count -= 1
    return best.entry.id
  }
}

extension Plan {
  /// For each node, its place within its stage, as a share of 2³².
  func shares() -> [UInt32] {
    var shares = [UInt32](repeating: 0, count: nodes.count)
    for stage in stages {
      let step = (1 << 32) / max(1, stage.nodes.count)
      for (rank, index) in stage.nodes.enumerated() { shares[index] = UInt32(rank * step) }
    }
    return shares
  }

  /// For each node, the number of nodes on the longest way from it to the end of the graph: O(V + E).
  func heights() -> [Int] {
    var heights = [Int](repeating: 0, count: nodes.count)
    var joinHeights = [Int](repeating: 0, count: joins.count)
    // A join's height is complete once all its consumers have been passed, which all follow all its members.
    var joinsOf: [[Int]] = Array(repeating: [], count: nodes.count)
    for (index, join) in joins.enumerated() {
      for member in join.members { joinsOf[member.node.index].append(index) }
    }
    for index in nodes.indices.reversed() {
      for join in joinsOf[index] { heights[index] = max(heights[index], joinHeights[join]) }
      let height = heights[index] + 1
      for input in nodes[index].inputs {
        switch input.source {
        case .node(let node): heights[node.index] = max(heights[node.index], height)
        case .join(let join): joinHeights[join.index] = max(joinHeights[join.index], height)
        }
      }
    }
    return heights
  }
}

extension Scheduler {
  /// What a node may use of the machine.
  func needs(of id: NodeID) -> Resources {
    plan.stages[plan.nodes[id.index].stage].declaration.resources(plan.nodes[id.index].parameters)
  }
}
