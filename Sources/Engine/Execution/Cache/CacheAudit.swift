// Compares every file of a cache with what its name and its record say.

import Glibc
import PipelineCore
import Wording

/// Something in the cache that is not as it should be.
public struct CacheDamage: Sendable {
  /// The file.
  public var path: String
  /// What is wrong with it.
  public var problem: String
  /// The nodes that it concerns, as `pipeline/node`.
  public var nodes: [String]
  /// Whether a run that needs it makes it again, or does without, once it is out of the way.
  public var isReplaceable = false
  /// Where it is a line of a log: the line's bytes in the file.
  public var line: Range<Int>?
}

/// One look at every byte of a cache.
///
/// What can't be checked, by its nature: downloads (their stage checks them at each use), temporary files,
/// whether whole lines are missing from the end of a log, and an artifact without a record, which a kill
/// between the two steps of publishing leaves and which nothing ever reads.
public struct CacheAudit {
  private let cache: CacheStore
  private let layout: CacheLayout
  private let references: CacheReferences
  /// What was found.
  public private(set) var damage: [CacheDamage] = []
  /// How many files were looked at.
  public private(set) var checked = 0

  /// Looks at a cache.
  ///
  /// Where something is damaged, the shortcuts of runs without work are removed, so that the next run of a
  /// pipeline looks at each of its records.
  ///
  /// - Throws: `NotACache`; `UnreadableCache` where anything can't be read: that is no damage.
  public init(_ cache: CacheStore) throws {
    let (audit, failures) = try POSIX.noting { try CacheAudit(lookingAt: cache) }
    if let problem = UnreadableCache(cache, failures) { throw problem }
    self = audit
    if !damage.isEmpty { removeShortcuts() }
  }

  private init(lookingAt cache: CacheStore) throws(NotACache) {
    try cache.claim()
    self.cache = cache
    layout = cache.layout
    references = CacheReferences(cache)
    checkArtifacts()
    checkSections()
    for (folder, kind) in [
      (CacheLayout.Folder.actions, RecordKind.action), (.plans, .plan), (.joins, .join),
      (.failures, .failure), (.digests, .digest),
    ] {
      for path in layout.files(in: folder) { checkRecord(path, folder, kind) }
    }
    checkLeases()
    checkExperiments()
    checkRuns()
    for (path, problem) in Campaign.damage(in: layout, checked: &checked) { report(path, problem, []) }
  }

  private mutating func report(
    _ path: String, _ problem: String, _ nodes: [String], isReplaceable: Bool = false
  ) {
    damage.append(CacheDamage(path: path, problem: problem, nodes: nodes, isReplaceable: isReplaceable))
  }

  private static let otherBytes = "has other bytes than when it was made"
  private static let foreignName = "is not named by a key"

  // MARK: Results

  private func nodes(madeBy key: Digest) -> [String] {
    if let nodes = references.actions[key] { return nodes }
    return cache.action(key).map { ["\($0.pipeline)/\($0.node)"] } ?? []
  }

  private mutating func checkArtifacts() {
    for path in layout.files(in: .artifacts) {
      checked += 1
      // Looked at twice: between the record and the file a run may have made it again, or a collection removed it.
      guard let first = problem(ofArtifact: path), let found = problem(ofArtifact: path), found == first
      else {
        continue
      }
      let nodes = layout.key(of: path, in: .artifacts).map { self.nodes(madeBy: $0) } ?? []
      report(path, found.text, nodes, isReplaceable: found.isReplaceable)
    }
  }

  private struct Problem: Equatable {
    var text: String
    var isReplaceable = false
  }

  private func problem(ofArtifact path: String) -> Problem? {
    guard let key = layout.key(of: path, in: .artifacts) else { return Problem(text: Self.foreignName) }
    // Where its own record is lost, a plan record that still leads here knows its digest.
    guard let artifact = cache.action(key)?.artifact ?? references.artifacts[key],
      let facts = POSIX.facts(path)
    else { return nil }
    if cache.file(of: artifact) != path { return Problem(text: "is not the file that its record names") }
    if facts.size != artifact.size {
      return Problem(
        text: "has \(counted(facts.size, "byte")); its record says \(artifact.size)", isReplaceable: true)
    }
    return cache.isWhole(artifact) ? nil : Problem(text: Self.otherBytes, isReplaceable: true)
  }

