// Which nodes failed when they last ran, by the records of runs.

import PipelineCore

extension RunHistory {
  /// Of some nodes those whose last recorded attempt has failed, whatever their parameters were then.
  ///
  /// - Parameters:
  ///   - plan: Their plan; only runs of the same file count.
  ///   - nodes: Where to look: runs are read, the latest first, until the last attempts of all are known.
  public func lastFailed(of plan: Plan, among nodes: [NodeID]) -> Set<NodeID> {
    var open = Dictionary(nodes.map { (plan[$0].name, $0) }) { first, _ in first }
    var failed: Set<NodeID> = []
    for id in ids(of: plan) {
      if open.isEmpty { break }
      guard let run = self.run(id) else { continue }
      for attempt in run.nodes.reversed() {
        guard let node = open.removeValue(forKey: attempt.node) else { continue }
        if attempt.failure != nil { failed.insert(node) }
      }
    }
    return failed
  }
}
