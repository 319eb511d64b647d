// Exchanges results with a remote: only what is missing, and nothing that is not what its record says.

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
  /// What was left where it is, each with what is wrong: files that are not what their record says, and results that the
  /// other side has otherwise or that stand on such ones.
  public var refused: [String] = []
  /// Whether a key has one result here and another one there.
  public var differs = false

  /// Nothing yet.
  public init() {}
}

/// Exchanges results with a remote.
///
/// A result is an artifact and the record of its action, found by plan records. The artifact is sent before its record, and
/// the record before the plan record: so whatever interrupts, a name that is there stands for something that is there.
///
/// A key can have two results: of a command that does not come to the same each time, or of hosts with different kernels.
/// The first one that a cache has stays. Another one does not travel there, nor does what stands on it (`ResultComparison`).
public struct CacheTransfer {
  /// The folders that travel.
  static let folders: [CacheLayout.Folder] = [.artifacts, .actions, .plans, .joins]
  /// So many files, or so many bytes, go at once: what is interrupted loses no more.
  static let batch = (files: 64, bytes: 64 << 20)

  let cache: CacheStore
  let remote: any CacheRemote
  /// What the remote has, with sizes.
  var there: [String: Int]
  /// What the remote says of plan keys, as far as it was asked; nil where it has no whole record.
  var remotePlans: [Digest: PlanRecord?] = [:]
  /// Whether this cache had nothing that the remote's results could differ from.
  let startedEmpty: Bool
  /// What the remote's results stand on, as far as it was asked, compared with what is here. What is taken of the remote in
  /// between fits, so that what was found holds.
  var pulled: ResultComparison
  /// The keys of nodes and joins of which `pulled` knows, or that the remote says nothing of.
  var pulledKeys: Set<Digest> = []
  /// What came otherwise before.
  let formers: FormerResults
  /// What was done, without what differs.
  var done = TransferSummary()
  /// What differs.
  var refusals: Refusals

  /// Looks what the remote has.
  ///
  /// - Parameter sends: Whether results are to be pushed: then a remote that is not there yet is made.
  public init(_ cache: CacheStore, _ address: RemoteAddress, sends: Bool = false) throws {
    try cache.prepare()
    self.cache = cache
    formers = FormerResults(cache)
    pulled = ResultComparison(
      [:], plans: { cache.artifact(plan: $0) }, actions: { cache.artifact(action: $0) })
    remote = address.remote(of: cache.layout)
    there = try remote.list(makes: sends)
    refusals = Refusals(sending: sends)
    startedEmpty = !cache.has(.plans) && !cache.has(.actions)
  }

  /// What was done.
  public var summary: TransferSummary {
    var summary = done
    summary.refused += refusals.sentences
    if let problem = formers.problem { summary.refused.append(problem) }
    summary.differs = !refusals.isEmpty
    return summary
  }

  func name(_ folder: CacheLayout.Folder, _ key: Digest, _ ending: String = "") -> String {
    String(cache.layout.path(folder, key, ending).dropFirst(cache.root.count + 1))
  }

  func name(of artifact: Artifact) -> String {
    name(.artifacts, artifact.action, "." + artifact.fileExtension)
  }

  /// The plan keys of all results that the cache has.
  public static func allKeys(in cache: CacheStore) -> [Digest] {
    cache.layout.files(in: .plans).compactMap { cache.layout.key(of: $0, in: .plans) }
  }

  /// The plan keys of all results that the remote has.
  public var remoteKeys: [Digest] {
    there.keys.sorted().compactMap { cache.layout.key(of: "\(cache.root)/\($0)", in: .plans) }
  }

  /// Whether the remote has something under a plan key.
  public func offers(_ key: Digest) -> Bool { there[name(.plans, key)] != nil }

  // MARK: Records of the remote

  /// Does something with files of the remote in a folder of their own, which goes then. Those that are gone by now are not
  /// there.
  func withFetched<Result>(
    _ names: [String], _ body: (CacheIntake) throws -> Result
  ) throws -> Result {
    let stage = cache.layout.temporary("pulled")
    try POSIX.makeDirectories(stage)
    defer { POSIX.removeTree(stage) }
    if !names.isEmpty { try remote.fetch(names, into: stage) }
    return try body(CacheIntake(cache: cache, stage: stage, formers: formers))
  }

  /// Asks what the remote says of plan keys, each once.
  mutating func learnPlans(_ keys: [Digest]) throws {
    let open = keys.filter { remotePlans[$0] == nil && offers($0) }
    for part in Self.parts(open) {
      let found = try withFetched(part.map { name(.plans, $0) }) { intake in
        part.map { intake.plan(name(.plans, $0), $0) }
      }
      for (key, record) in zip(part, found) { remotePlans[key] = .some(record) }
    }
  }

  /// The records that the remote has of actions.
  func remoteActions(_ keys: [Digest]) throws -> [Digest: ActionRecord] {
    var actions: [Digest: ActionRecord] = [:]
    for part in Self.parts(keys.filter { there[name(.actions, $0)] != nil }) {
      try withFetched(part.map { name(.actions, $0) }) { intake in
        for key in part { actions[key] = intake.action(name(.actions, key), key) }
      }
    }
    return actions
  }

  /// Whether the remote has an artifact's file with its size.
  func isThere(_ artifact: Artifact) -> Bool { there[name(of: artifact)] == artifact.size }

  /// Records are small, so many of them go at once.
  private static func parts(_ keys: [Digest]) -> [ArraySlice<Digest>] {
    stride(from: 0, to: keys.count, by: 1024).map { keys[$0..<min(keys.count, $0 + 1024)] }
  }
}

extension PlanRecord {
  /// What the names of inputs begin with.
  static let inputPrefix = "inputs."

  /// The plan keys of the inputs, of nodes and of joins.
  var inputs: [Digest] {
    manifest.filter { $0.name.hasPrefix(Self.inputPrefix) }.compactMap { Digest(hex: $0.value) }
  }
}
