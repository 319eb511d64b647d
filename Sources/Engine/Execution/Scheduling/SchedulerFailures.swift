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

  /// A running node is to run once more.
  mutating func restart(_ id: NodeID) { want(startOver(id)) }

  /// Another process has made what failed here: looks once more at all that is wanted. Nothing may be running.
  mutating func forgive(_ made: [NodeID], _ wanted: [NodeID]) {
    for id in made { states[id.index] = .idle }
    for index in states.indices {
      switch states[index] {
      case .done, .failed, .idle: continue
      case .running: preconditionFailure("a node is running")
      case .blocked: break
      case .waiting, .ready, .following: unfinished -= 1
      }
      states[index] = .idle
    }
    // No node waits any more, so none may be registered.
    consumers = Array(repeating: [], count: consumers.count)
    waitingJoins = Array(repeating: [], count: waitingJoins.count)
    joins = Array(repeating: JoinState(), count: joins.count)
    makers = [:]
    followers = [:]
    clearReady()
    want(wanted)
  }

  /// A task found the artifact of an input missing or damaged: that node runs again, then this one.
  mutating func heal(_ id: NodeID, damaged: NodeID) {
    if states[damaged.index] == .done, let artifact = artifacts[damaged.index] {
      // Another process may have healed it by now.
      if !cache.isWhole(artifact) { cache.forget(artifact) }
      undo([damaged])
    }
    want([damaged] + startOver(id))
  }

  /// Makes done nodes idle, as if they had never been looked at.
  private mutating func undo(_ ids: [NodeID]) {
    if ids.isEmpty { return }
    for id in ids {
      unlearn(id)
      artifacts[id.index] = nil
      endings[id.index] = nil
      states[id.index] = .idle
    }
    let undone = Set(ids)
    resolver.forget(undone)
    for (index, join) in plan.joins.enumerated() where joins[index].wanted {
      for member in join.members where undone.contains(member.node) {
        joins[index].pending += 1
        waitingJoins[member.node.index].append(JoinID(index))
      }
    }
  }

  /// Wants nodes once more that were found done and whose artifacts have gone since, as they may where a collection comes
  /// between the look and the note of what was found.
  ///
  /// - Returns: Whether there are any.
  mutating func wantLost(among ids: [NodeID]) -> Bool {
    let lost = ids.filter { id in
      guard states[id.index] == .done, endings[id.index] != .ran, let artifact = artifacts[id.index] else {
        return false
      }
      return !cache.holds(artifact)
    }
    undo(lost)
    want(lost)
    return !lost.isEmpty
  }

  /// Nodes stand on one that has other content under the same key by now. What has not started derives its key anew before
  /// it does; what is done, or runs, is looked at once more when nothing is left to do.
  ///
  /// - Parameter sparingResults: Whether results that were made of the former content stay.
  mutating func outdate(_ ids: [NodeID], sparingResults: Bool) {
    var counted: [NodeID] = []
    for id in ids {
      switch states[id.index] {
      case .ready: outdated.insert(id)
      case .following, .running, .done: if !sparingResults { counted.append(id) }
      case .idle, .waiting, .failed, .blocked: break
      }
    }
    if counted.isEmpty { return }
    // What waits for one of these will be made of what it has now.
    let reached = plan.downstream(of: counted)
    tainted = tainted.isEmpty ? reached : zip(tainted, reached).map { $0 || $1 }
  }

  /// Whether a node counts, or will count, on a content that an input of it no longer has.
  func isTainted(_ id: NodeID) -> Bool { !tainted.isEmpty && tainted[id.index] }

  /// Lets no plan key stand for what counts on former contents.
  mutating func dropTainted() {
    for id in plan.ids where isTainted(id) && states[id.index] == .done {
      cache.dropPlan(resolver.planKeys[id])
    }
    tainted = []
  }

  /// Wants nodes once more that have counted on contents which inputs of theirs no longer have.
  ///
  /// - Returns: Whether there are any.
  mutating func wantOutdated() -> Bool {
    let ids = plan.ids.filter { isTainted($0) && states[$0.index] == .done }
    dropTainted()
    outdated = []
    undo(ids)
    want(ids)
    return !ids.isEmpty
  }

  /// Makes a node and those with the same key idle again; returns them.
  mutating func startOver(_ id: NodeID) -> [NodeID] {
    makers[actionKey(of: id)] = nil
    let all = [id] + (followers.removeValue(forKey: actionKey(of: id)) ?? [])
    for each in all {
      unfinished -= 1
      states[each.index] = .idle
    }
    return all
  }

  func isDoomed(_ source: InputSource) -> Bool {
    switch source {
    case .node(let node): states[node.index] == .failed || states[node.index] == .blocked
    case .join(let join): joins[join.index].doomed
    }
  }
}
