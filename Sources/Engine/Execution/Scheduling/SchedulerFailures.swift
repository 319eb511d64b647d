// What a failed node or a damaged artifact means for the rest of a run.

import PipelineCore

extension Scheduler {
  /// A node has failed: all that depend on it are blocked, and so are those that would do exactly the same.
  mutating func fail(_ id: NodeID) {
    makers[actionKey(of: id)] = nil
    states[id.index] = .failed
    unfinished -= 1
    spreadDoom(of: id)
    block(followers.removeValue(forKey: actionKey(of: id)) ?? [])
  }

  mutating func block(_ ids: [NodeID]) {
    for id in ids {
      switch states[id.index] {
      case .done, .failed, .blocked: continue
      default: break
      }
      states[id.index] = .blocked
      unfinished -= 1
      spreadDoom(of: id)
    }
  }

  private mutating func spreadDoom(of id: NodeID) {
    var worklist = [id]
    while let doomed = worklist.popLast() {
      var reached = consumers[doomed.index]
      for join in waitingJoins[doomed.index] {
        joins[join.index].doomed = true
        reached += joins[join.index].consumers
        joins[join.index].consumers = []
      }
      for consumer in reached {
        guard case .waiting = states[consumer.index] else { continue }
        states[consumer.index] = .blocked
        unfinished -= 1
        worklist.append(consumer)
      }
    }
  }

  /// A task found the artifact of an input missing or damaged: that node runs again, then this one.
  mutating func heal(_ id: NodeID, damaged: NodeID) {
    if states[damaged.index] == .done, let artifact = artifacts[damaged.index] {
      // Another process may have healed it by now.
      if !cache.isWhole(artifact) { cache.forget(artifact) }
      artifacts[damaged.index] = nil
      resolver.forget(damaged)
      endings[damaged.index] = nil
      states[damaged.index] = .idle
      for (index, join) in plan.joins.enumerated() where joins[index].wanted {
        for member in join.members where member.node == damaged {
          joins[index].pending += 1
          waitingJoins[damaged.index].append(JoinID(index))
        }
      }
    }
    want([damaged] + startOver(id))
  }
}
