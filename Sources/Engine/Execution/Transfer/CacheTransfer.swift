// Pushes results to a remote and pulls them from it: only what is missing, and nothing that is not what its record says.

import Glibc
import PipelineCore

/// What an exchange has done.
public struct TransferSummary: Sendable {
  /// Results that were copied.
  public var copied = 0
  /// Results that were there already.
  public var present = 0
  /// Bytes of the artifacts that were copied.
  public var bytes = 0
  /// Files that were not what their record says, and were left where they are, each with what is wrong.
  public var refused: [String] = []

  /// Nothing yet.
  public init() {}
}

/// Exchanges results with a remote.
///
/// A result is an artifact and the record of its action, found by plan records. The artifact is sent before its record, and
/// the record before the plan record: so whatever interrupts, a name that is there stands for something that is there.
public struct CacheTransfer {
  /// The folders that travel.
  static let folders: [CacheLayout.Folder] = [.artifacts, .actions, .plans, .joins]
  /// So many files, or so many bytes, go at once: what is interrupted loses no more.
  private static let batch = (files: 64, bytes: 64 << 20)

  private let cache: CacheStore
  private let remote: any CacheRemote
  /// What the remote has, with sizes.
  private var there: [String: Int]
  /// What was done.
  public private(set) var summary = TransferSummary()

  /// Looks what the remote has.
  ///
  /// - Parameter sends: Whether results are to be pushed: then a remote that is not there yet is made.
  public init(_ cache: CacheStore, _ address: RemoteAddress, sends: Bool = false) throws {
    try cache.prepare()
    self.cache = cache
    remote = address.remote(of: cache.layout)
    there = try remote.list(makes: sends)
  }

  private func name(_ folder: CacheLayout.Folder, _ key: Digest, _ ending: String = "") -> String {
    String(cache.layout.path(folder, key, ending).dropFirst(cache.root.count + 1))
  }

  private func name(of artifact: Artifact) -> String {
    name(.artifacts, artifact.action, "." + artifact.fileExtension)
  }

  /// The plan keys of all results that the cache has.
  public static func allKeys(in cache: CacheStore) -> [Digest] {
    cache.layout.files(in: .plans).compactMap { cache.layout.key(of: $0, in: .plans) }
  }

  // MARK: Push

  /// Sends the results of plan keys.
  public mutating func push(_ keys: [Digest]) throws {
    var artifacts: [RemoteFile] = []
    var records: [[RemoteFile]] = [[], [], []]
    var sent: Set<Digest> = []
    for key in keys {
      guard let plan = cache.plan(key), let action = cache.action(plan.artifact.action),
        cache.holds(action.artifact)
      else { continue }
      let file = RemoteFile(
        name: name(of: action.artifact), digest: action.artifact.fileDigest, size: action.artifact.size)
      if sent.insert(action.artifact.action).inserted {
        if there[file.name] == file.size {
          summary.present += 1
        } else if cache.isWhole(action.artifact) {
          artifacts.append(file)
        } else {
          summary.refused.append("\(cache.file(of: action.artifact)) has other bytes than when it was made")
          continue
        }
        records[0] += record(name(.actions, action.artifact.action))
      }
      records[1] += record(name(.plans, key))
      for field in plan.manifest where field.name.hasPrefix("inputs.") {
        if let join = Digest(hex: field.value), cache.join(join) != nil {
          records[2] += record(name(.joins, join))
        }
      }
    }
    for batch in Self.batches(artifacts) {
      try remote.send(batch, from: cache.root)
      summary.copied += batch.count
      summary.bytes += batch.reduce(0) { $0 + $1.size }
    }
    for files in records { for batch in Self.batches(files) { try remote.send(batch, from: cache.root) } }
  }

  /// A record that the remote lacks or has otherwise.
  private mutating func record(_ name: String) -> [RemoteFile] {
    guard let bytes = (try? POSIX.read("\(cache.root)/\(name)")) ?? nil, there[name] != bytes.count else {
      return []
    }
    there[name] = bytes.count
    return [RemoteFile(name: name, digest: Digest(of: bytes), size: bytes.count)]
  }

  private static func batches(_ files: [RemoteFile]) -> [[RemoteFile]] {
    var batches: [[RemoteFile]] = []
    var bytes = 0
    for file in files {
      if let last = batches.last, last.count < batch.files, bytes + file.size <= batch.bytes {
        batches[batches.count - 1].append(file)
        bytes += file.size
      } else {
        batches.append([file])
        bytes = file.size
      }
    }
    return batches
  }

  // MARK: Pull

  /// The plan keys of all results that the remote has.
  public var remoteKeys: [Digest] {
    there.keys.sorted().compactMap { cache.layout.key(of: "\(cache.root)/\($0)", in: .plans) }
  }

  /// Whether the remote has something under a plan key.
  public func offers(_ key: Digest) -> Bool { there[name(.plans, key)] != nil }

  /// Fetches the results of plan keys, as far as the remote has them.
  ///
  /// - Returns: The keys whose results are here now.
  @discardableResult
  public mutating func pull(_ keys: [Digest]) throws -> Set<Digest> {
    var here: Set<Digest> = []
    var wanted: [Digest] = []
    for key in keys {
      if cache.artifact(plan: key) != nil {
        summary.present += 1
        here.insert(key)
      } else if offers(key) {
        wanted.append(key)
      }
    }
    var start = 0
    while start < wanted.count {
      // Sizes are known of artifacts only once their records are here; a batch of one large artifact is as good.
      let next = Array(wanted[start..<min(wanted.count, start + Self.batch.files)])
      here.formUnion(try pullBatch(next))
      start += next.count
    }
    return here
  }

