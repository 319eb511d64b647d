// The state of a run as a plain struct: which nodes are wanted, waiting, ready, running and done.

import PipelineCore

/// Decides what to run. It reads and writes records in the cache, but starts nothing and waits for nothing.
///
/// A wanted node whose plan key has an artifact is done, and nothing upstream of it is even looked at. Otherwise its
/// inputs are wanted; once their contents are known, its action key may still have an artifact (early cutoff), and
/// only if not it is ready to run.
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

  private struct JoinState {
    var wanted = false
    var pending = 0
    var consumers: [NodeID] = []
    var content: Digest?
    /// A member has failed or is blocked.
    var doomed = false
  }

  let plan: Plan
  let keys: PlanKeys
  private let cache: Cache
  private(set) var states: [State]
  private(set) var endings: [Ending?]
  private(set) var artifacts: [Artifact?]
  private var actionKeys: [Digest?]
  private var consumers: [[NodeID]]
  private var waitingJoins: [[JoinID]]
  private var joins: [JoinState]
  private var ready: ReadyQueue
  private var makers: [Digest: NodeID] = [:]
  private var followers: [Digest: [NodeID]] = [:]
  /// Nodes found done by action key: their plan keys are to be recorded.
  private(set) var newlyCutOff: [NodeID] = []
  private(set) var unfinished = 0

  init(plan: Plan, keys: PlanKeys, cache: Cache) {
    self.plan = plan
    self.keys = keys
    self.cache = cache
    let count = plan.nodes.count
    states = Array(repeating: .idle, count: count)
    endings = Array(repeating: nil, count: count)
    artifacts = Array(repeating: nil, count: count)
    actionKeys = Array(repeating: nil, count: count)
    consumers = Array(repeating: [], count: count)
    waitingJoins = Array(repeating: [], count: count)
    joins = Array(repeating: JoinState(), count: plan.joins.count)
    ready = ReadyQueue(heights: plan.heights())
  }

  // MARK: Wanting

  /// Wants nodes brought up to date.
  mutating func want(_ ids: [NodeID]) {
    // Popped from the end, so reversed: the first wanted is looked at first.
    var stack = Array(ids.reversed())
    var settled: [NodeID] = []
    while let id = stack.popLast() {
      guard states[id.index] == .idle else { continue }
      unfinished += 1
      states[id.index] = .waiting(pending: 0)
      if let artifact = cache.artifact(plan: keys[id]) {
        artifacts[id.index] = artifact
        settle(id, .fresh)
        settled.append(id)
        continue
      }
      var pending = 0
      for input in plan[id].inputs {
        switch input.source {
        case .node(let source):
          if want(source, for: id, &stack) { pending += 1 }
        case .join(let join):
          if want(join, &stack) {
            joins[join.index].consumers.append(id)
            pending += 1
          }
        }
      }
      states[id.index] = .waiting(pending: pending)
      if plan[id].inputs.contains(where: { isDoomed($0.source) }) {
        states[id.index] = .blocked
        unfinished -= 1
        continue
      }
      if pending == 0, inputsAreKnown(id) { settled.append(id) }
    }
    propagate(settled)
  }

  private func isDoomed(_ source: InputSource) -> Bool {
    switch source {
    case .node(let node): states[node.index] == .failed || states[node.index] == .blocked
    case .join(let join): joins[join.index].doomed
    }
  }

  /// Whether the node has to be waited for.
  private mutating func want(_ source: NodeID, for id: NodeID, _ stack: inout [NodeID]) -> Bool {
    if states[source.index] == .done { return false }
    consumers[source.index].append(id)
    if states[source.index] == .idle { stack.append(source) }
    return true
  }

  /// Whether the join has to be waited for.
  private mutating func want(_ join: JoinID, _ stack: inout [NodeID]) -> Bool {
    if !joins[join.index].wanted {
      joins[join.index].wanted = true
      for member in plan.joins[join.index].members where states[member.node.index] != .done {
        waitingJoins[member.node.index].append(join)
        joins[join.index].pending += 1
        if states[member.node.index] == .idle { stack.append(member.node) }
      }
    }
    if joins[join.index].pending > 0 { return true }
    sealJoin(join)
    return false
  }

  private mutating func sealJoin(_ join: JoinID) {
    guard joins[join.index].content == nil else { return }
    var manifest = HashingManifest(kind: "join")
    plan.describe(join, to: &manifest) { artifacts[$0.index]!.content }
    joins[join.index].content = manifest.finish()
  }

  // MARK: Progress of nodes

  /// Computes the action key of a node whose inputs are done. True if it is done by that key already.
  private mutating func inputsAreKnown(_ id: NodeID) -> Bool {
    var manifest = HashingManifest(kind: "action")
    plan.describe(id, to: &manifest) { source in
      switch source {
      case .node(let node): artifacts[node.index]!.content
      case .join(let join): joins[join.index].content!
      }
    }
    let key = manifest.finish()
    actionKeys[id.index] = key
    if makers[key] != nil {
      states[id.index] = .following
      followers[key, default: []].append(id)
      return false
    }
    if let artifact = cache.artifact(action: key) {
      artifacts[id.index] = artifact
      settle(id, .cutOff)
      newlyCutOff.append(id)
      return true
    }
    makers[key] = id
    states[id.index] = .ready
    ready.push(id)
    return false
  }

  private mutating func settle(_ id: NodeID, _ ending: Ending) {
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
        sealJoin(join)
        informed += joins[join.index].consumers
        joins[join.index].consumers = []
      }
      waitingJoins[id.index] = []
      for consumer in informed {
        guard case .waiting(let pending) = states[consumer.index] else { continue }
        states[consumer.index] = .waiting(pending: pending - 1)
        if pending == 1, inputsAreKnown(consumer) { worklist.append(consumer) }
      }
    }
  }

  /// The action key of a node that is ready or running.
  func actionKey(of id: NodeID) -> Digest { actionKeys[id.index]! }

  var readyCount: Int { ready.count }
  var cutOffs: [NodeID] {
    mutating get {
      defer { newlyCutOff = [] }
      return newlyCutOff
    }
  }

  /// The first ready node, in order of urgency, that fits.
  mutating func takeReady(where fits: (NodeID) -> Bool) -> NodeID? {
    guard let id = ready.take(where: fits) else { return nil }
    states[id.index] = .running
    return id
  }

  /// Another process makes the same key: wait for it.
  mutating func follow(_ id: NodeID) { states[id.index] = .following }

  /// Looks again at a node that another process was making; true if it is done now.
  mutating func recheck(_ id: NodeID) -> Bool {
    guard let artifact = cache.artifact(action: actionKey(of: id)) else { return false }
    makers[actionKey(of: id)] = nil
    artifacts[id.index] = artifact
    settle(id, .cutOff)
    newlyCutOff.append(id)
    release(followersOf: id)
    propagate([id])
    return true
  }

  /// Lets a node that waited for another process run after all.
  mutating func retry(_ id: NodeID) {
    states[id.index] = .ready
    ready.push(id)
  }

  /// A node has run.
  mutating func finish(_ id: NodeID, _ artifact: Artifact) {
    artifacts[id.index] = artifact
    makers[actionKey(of: id)] = nil
    settle(id, .ran)
    release(followersOf: id)
    propagate([id])
  }

  private mutating func release(followersOf id: NodeID) {
    for follower in followers.removeValue(forKey: actionKey(of: id)) ?? [] {
      if inputsAreKnown(follower) { propagate([follower]) }
    }
  }

  /// A node has failed: all that depend on it are blocked.
  mutating func fail(_ id: NodeID) {
    makers[actionKey(of: id)] = nil
    states[id.index] = .failed
    unfinished -= 1
    var worklist = [id] + (followers.removeValue(forKey: actionKey(of: id)) ?? [])
    while let next = worklist.popLast() {
      if next != id {
        guard states[next.index] != .blocked, states[next.index] != .failed, states[next.index] != .done else {
          continue
        }
        states[next.index] = .blocked
        unfinished -= 1
      }
      worklist += consumers[next.index]
      for join in waitingJoins[next.index] {
        joins[join.index].doomed = true
        worklist += joins[join.index].consumers
      }
    }
  }

  /// A task found the artifact of an input missing or damaged: that node runs again, then this one.
  mutating func heal(_ id: NodeID, damaged: NodeID) {
    makers[actionKey(of: id)] = nil
    if states[damaged.index] == .done, let artifact = artifacts[damaged.index] {
      cache.forget(artifact)
      artifacts[damaged.index] = nil
      states[damaged.index] = .idle
      for (index, join) in plan.joins.enumerated()
      where joins[index].wanted && join.members.contains(where: { $0.node == damaged }) {
        joins[index].pending += 1
        joins[index].content = nil
        waitingJoins[damaged.index].append(JoinID(index))
      }
    }
    unfinished -= 1
    states[id.index] = .idle
    let relatives = followers.removeValue(forKey: actionKey(of: id)) ?? []
    for relative in relatives {
      unfinished -= 1
      states[relative.index] = .idle
    }
    want([damaged, id] + relatives)
  }
}

/// Ready nodes, the most urgent first: the one with the longest way to the end of the graph, then plan order.
struct ReadyQueue {
  private let heights: [Int]
  private var heap: [NodeID] = []

  init(heights: [Int]) { self.heights = heights }

  var count: Int { heap.count }

  private func precedes(_ a: NodeID, _ b: NodeID) -> Bool {
    heights[a.index] != heights[b.index] ? heights[a.index] > heights[b.index] : a.index < b.index
  }

  mutating func push(_ id: NodeID) {
    heap.append(id)
    var child = heap.count - 1
    while child > 0, precedes(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() -> NodeID? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(heap[child], heap[least]) {
        least = child
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  /// Takes the most urgent node that fits; those that were passed over stay.
  mutating func take(where fits: (NodeID) -> Bool) -> NodeID? {
    var passedOver: [NodeID] = []
    defer { for id in passedOver { push(id) } }
    while let id = pop() {
      if fits(id) { return id }
      passedOver.append(id)
    }
    return nil
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
