// The only deriver of keys: what is known of a plan's inputs, turned into plan, action and join keys.

/// Derives the keys of a plan's nodes and joins. The scheduler, `plan`, `explain` and `status` all ask it, so that they
/// can't disagree about a key.
///
/// Plan keys are known for the whole graph from the start. An action key is known once the contents of all inputs are;
/// that of a join once those of all members are. Whoever finds or loses an artifact says so by `learn` and `forget`.
public struct KeyResolver: Sendable {
  /// The plan whose keys these are.
  public let plan: Plan
  /// The plan keys of all nodes and joins.
  public let planKeys: PlanKeys
  /// The digest of each node's content, as far as it is known.
  private var contents: [Digest?]
  /// The digest of each join's members' contents, as far as it has been asked for.
  private var joinContents: [Digest?]

  /// A resolver that knows no contents yet. `planKeys` are those of this plan, where they have been derived already.
  public init(_ plan: Plan, planKeys: PlanKeys? = nil) {
    self.plan = plan
    self.planKeys = planKeys ?? Self.planKeys(of: plan)
    contents = Array(repeating: nil, count: plan.nodes.count)
    joinContents = Array(repeating: nil, count: plan.joins.count)
  }

  // MARK: Plan keys

  /// The plan keys of all nodes and joins, known before anything runs: O(V + E).
  static func planKeys(of plan: Plan) -> PlanKeys {
    var keys = PlanKeys(nodes: [], joins: [Digest?](repeating: nil, count: plan.joins.count))
    keys.nodes.reserveCapacity(plan.nodes.count)
    while keys.nodes.count < plan.nodes.count {
      let part = sideBySide(in: plan, from: keys.nodes.count)
      for input in part.lazy.flatMap({ plan.nodes[$0].inputs }) {
        guard case .join(let join) = input.source, keys.joins[join.index] == nil else { continue }
        var manifest = HashingManifest(kind: .join)
        plan.describe(join, to: &manifest) { keys.nodes[$0.index] }
        keys.joins[join.index] = manifest.finish()
      }
      keys.nodes += nodeKeys(of: part, in: plan, keys)
    }
    return keys
  }

  /// The nodes of one stage from some node on, none of which takes another: their keys can be derived side by side.
  private static func sideBySide(in plan: Plan, from first: Int) -> Range<Int> {
    var end = first + 1
    while end < plan.nodes.count, plan.nodes[end].stage == plan.nodes[first].stage {
      let takesOne = plan.nodes[end].inputs.contains { input in
        if case .node(let node) = input.source { node.index >= first } else { false }
      }
      if takesOne { break }
      end += 1
    }
    return first..<end
  }

  /// The keys of such nodes, from those of all before them.
  private static func nodeKeys(of nodes: Range<Int>, in plan: Plan, _ keys: PlanKeys) -> [Digest] {
    inParts(nodes.count) { part in
      part.map { offset in
        var manifest = HashingManifest(kind: .plan)
        plan.describe(NodeID(nodes.lowerBound + offset), to: &manifest) { keys[$0] }
        return manifest.finish()
      }
    }
  }

  /// The fields behind a node's plan key.
  public func manifest(of id: NodeID) -> [ManifestField] {
    var manifest = RecordingManifest()
    plan.describe(id, to: &manifest) { planKeys[$0] }
    return manifest.fields
  }

  /// The fields behind a join's plan key: `label[axes]` of each member with its plan key.
  public func manifest(of id: JoinID) -> [ManifestField] {
    var manifest = RecordingManifest()
    plan.describe(id, to: &manifest) { planKeys[$0] }
    return manifest.fields
  }

  // MARK: Action keys

  /// The content of a node is known now.
  public mutating func learn(_ content: Digest, of id: NodeID) {
    precondition(contents[id.index] == nil, "a content is forgotten before it is replaced")
    contents[id.index] = content
  }

  /// The contents of nodes are not known any more, nor are those of the joins that they are members of.
  public mutating func forget(_ ids: Set<NodeID>) {
    for id in ids { contents[id.index] = nil }
    for index in joinContents.indices where joinContents[index] != nil {
      if plan.joins[index].members.contains(where: { ids.contains($0.node) }) { joinContents[index] = nil }
    }
  }

  /// The key of a node's work: its manifest over the contents of its inputs. Nil until all of them are known.
  public mutating func actionKey(of id: NodeID) -> Digest? {
    for index in plan.nodes[id.index].inputs.indices {
      guard content(of: plan.nodes[id.index].inputs[index].source) != nil else { return nil }
    }
    var manifest = HashingManifest(kind: .action)
    plan.describe(id, to: &manifest) { source in
      switch source {
      case .node(let node): contents[node.index]!
      case .join(let join): joinContents[join.index]!
      }
    }
    return manifest.finish()
  }

  private mutating func content(of source: InputSource) -> Digest? {
    switch source {
    case .node(let node): return contents[node.index]
    case .join(let join):
      if let known = joinContents[join.index] { return known }
      guard plan.joins[join.index].members.allSatisfy({ contents[$0.node.index] != nil }) else { return nil }
      var manifest = HashingManifest(kind: .join)
      plan.describe(join, to: &manifest) { contents[$0.index]! }
      joinContents[join.index] = manifest.finish()
      return joinContents[join.index]
    }
  }
}

extension Plan {
  /// The plan keys of all nodes and joins, known before anything runs: O(V + E).
  public func planKeys() -> PlanKeys { KeyResolver.planKeys(of: self) }
}

/// The plan keys of a plan's nodes and joins.
public struct PlanKeys: Sendable {
  /// By node.
  public internal(set) var nodes: [Digest]
  /// By join; nil for a join that nothing takes.
  public internal(set) var joins: [Digest?]

  /// The key of a node or a join.
  public subscript(_ source: InputSource) -> Digest {
    switch source {
    case .node(let node): nodes[node.index]
    case .join(let join): joins[join.index]!
    }
  }
  /// The key of a node.
  public subscript(_ id: NodeID) -> Digest { nodes[id.index] }
}