  /// Fetches what a run of some nodes would use: of what is not up to date the results nearest to the end that the remote
  /// has, and nothing before these.
  public mutating func pull(for wanted: [NodeID], of plan: Plan, _ keys: PlanKeys) throws {
    var seen = [Bool](repeating: false, count: plan.nodes.count)
    var front = wanted
    while !front.isEmpty {
      let open = front.filter { id in
        defer { seen[id.index] = true }
        return !seen[id.index] && cache.artifact(plan: keys[id]) == nil
      }
      let here = try pull(open.map { keys[$0] })
      // What is not to be had, or is damaged there, may be made of what is.
      front = open.filter { !here.contains(keys[$0]) }.flatMap { plan.predecessors(of: $0) }
    }
  }

  private mutating func pullBatch(_ keys: [Digest]) throws -> Set<Digest> {
    let stage = cache.layout.temporary("pulled")
    try POSIX.makeDirectories(stage)
    defer { POSIX.removeTree(stage) }
    let intake = CacheIntake(cache: cache, stage: stage)
    try remote.fetch(keys.map { name(.plans, $0) }, into: stage)
    let plans = keys.compactMap { key in intake.plan(name(.plans, key), key).map { (key, $0) } }
    let actions = Set(plans.map { $0.1.artifact.action }).filter { cache.artifact(action: $0) == nil }
      .sorted()
    try remote.fetch(actions.map { name(.actions, $0) }, into: stage)
    let records = actions.compactMap { intake.action(name(.actions, $0), $0) }
    let joins = Set(
      plans.flatMap { $0.1.manifest.filter { $0.name.hasPrefix("inputs.") } }.compactMap {
        Digest(hex: $0.value)
      }
    ).filter { there[name(.joins, $0)] != nil && cache.join($0) == nil }
    try remote.fetch(records.map { name(of: $0.artifact) } + joins.map { name(.joins, $0) }, into: stage)
    for record in records {
      if let problem = try intake.take(record, name(of: record.artifact)) {
        summary.refused.append(problem)
      } else {
        summary.copied += 1
        summary.bytes += record.artifact.size
      }
    }
    var here: Set<Digest> = []
    for (key, record) in plans {
      if try intake.take(record, for: key) { here.insert(key) }
    }
    for key in joins { try intake.takeJoin(name(.joins, key), key) }
    return here
  }
}

/// Takes files that came from elsewhere into a cache, each only if it is what its name and its record say.
struct CacheIntake {
  let cache: CacheStore
  /// The folder in which they are, under the names that they have in a cache.
  let stage: String

  /// Records are small. One that is not is none.
  private static let longestRecord = 16 << 20

  private func record(_ name: String, _ kind: RecordKind) -> RecordFile? {
    let path = "\(stage)/\(name)"
    guard Self.isPlainFile(path), POSIX.facts(path)!.size <= Self.longestRecord,
      let bytes = (try? POSIX.read(path)) ?? nil
    else { return nil }
    return RecordFile(bytes, kind: kind)
  }

  /// Whether a path is a file, and no link to one.
  private static func isPlainFile(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
  }

  /// The plan record of a key; nil where it is not there, or of another key.
  func plan(_ name: String, _ key: Digest) -> PlanRecord? {
    record(name, .plan).flatMap { PlanRecord($0) }.flatMap {
      Digest(of: $0.manifest, as: .plan) == key ? $0 : nil
    }
  }

  /// The record of an action; nil where it is not there, or of another action.
  func action(_ name: String, _ key: Digest) -> ActionRecord? {
    record(name, .action).flatMap { ActionRecord($0) }.flatMap { record in
      let path = "\(cache.root)/\(name.replacing(.actions, by: .artifacts)).\(record.artifact.fileExtension)"
      // The ending is part of a path.
      return record.artifact.action == key && cache.layout.key(of: path, in: .artifacts) == key ? record : nil
    }
  }

  /// Makes a staged file the artifact of its action.
  ///
  /// - Returns: What is wrong with it; nil if it is in the cache now.
  func take(_ record: ActionRecord, _ name: String) throws(SystemError) -> String? {
    let path = "\(stage)/\(name)"
    guard Self.isPlainFile(path) else { return "\(name) is not there" }
    guard POSIX.facts(path)?.size == record.artifact.size,
      try POSIX.digest(ofFile: path) == record.artifact.fileDigest
    else { return "\(name) has other bytes than its record says" }
    try POSIX.syncFile(path)
    _ = try cache.publish(path, as: record, sync: true)
    return nil
  }

  /// Lets a plan key stand for an artifact that is in the cache; false where it is not.
  func take(_ record: PlanRecord, for key: Digest) throws(SystemError) -> Bool {
    guard let artifact = cache.artifact(action: record.artifact.action),
      artifact.content == record.artifact.content
    else { return false }
    var record = record
    record.artifact = artifact
    try cache.record(record, for: key)
    return true
  }

  /// Takes the manifest of a join, which explanations read.
  func takeJoin(_ name: String, _ key: Digest) throws(SystemError) {
    guard let record = record(name, .join), Digest(of: record.fields, as: .join) == key else { return }
    try cache.record(join: record.fields, for: key)
  }
}

extension String {
  /// A name in a cache's folder, in another folder of it.
  fileprivate func replacing(_ folder: CacheLayout.Folder, by other: CacheLayout.Folder) -> String {
    other.rawValue + dropFirst(folder.rawValue.utf8.count)
  }
}
