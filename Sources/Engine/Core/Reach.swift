// What stands on some nodes of a plan, and what they stand on.

extension Plan {
  /// For each node, whether it is one of some or has one of them among its inputs, directly or not. O(V + E).
  public func downstream(of nodes: some Sequence<NodeID>) -> [Bool] {
    var reached = marks(of: nodes)
    // A join is looked at once, when the first of its consumers is: all members come before.
    var joinReached = [Bool?](repeating: nil, count: joins.count)
    for index in self.nodes.indices where !reached[index] {
      reached[index] = self.nodes[index].inputs.contains { input in
        switch input.source {
        case .node(let source): return reached[source.index]
        case .join(let join):
          if let known = joinReached[join.index] { return known }
          let isReached = joins[join.index].members.contains { reached[$0.node.index] }
          joinReached[join.index] = isReached
          return isReached
        }
      }
    }
    return reached
  }

  /// For each node, whether it is one of some or an input of one of them, directly or not. O(V + E).
  public func upstream(of nodes: some Sequence<NodeID>) -> [Bool] {
    var reached = marks(of: nodes)
    var joinReached = [Bool](repeating: false, count: joins.count)
    for index in self.nodes.indices.reversed() where reached[index] {
      for input in self.nodes[index].inputs {
        switch input.source {
        case .node(let source): reached[source.index] = true
        case .join(let join):
          if joinReached[join.index] { continue }
          joinReached[join.index] = true
          for member in joins[join.index].members { reached[member.node.index] = true }
        }
      }
    }
    return reached
  }

  private func marks(of nodes: some Sequence<NodeID>) -> [Bool] {
    var marks = [Bool](repeating: false, count: self.nodes.count)
    for id in nodes { marks[id.index] = true }
    return marks
  }
}
