// What a plan finds in the cache, without running or writing anything: the answer of plan, status and path.

import PipelineCore

/// The state of each node as the cache stands now.
public struct Resolution: Sendable {
  /// How a node stands.
  public enum Standing: Sendable, Hashable {
    /// Its artifact is there.
    case fresh(Artifact)
    /// It has to run.
    case stale
    /// An input has to run first; whether it runs then depends on the content of that input.
    case waiting
    /// A process is at work on it now.
    case running(host: String, process: Int32)
    /// The last attempt at the same key failed.
    case failed(String)
  }

  /// By node.
  public let standings: [Standing]
  /// Plan keys.
  public let keys: PlanKeys

  /// Looks a plan up in a cache.
  public init(plan: Plan, keys: PlanKeys, cache: CacheStore) {
    self.keys = keys
    let owners = LeaseKeeper.owners(in: cache)
    var standings: [Standing] = []
    standings.reserveCapacity(plan.nodes.count)
    var artifacts = [Artifact?](repeating: nil, count: plan.nodes.count)
    var joins = [Digest?](repeating: nil, count: plan.joins.count)
    func content(_ source: InputSource) -> Digest? {
      switch source {
      case .node(let node): return artifacts[node.index]?.content
      case .join(let join):
        if let known = joins[join.index] { return known }
        let members = plan.joins[join.index].members
        guard members.allSatisfy({ artifacts[$0.node.index] != nil }) else { return nil }
        var manifest = HashingManifest(kind: "join")
        plan.describe(join, to: &manifest) { artifacts[$0.index]!.content }
        joins[join.index] = manifest.finish()
        return joins[join.index]
      }
    }
    for id in plan.ids {
      var artifact = cache.artifact(plan: keys[id])
      var action: Digest?
      if artifact == nil, plan[id].inputs.allSatisfy({ content($0.source) != nil }) {
        var manifest = HashingManifest(kind: "action")
        plan.describe(id, to: &manifest) { content($0)! }
        let key = manifest.finish()
        action = key
        artifact = cache.artifact(action: key)
      }
      artifacts[id.index] = artifact
      if let artifact {
        standings.append(.fresh(artifact))
      } else if let owner = action.flatMap({ owners[$0] }) {
        standings.append(.running(host: owner.host, process: owner.process))
      } else if let message = cache.failure(keys[id]) {
        standings.append(.failed(message))
      } else {
        standings.append(action == nil ? .waiting : .stale)
      }
    }
    self.standings = standings
  }

  /// The artifact of a node that is up to date.
  public func artifact(_ id: NodeID) -> Artifact? {
    if case .fresh(let artifact) = standings[id.index] { return artifact }
    return nil
  }
}
