// Why a node is not up to date, traced through any number of levels to the fields that changed.

import PipelineCore

/// Explains nodes by comparing their manifests with those of the results that the pipeline last had.
public final class Explainer {
  private let plan: Plan
  private let keys: PlanKeys
  private let cache: Cache
  private lazy var lastKeys = Experiment(name: plan.name, cache: cache).lastKeys()

  /// An explainer of one plan over one cache. It reads only.
  public init(plan: Plan, keys: PlanKeys, cache: Cache) {
    self.plan = plan
    self.keys = keys
    self.cache = cache
  }

  /// The reasons for which the node has no usable artifact under its plan key, by the rules of `RunReason`,
  /// in their order. Empty if it has one.
  public func reasons(for id: NodeID) -> [RunReason] {
    let key = keys[id]
    var reasons: [RunReason] = []
    if let record = cache.plan(key) {
      if cache.holds(record.artifact) { return [] }
      reasons = [.artifactMissing]
    } else if let old = lastKeys[plan[id].name], old != key, let record = cache.plan(old) {
      reasons = RunReason.changes(from: record.manifest, to: manifest(of: id))
    } else {
      reasons = [.neverBuilt]
    }
    if let message = cache.failure(key) {
      reasons.append(.failedBefore(message: String(message.prefix { $0 != "\n" })))
    }
    return reasons
  }

  /// The manifest behind the node's plan key.
  func manifest(of id: NodeID) -> [ManifestField] {
    var manifest = RecordingManifest()
    plan.describe(id, to: &manifest) { keys[$0] }
    return manifest.fields
  }

  /// A changed field at the root of why a node changed.
  public struct Cause: Hashable, Sendable {
    /// The node whose own field changed.
    public var node: String
    /// The stage in the file that the node belongs to.
    public var stage: String
    /// The change.
    public var reason: RunReason
  }

  /// One level of an explanation.
  public struct Level: Sendable {
    /// The node, and the slot through which the one above takes it.
    public var node: String
    /// How deep it stands below the node that was asked for.
    public var depth: Int
    /// Its reasons.
    public var reasons: [RunReason]
  }

  /// The levels from the node down to its root causes, each node once, and the causes themselves.
  public func explain(_ id: NodeID) -> (levels: [Level], causes: [Cause]) {
    var levels: [Level] = []
    var causes: [Cause] = []
    var seen: Set<Int> = []
    trace(id, reasons(for: id), depth: 0, &levels, &causes, &seen)
    return (levels, causes)
  }

  /// False if there is nothing to say of the node.
  @discardableResult
  private func trace(
    _ id: NodeID, _ reasons: [RunReason], depth: Int, _ levels: inout [Level], _ causes: inout [Cause],
    _ seen: inout Set<Int>
  ) -> Bool {
    guard !reasons.isEmpty else { return false }
    guard seen.insert(id.index).inserted else { return true }
    levels.append(Level(node: plan[id].name, depth: depth, reasons: reasons))
    for reason in reasons {
      var found = false
      if case .inputChanged(let slot, let old, _) = reason, let old,
        let input = plan[id].inputs.first(where: { $0.slot == slot })
      {
        switch input.source {
        case .node(let node): found = follow(node, old, depth + 1, &levels, &causes, &seen)
        case .join(let join):
          found = follow(join, of: id, slot, old, depth + 1, &levels, &causes, &seen)
        }
      }
      // With nothing further down that changed, the change is this node's own.
      if !found { causes.append(cause(id, reason)) }
    }
    return true
  }

  private func cause(_ id: NodeID, _ reason: RunReason) -> Cause {
    Cause(node: plan[id].name, stage: plan.stage(of: id).name, reason: reason)
  }

  /// Follows an input by the key that it had then, which its consumer's old manifest names.
  private func follow(
    _ id: NodeID, _ old: Digest, _ depth: Int, _ levels: inout [Level], _ causes: inout [Cause],
    _ seen: inout Set<Int>
  ) -> Bool {
    guard old != keys[id] else { return false }
    let reasons =
      cache.plan(old).map { RunReason.changes(from: $0.manifest, to: manifest(of: id)) } ?? [.neverBuilt]
    return trace(id, reasons, depth: depth, &levels, &causes, &seen)
  }

  /// Follows the members of a join; one that is new or gone is the consumer's own change.
  private func follow(
    _ id: JoinID, of consumer: NodeID, _ slot: String, _ old: Digest, _ depth: Int, _ levels: inout [Level],
    _ causes: inout [Cause], _ seen: inout Set<Int>
  ) -> Bool {
    var recording = RecordingManifest()
    plan.describe(id, to: &recording) { keys[$0] }
    guard let fields = cache.join(old) else { return false }
    var before = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    var found = false
    for (member, field) in zip(plan.joins[id.index].members, recording.fields) {
      let oldKey = before.removeValue(forKey: field.name).flatMap { Digest(hex: $0) }
      if let oldKey {
        if follow(member.node, oldKey, depth, &levels, &causes, &seen) { found = true }
      } else {
        found = true
        if !trace(member.node, reasons(for: member.node), depth: depth, &levels, &causes, &seen) {
          let added = RunReason.inputChanged(slot: "\(slot): \(field.name)", old: nil, new: keys[member.node])
          causes.append(cause(consumer, added))
        }
      }
    }
    for (name, key) in before.sorted(by: { $0.key < $1.key }) {
      found = true
      causes.append(
        cause(consumer, .inputChanged(slot: "\(slot): \(name)", old: Digest(hex: key), new: nil)))
    }
    return found
  }
}
