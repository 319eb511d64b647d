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

  /// The reasons for which the node has no usable artifact under its plan key, by the rules of `RunReason`, in
  /// their order. Empty if it has one.
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

  private func trace(
    _ id: NodeID, _ reasons: [RunReason], depth: Int, _ levels: inout [Level], _ causes: inout [Cause],
    _ seen: inout Set<Int>
  ) {
    guard seen.insert(id.index).inserted, !reasons.isEmpty else { return }
    levels.append(Level(node: plan[id].name, depth: depth, reasons: reasons))
    for reason in reasons {
      guard case .inputChanged(let slot, let old, _) = reason, let old,
        let input = plan[id].inputs.first(where: { $0.slot == slot })
      else {
        causes.append(Cause(node: plan[id].name, stage: plan.stage(of: id).name, reason: reason))
        continue
      }
      switch input.source {
      case .node(let node): follow(node, old, depth + 1, &levels, &causes, &seen)
      case .join(let join): follow(join, old, depth + 1, &levels, &causes, &seen)
      }
    }
  }

  /// Follows an input by the key that it had then, which its consumer's old manifest names.
  private func follow(
    _ id: NodeID, _ old: Digest, _ depth: Int, _ levels: inout [Level], _ causes: inout [Cause],
    _ seen: inout Set<Int>
  ) {
    guard old != keys[id] else { return }
    let reasons =
      cache.plan(old).map { RunReason.changes(from: $0.manifest, to: manifest(of: id)) } ?? [.neverBuilt]
    trace(id, reasons, depth: depth, &levels, &causes, &seen)
  }

  private func follow(
    _ id: JoinID, _ old: Digest, _ depth: Int, _ levels: inout [Level], _ causes: inout [Cause],
    _ seen: inout Set<Int>
  ) {
    var recording = RecordingManifest()
    plan.describe(id, to: &recording) { keys[$0] }
    let before = Dictionary(
      (cache.join(old) ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    for (member, field) in zip(plan.joins[id.index].members, recording.fields) {
      if let oldKey = before[field.name].flatMap({ Digest(hex: $0) }) {
        follow(member.node, oldKey, depth, &levels, &causes, &seen)
      } else {
        trace(member.node, reasons(for: member.node), depth: depth, &levels, &causes, &seen)
      }
    }
  }
}
