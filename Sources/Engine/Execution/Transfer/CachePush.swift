// Pushes results: an artifact and its records travel together or not at all.

import Glibc
import PipelineCore

extension CacheTransfer {
  /// A result that is to be sent, or of which records are.
  private struct Parcel {
    var plan: Digest
    var action: ActionRecord
    var inputs: [Digest]
  }

  /// Files that are to be sent, in the order of the folders.
  private struct Load {
    /// Artifacts, each with the record of its action.
    var results: [(artifact: RemoteFile, action: [RemoteFile])] = []
    /// The action keys of these.
    var packed: Set<Digest> = []
    var actions: [RemoteFile] = []
    var plans: [RemoteFile] = []
    var joins: [RemoteFile] = []
  }

  /// Sends the results of plan keys, as far as the remote lacks them and has nothing else in their place.
  public mutating func push(_ keys: [Digest]) throws {
    let parcels = keys.compactMap { key -> Parcel? in
      guard let plan = cache.plan(key), let action = cache.action(plan.artifact.action),
        cache.holds(action.artifact)
      else { return nil }
      return Parcel(plan: key, action: action, inputs: plan.inputs)
    }
    // Of a remote by a program only that is asked of which it lacks something: a record costs as much as a large file.
    let open = remote.readsQuickly ? parcels : parcels.filter { !isThere($0) }
    let given = try learnResults(open.map(\.plan))
    // Of an exchange that was interrupted there may be records of actions that no plan record names yet.
    let unnamed = parcels.filter { given[$0.plan] != nil && remotePlan($0.plan) == nil }
      .map(\.action.artifact.action)
    let actions = try remoteActions(Array(Set(unnamed))).filter { isThere($0.value.artifact) }
    let told = remotePlans.compactMapValues { $0?.artifact }
    // Of an artifact that was lost there the record still tells what other results were made of.
    var comparison = ResultComparison(given, plans: { told[$0] }, actions: { actions[$0]?.artifact })
    var load = Load()
    var counted: Set<Digest> = []
    for parcel in parcels {
      guard given[parcel.plan] != nil else {
        if counted.insert(parcel.action.artifact.action).inserted { done.present += 1 }
        packJoins(parcel, into: &load)
        continue
      }
      let standing = comparison.standing(of: parcel.plan)
      guard standing == .fits else {
        let cache = cache
        refusals.add(parcel.action.node, standing, parcel.plan) { key in
          cache.plan(key).flatMap { cache.action($0.artifact.action)?.node }
        }
        continue
      }
      let own = parcel.action.artifact
      let other = told[parcel.plan].flatMap { isThere($0) ? $0 : nil } ?? actions[own.action]?.artifact
      let isFirst = counted.insert(own.action).inserted
      pack(parcel, other, isFirst: isFirst, into: &load)
    }
    try send(load)
  }

  private func remotePlan(_ key: Digest) -> PlanRecord? { remotePlans[key].flatMap { $0 } }

  /// Whether the remote has files by all names of a result, and the artifact with its size.
  private func isThere(_ parcel: Parcel) -> Bool {
    let artifact = parcel.action.artifact
    return there[name(.plans, parcel.plan)] != nil && there[name(.actions, artifact.action)] != nil
      && isThere(artifact)
  }

  /// Asks what the remote has of results, and of what they stand on down to what it has with the same content.
  ///
  /// - Returns: All these results, as this cache's records tell them.
  private mutating func learnResults(_ keys: [Digest]) throws -> [Digest: ResultComparison.Given] {
    var given: [Digest: ResultComparison.Given] = [:]
    var seen = Set(keys)
    var front = Array(seen)
    while !front.isEmpty {
      try learnPlans(front)
      var next: [Digest] = []
      for key in front {
        if let plan = cache.plan(key) {
          given[key] = .init(plan)
          if remotePlan(key)?.artifact.content == plan.artifact.content { continue }
        } else if let join = cache.join(key) {
          given[key] = .init(join: join)
        }
        next += given[key]?.inputs ?? []
      }
      front = next.filter { seen.insert($0).inserted }
    }
    return given
  }

