// Ready nodes in order of urgency, kept by what they need so that finding one that fits never walks them all.

import HeapModule
import PipelineCore

/// Ready nodes, the most urgent first: the one with the longest way to the end of the graph, then plan order, or for a pilot
/// of a campaign an order of its own, so that pilots do not meet at the same node.
///
/// One heap a distinct need of memory and devices. Stages declare few different needs, so a look at the head of each heap costs next to
/// nothing, however many nodes don't fit.
struct ReadyQueue {
  private struct Entry: Comparable {
    var height: Int
    var turn: UInt64
    var id: NodeID
    /// The more urgent is the lesser.
    static func < (a: Entry, b: Entry) -> Bool {
      if a.height != b.height { return a.height > b.height }
      return a.turn != b.turn ? a.turn < b.turn : a.id < b.id
    }
  }

  private let heights: [Int]
  private let seed: UInt64?
  private var heaps: [(needs: Resources, entries: Heap<Entry>)] = []
  private(set) var count = 0

  /// - Parameter seed: Decides the order of nodes that are equally urgent; nil for plan order.
  init(heights: [Int], seed: UInt64? = nil) {
    self.heights = heights
    self.seed = seed
  }

  /// A node's place among those that are equally urgent (the mix of SplitMix64; Steele, Lea, Flood 2014).
  private func turn(of id: NodeID) -> UInt64 {
    guard let seed else { return 0 }
    var z = seed &+ UInt64(id.index) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
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
