// What a run knows of the results of other pilots of its campaign, without a look at the cache.

import PipelineCore

/// What the pilots of a campaign know of each other's results without a look at the cache.
struct SharedKnowledge {
  /// Where in each stage this pilot begins, as a share of 2³².
  var place: UInt32
  /// By node, what was there when the campaign was submitted.
  var fresh: [Artifact?]
  /// What was made since, by action key.
  private var results: [Digest: Result] = [:]
  /// By action key, the nodes that were found made by a look at the cache, and of which no news have come. Their makers record
  /// their plan keys before they tell of them, unless they die in between.
  var unconfirmed: [Digest: NodeID] = [:]

  /// A result of the campaign, in no more room than it takes: there is one for every node.
  private enum Result {
    /// Of a node that is done here, which has it; and whether another pilot has made it.
    case ofNode(NodeID, isOthers: Bool)
    /// Another pilot's, which no node here has yet.
    indirect case waiting(Artifact)
  }

  init(place: UInt32, fresh: [Artifact?]) { (self.place, self.fresh) = (place, fresh) }

  /// Another pilot has made an artifact.
  mutating func learn(_ artifact: Artifact) {
    unconfirmed[artifact.action] = nil
    if results[artifact.action] == nil { results[artifact.action] = .waiting(artifact) }
  }

  /// A node is done here, by the action's result.
  mutating func settle(_ id: NodeID, _ action: Digest) {
    switch results[action] {
    case nil: results[action] = .ofNode(id, isOthers: false)
    case .waiting: results[action] = .ofNode(id, isOthers: true)
    case .ofNode(_, let isOthers): results[action] = .ofNode(id, isOthers: isOthers)
    }
  }

  /// The result of an action, if any is known.
  ///
  /// - Parameter artifacts: Those of the nodes that are done.
  func result(of action: Digest, _ artifacts: [Artifact?]) -> Artifact? {
    switch results[action] {
    case nil: nil
    case .ofNode(let id, _): artifacts[id.index]
    case .waiting(let artifact): artifact
    }
  }

  /// Whether another pilot has made an action's result.
  func isOthers(_ action: Digest) -> Bool {
    switch results[action] {
    case nil: false
    case .ofNode(_, let isOthers): isOthers
    case .waiting: true
    }
  }

  /// An artifact is missing or damaged.
  mutating func forget(_ artifact: Artifact, of id: NodeID) {
    fresh[id.index] = nil
    results[artifact.action] = nil
  }
}

extension Scheduler {
  /// Goes on elsewhere among equally urgent nodes: those that come next are most likely another pilot's.
  mutating func jump() { begin(at: UInt32.random(in: 0...UInt32.max)) }

  /// Has all nodes recorded that no news have confirmed.
  mutating func confirm() {
    let nodes = shared?.unconfirmed.values.sorted() ?? []
    shared?.unconfirmed = [:]
    needRecord(nodes)
  }

  /// Another pilot has made an artifact.
  mutating func learn(_ artifact: Artifact) {
    let key = artifact.action
    shared?.learn(artifact)
    guard let id = makers[key], states[id.index] == .ready || states[id.index] == .following else { return }
    if states[id.index] == .ready { settledReady += 1 }
    finish(id, artifact, .cutOff)
  }

  /// Another pilot has seen an action fail; returns the node here that is blocked by it or fails with it.
  mutating func learnFailure(of key: Digest) -> NodeID? {
    guard let id = makers[key], states[id.index] == .ready || states[id.index] == .following else {
      return nil
    }
    if states[id.index] == .ready { settledReady += 1 }
    fail(id)
    return id
  }

  /// Forgets what is known of an artifact that is missing or damaged.
  mutating func unlearn(_ id: NodeID) {
    if let artifact = artifacts[id.index] { shared?.forget(artifact, of: id) }
  }

  /// The result of an action, as far as it is known: in a campaign without a look at the cache, which the start of the node
  /// takes.
  func resultToHand(_ key: Digest) -> Artifact? {
    shared.map { $0.result(of: key, artifacts) } ?? cache.artifact(action: key)
  }
}
