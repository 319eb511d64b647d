// What a run knows of the results of other pilots of its campaign, without a look at the cache.

import PipelineCore

/// What the pilots of a campaign know of each other's results without a look at the cache.
struct SharedKnowledge {
  /// Where in each stage this pilot begins, as a share of 2³².
  var place: UInt32
  /// By node, what was there when the campaign was submitted.
  var fresh: [Artifact?]
  /// By action key, what was made since.
  var results: [Digest: Artifact] = [:]
  /// The action keys of what other pilots have made.
  private(set) var madeElsewhere: Set<Digest> = []
  /// By action key, the nodes that were found made by a look at the cache, and of which no news have come. Their makers record
  /// their plan keys before they tell of them, unless they die in between.
  var unconfirmed: [Digest: NodeID] = [:]

  init(place: UInt32, fresh: [Artifact?]) { (self.place, self.fresh) = (place, fresh) }

  mutating func learn(_ artifact: Artifact) {
    unconfirmed[artifact.action] = nil
    if results.updateValue(artifact, forKey: artifact.action) == nil { madeElsewhere.insert(artifact.action) }
  }

  /// An artifact is missing or damaged.
  mutating func forget(_ artifact: Artifact, of id: NodeID) {
    fresh[id.index] = nil
    results[artifact.action] = nil
    madeElsewhere.remove(artifact.action)
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
    shared.map { $0.results[key] } ?? cache.artifact(action: key)
  }
}
