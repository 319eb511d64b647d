// Ready nodes in order of urgency, kept by memory need so that finding one that fits never walks them all.

import PipelineCore

/// Ready nodes, the most urgent first: the one with the longest way to the end of the graph, then plan order.
///
/// One heap a distinct memory need. Stages declare few different needs, so a look at the head of each heap
/// costs next to nothing, however many nodes don't fit.
struct ReadyQueue {
  private let heights: [Int]
  private var heaps: [(memory: Int, nodes: [NodeID])] = []
  private(set) var count = 0

  init(heights: [Int]) { self.heights = heights }

  private func precedes(_ a: NodeID, _ b: NodeID) -> Bool {
    heights[a.index] != heights[b.index] ? heights[a.index] > heights[b.index] : a.index < b.index
  }

  mutating func push(_ id: NodeID, memory: Int) {
    count += 1
    let heap: Int
    if let known = heaps.firstIndex(where: { $0.memory == memory }) {
      heap = known
    } else {
      heap = heaps.count
      heaps.append((memory, []))
    }
    heaps[heap].nodes.append(id)
    var child = heaps[heap].nodes.count - 1
    while child > 0, precedes(heaps[heap].nodes[child], heaps[heap].nodes[(child - 1) / 2]) {
      heaps[heap].nodes.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Takes the most urgent node that needs at most some memory.
  mutating func take(memoryUpTo limit: Int) -> NodeID? {
    var best: (heap: Int, id: NodeID)?
    for (heap, (memory, nodes)) in heaps.enumerated() where memory <= limit {
      guard let first = nodes.first else { continue }
      if let known = best, precedes(known.id, first) { continue }
      best = (heap, first)
    }
    guard let best else { return nil }
    removeFirst(of: best.heap)
    count -= 1
    return best.id
  }

  private mutating func removeFirst(of heap: Int) {
    let last = heaps[heap].nodes.removeLast()
    let count = heaps[heap].nodes.count
    guard count > 0 else { return }
    heaps[heap].nodes[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < count && precedes(heaps[heap].nodes[child], heaps[heap].nodes[least]) {
        least = child
      }
      if least == parent { return }
      heaps[heap].nodes.swapAt(parent, least)
      parent = least
    }
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
