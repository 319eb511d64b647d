// Why a node is not up to date, traced through any number of levels to the fields that changed.

import PipelineCore

/// Explains nodes by comparing their manifests with those of the results that the pipeline last had.
public final class Explainer {
  private let resolver: KeyResolver
  private let cache: CacheStore
  private var plan: Plan { resolver.plan }
  private var keys: PlanKeys { resolver.planKeys }
  private let folders: FolderChanges
  /// The kinds of records that there were at the beginning. Those that a run then makes are of its own nodes, whose reasons
  /// are told before.
  private let kinds: Set<CacheLayout.Folder>
  private lazy var lastKeys = Experiment(of: plan, in: cache).lastKeys()

  /// An explainer of one plan over one cache. It reads only.
  public init(plan: Plan, keys: PlanKeys, cache: CacheStore) {
    resolver = KeyResolver(plan, planKeys: keys)
    self.cache = cache
    folders = FolderChanges(cache)
    kinds = Set([.plans, .failures].filter(cache.has))
  }

  /// The reasons for which the node has no usable artifact under its plan key, by the rules of `RunReason`,
  /// in their order. Empty if it has one.
  public func reasons(for id: NodeID) -> [RunReason] {
    let key = keys[id]
    var reasons: [RunReason] = []
    let last = lastKeys.isEmpty ? nil : lastKeys[plan[id].name]
    if kinds.contains(.plans), let record = cache.plan(key) {
      if cache.holds(record.artifact) { return [] }
      reasons = [cache.isDamaged(record.artifact) ? .artifactDamaged : .artifactMissing]
    } else if last == key {
      reasons = [.inputMadeAgain]
    } else if let last, let record = cache.plan(last) {
      reasons = changes(of: id, from: record.manifest)
    } else {
      reasons = [.neverBuilt]
    }
    if kinds.contains(.failures), let message = cache.failure(key) {
      reasons.append(.failedBefore(message: String(message.prefix { $0 != "\n" })))
    }
    return reasons
  }

  /// What lies between an old manifest of a node and its present one: of a list or a text the part that changed, and of a
  /// folder the file.
  private func changes(of id: NodeID, from old: [ManifestField]) -> [RunReason] {
    RunReason.changes(from: old, to: manifest(of: id)).flatMap { reason -> [RunReason] in
      switch reason {
      case .parameterChanged(let name, let old, let new):
        PartChange.changes(of: name, old, new, plan.stage(of: id).traces[name])
          .map { .parameterChanged(name: $0.name, old: $0.old, new: $0.new) }
      case .fileChanged(let path, let old, let new):
        folders.changes(
          at: path, old.flatMap { Digest(hex: $0) }, new.flatMap { Digest(hex: $0) },
          place: POSIX.join(plan.baseDirectory, path)
        ).map { .fileChanged(path: $0.path, old: $0.old?.hex, new: $0.new?.hex) }
      default: [reason]
      }
    }
  }

  /// The manifest behind the node's plan key.
  func manifest(of id: NodeID) -> [ManifestField] { resolver.manifest(of: id) }

  /// The manifest behind the join's plan key.
  func manifest(of id: JoinID) -> [ManifestField] { resolver.manifest(of: id) }

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
    // A stack rather than recursion: a chain of nodes may be longer than a thread's stack is deep.
    var stack = [Step.node(id, reasons(for: id), depth: 0)]
    while let step = stack.popLast() {
      switch step {
      case .cause(let cause): causes.append(cause)
      case .node(let node, let reasons, let depth):
        guard !reasons.isEmpty, seen.insert(node.index).inserted else { continue }
        levels.append(Level(node: plan[node].name, depth: depth, reasons: reasons))
        // Last in, first out: what comes first in the explanation is pushed last.
        stack += reasons.flatMap { steps(below: node, $0, depth: depth + 1) }.reversed()
      }
    }
    return (levels, causes)
  }

  /// What is still to be told.
  private enum Step {
    case node(NodeID, [RunReason], depth: Int)
    case cause(Cause)
  }

  private func cause(_ id: NodeID, _ reason: RunReason) -> Cause {
    Cause(node: plan[id].name, stage: plan.stage(of: id).name, reason: reason)
  }

  /// What lies below a reason of a node. With nothing further down that changed, the change is its own.
  private func steps(below id: NodeID, _ reason: RunReason, depth: Int) -> [Step] {
    var steps: [Step] = []
    if case .inputChanged(let slot, let old, _) = reason, let old,
      let input = plan[id].inputs.first(where: { $0.slot == slot })
    {
      switch input.source {
      case .node(let node): steps = follow(node, old, depth).map { [$0] } ?? []
      case .join(let join): steps = follow(join, of: id, slot, old, depth)
      }
    }
    return steps.isEmpty ? [.cause(cause(id, reason))] : steps
  }

  /// Follows an input by the key that it had then, which its consumer's old manifest names; nil if there is
  /// nothing to say of it.
  private func follow(_ id: NodeID, _ old: Digest, _ depth: Int) -> Step? {
    guard old != keys[id] else { return nil }
    let reasons =
      cache.plan(old).map { changes(of: id, from: $0.manifest) } ?? [.neverBuilt]
    return reasons.isEmpty ? nil : .node(id, reasons, depth: depth)
  }

  /// Follows the members of a join; one that is new or gone is the consumer's own change.
  private func follow(
    _ id: JoinID, of consumer: NodeID, _ slot: String, _ old: Digest, _ depth: Int
  ) -> [Step] {
    guard let fields = cache.join(old) else { return [] }
    var before = ManifestField.valuesByName(fields)
    var steps: [Step] = []
    for (member, field) in zip(plan.joins[id.index].members, manifest(of: id)) {
      if let oldKey = before.removeValue(forKey: ByteText(field.name)).flatMap({ Digest(hex: $0.text) }) {
        if let step = follow(member.node, oldKey, depth) { steps.append(step) }
        continue
      }
      let reasons = reasons(for: member.node)
      let added = RunReason.inputChanged(slot: "\(slot): \(field.name)", old: nil, new: keys[member.node])
      steps.append(
        reasons.isEmpty ? .cause(cause(consumer, added)) : .node(member.node, reasons, depth: depth))
    }
    for (name, key) in before.sorted(by: { $0.key < $1.key }) {
      let gone = RunReason.inputChanged(slot: "\(slot): \(name.text)", old: Digest(hex: key.text), new: nil)
      steps.append(.cause(cause(consumer, gone)))
    }
    return steps
  }
}
