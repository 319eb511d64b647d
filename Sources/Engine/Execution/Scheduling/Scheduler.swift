// The state of a run as a plain struct: which nodes are wanted, waiting, ready, running and done.

import PipelineCore

/// Decides what to run. It reads and writes records in the cache, but starts nothing and waits for nothing.
///
/// A wanted node whose plan key has an artifact is done, and nothing upstream of it is even looked at.
/// Otherwise its inputs are wanted; once their contents are known, its action key may still have an artifact
/// (early cutoff), and only if not it is ready to run.
///
/// What holds between two calls: a node in `waiting(n)` is registered n times as a consumer of nodes and
/// joins that are not done; no other node is registered anywhere. A done node may become idle again (`heal`);
/// nodes that had counted it as done are not told, but look once more at all their inputs before they use
/// them.
struct Scheduler {
  enum State: Equatable {
    case idle
    case waiting(pending: Int)
    case ready
    case running
    /// The same action key is being made by another node of this run, or by another process.
    case following
    case done
    case failed
    case blocked
  }

  /// How a done node came to be done.
  enum Ending {
    case fresh
    case cutOff
    case ran
  }

  struct JoinState {
    var wanted = false
    var pending = 0
    var consumers: [NodeID] = []
    /// A member has failed or is blocked.
    var doomed = false
  }

  let plan: Plan
  let cache: CacheStore
  /// Knows the content of each done node.
  var resolver: KeyResolver
  var states: [State]
  var endings: [Ending?]
  var artifacts: [Artifact?]
  private var actionKeys: [Digest?]
  var consumers: [[NodeID]]
  var waitingJoins: [[JoinID]]
  var joins: [JoinState]
  /// Made when the first node is ready: on the way of a run without work it would be the dearest step.
  private lazy var ready = ReadyQueue(
    heights: plan.heights(), shares: shared == nil ? [] : plan.shares(), start: shared?.place ?? 0)
  /// Entries of `ready` that are done by now.
  var settledReady = 0
  /// What is known of others' results without a look at the cache; nil where this run has no pilots beside it.
  var shared: SharedKnowledge?
  var makers: [Digest: NodeID] = [:]
  var followers: [Digest: [NodeID]] = [:]
  /// Nodes found done by action key: their plan keys are to be recorded.
  private var newlyCutOff: [NodeID] = []
  var unfinished = 0
  /// Ready nodes whose keys are to be derived anew before they start; see `outdate`.
  var outdated: Set<NodeID> = []
  /// By node, whether it counts on contents of before, or will; empty if none does.
  var tainted: [Bool] = []
  /// Nodes that are to be made whatever there is, until they are.
  private var forced: Set<NodeID> = []
  /// By node, whether it stands on a forced one: then its plan key proves nothing. Empty if none is forced.
  private var standsOnForced: [Bool] = []

  init(plan: Plan, keys: PlanKeys, cache: CacheStore, sharing shared: SharedKnowledge? = nil) {
    self.plan = plan
    self.cache = cache
    self.shared = shared
    resolver = KeyResolver(plan, planKeys: keys)
    let count = plan.nodes.count
    states = Array(repeating: .idle, count: count)
    endings = Array(repeating: nil, count: count)
    artifacts = Array(repeating: nil, count: count)
    actionKeys = Array(repeating: nil, count: count)
    consumers = Array(repeating: [], count: count)
    waitingJoins = Array(repeating: [], count: count)
    joins = Array(repeating: JoinState(), count: plan.joins.count)
  }

  // MARK: Wanting

  /// Has nodes made whatever there is, once they are wanted.
  mutating func force(_ ids: some Sequence<NodeID>) {
    forced = Set(ids)
    standsOnForced = forced.isEmpty ? [] : plan.downstream(of: forced)
  }

  /// Whether a node is still to be made, whatever there is.
  func isForced(_ id: NodeID) -> Bool { forced.contains(id) }

  /// The artifact that a node's plan key proves to be the present one.
  private func freshArtifact(of id: NodeID) -> Artifact? {
    if !standsOnForced.isEmpty, standsOnForced[id.index] { return nil }
    if let shared { return shared.fresh[id.index] }
    return cache.artifact(plan: resolver.planKeys[id])
  }

  /// Wants nodes brought up to date.
  mutating func want(_ ids: [NodeID]) {
    // Popped from the end, so reversed: the first wanted is looked at first.
    var stack = Array(ids.reversed())
    var (settled, doomed): ([NodeID], [NodeID]) = ([], [])
    let hasPlans = shared != nil || cache.has(.plans)
    while let id = stack.popLast() {
      guard states[id.index] == .idle else { continue }
      unfinished += 1
      if hasPlans, let artifact = freshArtifact(of: id) {
        settle(id, artifact, .fresh)
        settled.append(id)
        continue
      }
      var pending = 0
      for input in plan.nodes[id.index].inputs {
        switch input.source {
        case .node(let source):
          if states[source.index] == .done { continue }
          consumers[source.index].append(id)
          if states[source.index] == .idle { stack.append(source) }
        case .join(let join):
          guard mustWait(for: join, &stack) else { continue }
          joins[join.index].consumers.append(id)
        }
        pending += 1
      }
      states[id.index] = .waiting(pending: pending)
      if plan.nodes[id.index].inputs.contains(where: { isDoomed($0.source) }) {
        doomed.append(id)
      } else if pending == 0, inputsAreKnown(id) {
        settled.append(id)
      }
    }
    propagate(settled)
    block(doomed)
  }