  private mutating func checkSections() {
    for path in layout.sectionFiles() where !CacheLayout.isLeftover(path) {
      checked += 1
      // One that was removed meanwhile is no damage.
      if let bytes = (try? POSIX.read(path)) ?? nil, !StoredSection.isWhole(bytes) {
        report(path, Self.otherBytes, [], isReplaceable: true)
      }
    }
  }

  private mutating func checkRecord(_ path: String, _ folder: CacheLayout.Folder, _ kind: RecordKind) {
    checked += 1
    guard let key = layout.key(of: path, in: folder) else {
      report(path, Self.foreignName, [])
      return
    }
    guard let bytes = (try? POSIX.read(path)) ?? nil else { return }
    if !Self.isRecord(bytes, kind, key) {
      report(
        path, "is not the whole record that its name promises", references.nodes(folder, key),
        isReplaceable: true)
    } else if kind == .action, let file = cache.action(key).map({ cache.file(of: $0.artifact) }),
      POSIX.facts(file) == nil, cache.action(key) != nil
    {
      // A collection takes the record first: one that is there still has lost its file.
      report(file, "is missing", nodes(madeBy: key))
    }
  }

  /// Whether bytes are a whole record, and that of a key: the keys of plans and joins can be computed anew.
  private static func isRecord(_ bytes: [UInt8], _ kind: RecordKind, _ key: Digest) -> Bool {
    guard let record = RecordFile(bytes, kind: kind) else { return false }
    switch kind {
    case .action: return ActionRecord(record)?.artifact.action == key
    case .plan: return PlanRecord(record).map { Digest(of: $0.manifest, as: .plan) == key } ?? false
    case .join: return Digest(of: record.fields, as: .join) == key
    case .failure, .lease, .digest, .campaign, .pilot, .job: return true
    }
  }

  // MARK: Logs

  private mutating func checkLeases() {
    for name in POSIX.list(layout[.leases]) {
      let path = layout[.leases] + "/" + name
      guard POSIX.facts(path) != nil else { continue }
      checked += 1
      if LeaseOwner(file: path) == nil, POSIX.facts(path) != nil { report(path, "is not a whole lease", []) }
    }
  }

  private mutating func checkExperiments() {
    for experiment in Experiment.all(in: cache) {
      checked += 1
      checkLines(of: experiment.log, for: experiment.name) { Experiment.Line($0) != nil }
      guard let bytes = (try? POSIX.read(experiment.index)) ?? nil else { continue }
      checked += 1
      if !CompletionIndex.isSound(bytes) {
        report(experiment.index, "is not the whole index that it was written as", [experiment.name])
      }
    }
  }

  private mutating func checkRuns() {
    for name in POSIX.list(layout[.runs]) {
      checked += 1
      checkLines(of: layout[.runs] + "/" + name, for: name) { RunLog.isWhole($0) }
    }
  }

  private mutating func checkLines(
    of path: String, for name: String, _ isWhole: (ArraySlice<UInt8>) -> Bool
  ) {
    guard let bytes = (try? POSIX.read(path)) ?? nil else { return }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // A file without one whole line may be a user's.
    let isLog = lines.contains(where: isWhole)
    for (number, line) in lines.enumerated() where !line.isEmpty && !StruckLine.matches(line) {
      // A last line without an end may be one that is being written: it is damaged only where the end alone is lost.
      let isLast = number == lines.count - 1
      if isLast ? isWhole(line.dropLast()) : !isWhole(line) {
        damage.append(
          CacheDamage(
            path: path, problem: "has a damaged line \(number + 1)", nodes: [name], isReplaceable: isLog,
            line: line.startIndex..<line.endIndex))
      }
    }
  }

  private func removeShortcuts() {
    for experiment in Experiment.all(in: cache)
    where !damage.contains(where: { $0.path == experiment.index }) {
      unlink(experiment.index)
    }
  }
}