  /// Chooses what is to be sent of a result.
  ///
  /// - Parameter other: What the remote has in its place: the same content, perhaps in another file.
  private mutating func pack(_ parcel: Parcel, _ other: Artifact?, isFirst: Bool, into load: inout Load) {
    let artifact = parcel.action.artifact
    let actionName = name(.actions, artifact.action)
    if let other {
      if isFirst { done.present += 1 }
      // Of another file of the same content the remote's own records tell.
      guard other.isSameFile(as: artifact) else { return }
      if isFirst, there[actionName] == nil { load.actions += record(actionName) }
    } else if isFirst {
      guard cache.isWhole(artifact) else {
        return done.refused.append("\(cache.file(of: artifact)) has other bytes than when it was made")
      }
      let file = RemoteFile(name: name(of: artifact), digest: artifact.fileDigest, size: artifact.size)
      load.results.append((file, record(actionName)))
      load.packed.insert(artifact.action)
    } else if !load.packed.contains(artifact.action) {
      // Another key of a result that was refused.
      return
    }
    if remotePlan(parcel.plan) == nil || other == nil { load.plans += record(name(.plans, parcel.plan)) }
    packJoins(parcel, into: &load)
  }

  private mutating func packJoins(_ parcel: Parcel, into load: inout Load) {
    for join in parcel.inputs where there[name(.joins, join)] == nil && cache.join(join) != nil {
      load.joins += record(name(.joins, join))
    }
  }

  /// A record of this cache, once.
  private mutating func record(_ name: String) -> [RemoteFile] {
    guard let bytes = (try? POSIX.read("\(cache.root)/\(name)")) ?? nil else { return [] }
    there[name] = bytes.count
    return [RemoteFile(name: name, digest: Digest(of: bytes), size: bytes.count)]
  }

  private mutating func send(_ load: Load) throws {
    for batch in Self.batches(load.results, size: \.artifact.size) {
      try remote.send(batch.map(\.artifact), from: cache.root)
      // At once: until its record is there, the artifact of another sender may take the place of this one.
      let records = batch.flatMap(\.action)
      if !records.isEmpty { try remote.send(records, from: cache.root) }
      for result in batch {
        done.copied += 1
        done.bytes += result.artifact.size
      }
    }
    for files in [load.actions, load.plans, load.joins] {
      for batch in Self.batches(files, size: \.size) { try remote.send(batch, from: cache.root) }
    }
  }

  private static func batches<Item>(_ items: [Item], size: (Item) -> Int) -> [[Item]] {
    var batches: [[Item]] = []
    var bytes = 0
    for item in items {
      if let last = batches.last, last.count < batch.files, bytes + size(item) <= batch.bytes {
        batches[batches.count - 1].append(item)
        bytes += size(item)
      } else {
        batches.append([item])
        bytes = size(item)
      }
    }
    return batches
  }
}

/// Results that do not travel since the other side has them, or what they stand on, otherwise.
struct Refusals {
  /// What is said of a key that has two results, and what has become of results that stand on it.
  private let (problem, fate): (String, String)
  private var roots: [(key: Digest, node: String)] = []
  private var dependents: [Digest: [String]] = [:]

  init(sending: Bool) {
    (problem, fate) =
      sending
      ? ("the remote has another result under its key; each keeps its own", "were not sent")
      : ("this cache has another result under its key; each keeps its own", "were not taken")
  }

  var isEmpty: Bool { roots.isEmpty }

  /// Takes note of a result that does not fit.
  ///
  /// - Parameter name: Gives the node of a plan key, if it is known.
  mutating func add(
    _ node: String, _ standing: ResultComparison.Standing, _ key: Digest, name: (Digest) -> String?
  ) {
    switch standing {
    case .fits: return
    case .differs: addRoot(key, node)
    case .standsOn(let root):
      addRoot(root, name(root) ?? "the result \(root.hex.prefix(12))")
      dependents[root, default: []].append(node)
    }
  }

  private mutating func addRoot(_ key: Digest, _ node: String) {
    if !roots.contains(where: { $0.key == key }) { roots.append((key, node)) }
  }

  /// A sentence for each key that has two results: what is wrong with it, and what does not travel because of it.
  var sentences: [String] {
    roots.map { root in
      let nodes = Set(dependents[root.key] ?? []).sorted()
      guard !nodes.isEmpty else { return "\(root.node): \(problem)" }
      let more = nodes.count > 5 ? ", and \(nodes.count - 5) more" : ""
      let list = nodes.prefix(5).joined(separator: ", ") + more
      return "\(root.node): \(problem); results that stand on it \(fate): \(list)"
    }.sorted()
  }
}

extension Artifact {
  /// Whether the other is the same file with the same name: then the records of either tell of both.
  func isSameFile(as other: Artifact) -> Bool {
    action == other.action && content == other.content && fileDigest == other.fileDigest
      && size == other.size && fileExtension == other.fileExtension
  }
}
