// What a run would do with each node, found without running or writing anything: the answer of plan, status and path.

import PipelineCore

/// What a run would do, as the cache stands now.
///
/// It is what the scheduler of a run decides before the first node has run, and nothing else: so `plan` can't promise
/// what `run` does not keep.
public struct Resolution: Sendable {
  /// What a run would do with a node.
  public enum Decision: Sendable, Hashable {
    /// Nothing: its plan key has an artifact.
    case fresh(Artifact)
    /// Nothing but to note it: its inputs have the contents of an earlier result.
    case unchanged(Artifact)
    /// It runs it.
    case runs
    /// It does just the same as another node that runs, and so is done when that one is.
    case follows(NodeID)
    /// An input runs first; whether it runs then depends on the content of that input.
    case waits
    /// Nothing: no node that was asked for needs it.
    case ignores
  }

  /// How a node stands.
  public enum Standing: Sendable, Hashable {
    /// Its artifact is there.
    case fresh(Artifact)
    /// It is not up to date.
    case stale
    /// A process is at work on it now.
    case running(host: String, process: Int32)
    /// The last attempt at the same key failed.
    case failed(String)
  }

  /// By node.
  public let decisions: [Decision]
  /// Plan keys.
  public let keys: PlanKeys
  private let cache: CacheStore
  /// The action keys of the nodes that a run would start.
  private let actionKeys: [NodeID: Digest]

  /// Looks nodes up in a cache, and whatever they need.
  ///
  /// - Parameters:
  ///   - wanted: The nodes that are asked for; nil for all.
  ///   - forced: Those among them that are to be made whatever there is.
  public init(
    plan: Plan, keys: PlanKeys, cache: CacheStore, wanted: [NodeID]? = nil, forced: [NodeID] = []
  ) {
    self.keys = keys
    self.cache = cache
    var scheduler = Scheduler(plan: plan, keys: keys, cache: cache)
    scheduler.force(forced)
    scheduler.want(wanted ?? Array(plan.ids))
    var actionKeys: [NodeID: Digest] = [:]
    decisions = plan.ids.map { id in
      switch scheduler.states[id.index] {
      case .done:
        let artifact = scheduler.artifacts[id.index]!
        return scheduler.endings[id.index] == .fresh ? .fresh(artifact) : .unchanged(artifact)
      case .ready:
        actionKeys[id] = scheduler.actionKey(of: id)
        return .runs
      case .following: return .follows(scheduler.makers[scheduler.actionKey(of: id)]!)
      case .waiting: return .waits
      case .idle: return .ignores
      case .running, .failed, .blocked: preconditionFailure("nothing has run")
      }
    }
    self.actionKeys = actionKeys
  }

  /// The artifact of a node that is up to date.
  public func artifact(_ id: NodeID) -> Artifact? {
    switch decisions[id.index] {
    case .fresh(let artifact), .unchanged(let artifact): artifact
    case .runs, .follows, .waits, .ignores: nil
    }
  }

  /// The action key of a node, as far as the contents of its inputs are known.
  public func actionKey(_ id: NodeID) -> Digest? {
    if case .follows(let other) = decisions[id.index] { return actionKey(other) }
    return artifact(id)?.action ?? actionKeys[id]
  }

  /// How each node stands, with what other processes do at this moment and what failed before.
  public func standings() -> [Standing] {
    let owners = LeaseKeeper.owners(in: cache)
    return decisions.indices.map { index in
      let id = NodeID(index)
      if let artifact = artifact(id) { return .fresh(artifact) }
      if let owner = actionKeys[id].flatMap({ owners[$0] }) {
        return .running(host: owner.host, process: owner.process)
      }
      return cache.failure(keys[id]).map { .failed($0) } ?? .stale
    }
  }
}