  private mutating func mustWait(for join: JoinID, _ stack: inout [NodeID]) -> Bool {
    if !joins[join.index].wanted {
      joins[join.index].wanted = true
      for member in plan.joins[join.index].members where states[member.node.index] != .done {
        waitingJoins[member.node.index].append(join)
        joins[join.index].pending += 1
        if states[member.node.index] == .idle { stack.append(member.node) }
        if isDoomed(.node(member.node)) { joins[join.index].doomed = true }
      }
    }
    return joins[join.index].pending > 0
  }

  // MARK: Progress of nodes

  private func inputsAreDone(_ id: NodeID) -> Bool {
    plan.nodes[id.index].inputs.allSatisfy {
      switch $0.source {
      case .node(let node): states[node.index] == .done
      case .join(let join): joins[join.index].wanted && joins[join.index].pending == 0
      }
    }
  }

  /// Computes the action key of a node whose inputs are done. True if it is done by that key already.
  private mutating func inputsAreKnown(_ id: NodeID) -> Bool {
    let key = resolver.actionKey(of: id)!
    actionKeys[id.index] = key
    if makers[key] != nil {
      states[id.index] = .following
      followers[key, default: []].append(id)
      return false
    }
    if !forced.contains(id), let artifact = resultToHand(key) {
      settle(id, artifact, .cutOff)
      shared?.settle(id, key)
      // Whoever made it for another pilot has recorded it for all its nodes.
      if shared?.isOthers(key) != true { newlyCutOff.append(id) }
      return true
    }
    makers[key] = id
    pushReady(id)
    return false
  }

  mutating func clearReady() {
    ready.removeAll()
    settledReady = 0
  }

  private mutating func pushReady(_ id: NodeID) {
    states[id.index] = .ready
    ready.push(id, needs: needs(of: id))
  }

  private mutating func settle(_ id: NodeID, _ artifact: Artifact, _ ending: Ending) {
    artifacts[id.index] = artifact
    resolver.learn(artifact.content, of: id)
    states[id.index] = .done
    endings[id.index] = ending
    unfinished -= 1
  }

  /// Tells the consumers of done nodes, and theirs, as far as cutoffs reach.
  private mutating func propagate(_ ids: [NodeID]) {
    var worklist = ids
    while let id = worklist.popLast() {
      var informed = consumers[id.index]
      consumers[id.index] = []
      for join in waitingJoins[id.index] {
        joins[join.index].pending -= 1
        guard joins[join.index].pending == 0 else { continue }
        informed += joins[join.index].consumers
        joins[join.index].consumers = []
      }
      waitingJoins[id.index] = []
      for consumer in informed {
        guard case .waiting(let pending) = states[consumer.index] else { continue }
        states[consumer.index] = .waiting(pending: pending - 1)
        if pending == 1, proceed(consumer) { worklist.append(consumer) }
      }
    }
  }

  /// Goes on with a node that waits for nothing any more: its inputs are known, unless one is being healed.
  /// True if it is done.
  private mutating func proceed(_ id: NodeID) -> Bool {
    if inputsAreDone(id) { return inputsAreKnown(id) }
    states[id.index] = .idle
    unfinished -= 1
    want([id])
    return false
  }

  /// The action key of a node that is ready, running or following.
  func actionKey(of id: NodeID) -> Digest { actionKeys[id.index]! }

  var readyCount: Int { mutating get { unfinished == 0 ? 0 : ready.count - settledReady } }

  /// The nodes found done by action key since the last call: their plan keys are to be recorded.
  mutating func takeCutOffs() -> [NodeID] {
    defer { newlyCutOff = [] }
    return newlyCutOff
  }

  /// The plan keys of nodes that are done are to be recorded, too.
  mutating func needRecord(_ ids: [NodeID]) { newlyCutOff += ids }

  /// Puts equally urgent nodes in the order of their stages from a place in each on, and then from its beginning.
  mutating func begin(at start: UInt32) { ready.begin(at: start) }

  /// The first ready node, in order of urgency, whose needs can be met.
  mutating func takeReady(where fits: (Resources) -> Bool) -> NodeID? {
    while let id = ready.take(where: fits) {
      guard states[id.index] == .ready else {
        settledReady -= 1
        continue
      }
      if inputsAreDone(id), outdated.remove(id) == nil {
        states[id.index] = .running
        return id
      }
      want(startOver(id))
    }
    return nil
  }

  /// Another process makes the same key: wait for it.
  mutating func follow(_ id: NodeID) { states[id.index] = .following }

  /// Looks again at a node that another process was making; true if it is done now.
  mutating func recheck(_ id: NodeID) -> Bool {
    guard !forced.contains(id), let artifact = cache.artifact(action: actionKey(of: id)) else { return false }
    // For a node that another pilot has made, its maker records the plan key.
    if shared != nil { shared!.unconfirmed[artifact.action] = id } else { newlyCutOff.append(id) }
    finish(id, artifact, .cutOff)
    return true
  }

  /// Lets a node that waited for another process run after all.
  mutating func retry(_ id: NodeID) { pushReady(id) }

  /// A node is done.
  mutating func finish(_ id: NodeID, _ artifact: Artifact, _ ending: Ending = .ran) {
    makers[actionKey(of: id)] = nil
    forced.remove(id)
    shared?.settle(id, artifact.action)
    settle(id, artifact, ending)
    for follower in followers.removeValue(forKey: actionKey(of: id)) ?? [] where proceed(follower) {
      propagate([follower])
    }
    propagate([id])
  }
}
