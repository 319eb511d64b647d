// What a garbage collection takes: by reference, by age and by size, and never what a run in progress may need.

import Glibc
import PipelineCore

/// What a collection spares.
public struct CollectionPolicy: Sendable {
  /// Seconds for which a new file is spared even if nothing refers to it: the clocks of a file server and of its hosts
  /// may differ, and what a host has written may show late on another.
  public static let grace = 60.0

  /// Files younger than this many seconds stay. Nil: only the grace counts, and sections of stages stay, however old,
  /// since nothing says which results need them.
  public var olderThan: Double?
  /// The results of the last so many distinct questions of each pipeline stay. A question is a plan: what a file asked
  /// with one set of options.
  public var keepLast: Int
  /// What the last so many recorded runs of each pipeline made stays, besides the pipelines' last results.
  public var keepRuns: Int
  /// Nothing is removed that need not be to bring artifacts and sections under this many bytes. Then the oldest go
  /// first, and last results only where all else was not enough. Nil: whatever nothing refers to goes, and
  /// nothing else.
  public var maxSize: Int?

  /// A policy; by default, whatever nothing refers to goes.
  public init(olderThan: Double? = nil, keepLast: Int = 5, keepRuns: Int = 0, maxSize: Int? = nil) {
    self.olderThan = olderThan
    self.keepLast = keepLast
    self.keepRuns = keepRuns
    self.maxSize = maxSize
  }

  /// Seconds for which any file is spared.
  var sparedAge: Double { olderThan ?? Self.grace }
}

/// What a collection removes.
public struct Garbage: Sendable {
  /// The file.
  public var path: String
  /// What it is: a record of how it was made where there is one.
  public var record: ActionRecord?
  /// Its size in bytes.
  public var size: Int
}

/// Finds what can go.
///
/// Never what a process is at work on, nor the temporary files of a process that lives; those of other hosts, whose
/// processes can't be seen from here, only after a week without a change. Never a file of a name that the cache itself
/// can't have made.
public struct CacheCollector {
  private let cache: CacheStore
  private let policy: CollectionPolicy
  private let snapshot: CacheSnapshot
  private var garbage: [Garbage] = []

  /// What a collection by a policy removes.
  ///
  /// - Throws: `NotACache`; `UnreadableCache` where anything can't be read that may speak for keeping something.
  public static func garbage(
    in cache: CacheStore, _ policy: CollectionPolicy = CollectionPolicy()
  ) throws -> [Garbage] {
    let (garbage, failures) = try POSIX.noting {
      try cache.claim()
      var collector = CacheCollector(cache, policy)
      collector.collectResults()
      collector.collectRest()
      guard let maxSize = policy.maxSize else { return collector.garbage }
      return collector.shrink(to: maxSize)
    }
    if let problem = UnreadableCache(cache, failures) { throw problem }
    return garbage
  }

  private init(_ cache: CacheStore, _ policy: CollectionPolicy) {
    self.cache = cache
    self.policy = policy
    snapshot = CacheSnapshot(cache, policy)
  }

  /// Takes a file that nothing refers to; false if it is too young to go.
  @discardableResult
  private mutating func take(
    _ file: CacheSnapshot.File, _ record: ActionRecord? = nil, after age: Double = 0
  ) -> Bool {
    guard isOld(file, max(policy.sparedAge, age)) else { return false }
    garbage.append(
      Garbage(path: file.path, record: record, size: file.facts.isDirectory ? 0 : file.facts.size))
    return true
  }

  /// A file server's clock may be ahead; age 0 means all.
  private func isOld(_ file: CacheSnapshot.File, _ age: Double) -> Bool {
    age == 0 || snapshot.now - file.facts.modified >= age
  }

  // MARK: By reference

  private mutating func collectResults() {
    for file in snapshot[.artifacts] {
      if let key = file.key, !snapshot.keeps(key) { take(file, cache.action(key)) }
    }
    for file in snapshot[.actions] {
      if let key = file.key, !snapshot.keeps(key) { take(file) }
    }
    var joins: Set<Digest> = []
    for file in snapshot[.plans] {
      guard let key = file.key, snapshot.references.plans[key] == nil else { continue }
      // Another way to an artifact that stays, such as the parameters of last week. What it stands on stays known.
      let record = cache.plan(key)
      let stays = record.map { snapshot.keeps($0.artifact.action) } ?? false
      if stays || !take(file) { joins.formUnion(record?.inputs ?? []) }
    }
    for file in snapshot[.joins] {
      guard let key = file.key, snapshot.references.joins[key] == nil, !joins.contains(key) else { continue }
      take(file, after: 3600)
    }
  }

  private mutating func collectRest() {
    let outdated = outdatedFailures()
    for file in outdated { take(file) }
    collectLogs(besides: Set(outdated.map(\.path)))
    for file in snapshot[.damaged] { take(file) }
    // What is still asked for is read once more, and kept again.
    for file in snapshot[.digests] { take(file, after: 30 * 86400) }
    for file in snapshot[.sections] {
      // Locks and temporary files live for seconds.
      if CacheLayout.isLeftover(file.path) {
        take(file, after: 86400)
      } else if let age = policy.olderThan, age > 0 {
        take(file)
      }
    }
    for file in snapshot[.temporary] {
      let name = String(CacheLayout.name(of: file.path))
      if CacheLayout.ownerIsGone(name) == true {
        take(file)
      } else if !CacheLayout.ownerIsLocal(name) {
        take(file, after: 7 * 86400)
      }
    }
    for file in snapshot[.campaigns] { take(file, after: Campaign.keptFor) }
    for file in snapshot[.leases] {
      if let owner = LeaseOwner(file: file.path) {
        if owner.isGone { take(file) }
      } else {
        // Torn by a power cut, or being written where there are no hard links.
        take(file, after: 86400)
      }
    }
  }

  /// The logs of results that go, and of failures other than the latest of each node.
  private mutating func collectLogs(besides outdated: Set<String>) {
    guard !snapshot[.logs].isEmpty else { return }
    let failed = Set(
      snapshot[.failures].filter { !outdated.contains($0.path) }.compactMap { file in
        file.key.flatMap { cache.failedAction($0) }
      })
    for file in snapshot[.logs] {
      if let key = file.key, !snapshot.keeps(key), !failed.contains(key) { take(file) }
    }
  }

  /// All but the latest failure of each node.
  private func outdatedFailures() -> [CacheSnapshot.File] {
    var latest: [String: CacheSnapshot.File] = [:]
    var outdated: [CacheSnapshot.File] = []
    for file in snapshot[.failures] {
      guard let bytes = (try? POSIX.read(file.path)) ?? nil else { continue }
      let record = RecordFile(bytes, kind: .failure)
      let node = "\(record?["pipeline"] ?? "")/\(record?["node"] ?? "")"
      guard let known = latest[node] else {
        latest[node] = file
        continue
      }
      let isNewer = file.facts.modified > known.facts.modified
      outdated.append(isNewer ? known : file)
      if isNewer { latest[node] = file }
    }
    return outdated
  }

  // MARK: By size

  private struct Candidate {
    var file: CacheSnapshot.File
    var isReferenced: Bool

    var order: (Int, Double, String) { (isReferenced ? 1 : 0, file.facts.modified, file.path) }
  }

  /// As much of what nothing refers to as is needed, the oldest first, then as much of the rest.
  private func shrink(to maxSize: Int) -> [Garbage] {
    var chosen: [Garbage] = []
    var gone: Set<Digest> = []
    let entries = snapshot[.sections].filter { !CacheLayout.isLeftover($0.path) }
    var total = (snapshot[.artifacts] + entries).reduce(0) { $0 + $1.facts.size }
    let records = Dictionary(
      snapshot[.actions].map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    for candidate in candidates(entries).sorted(by: { $0.order < $1.order }) where total > maxSize {
      let file = candidate.file
      total -= file.facts.size
      chosen.append(Garbage(path: file.path, record: file.key.flatMap(cache.action), size: file.facts.size))
      guard let key = file.key else { continue }
      gone.insert(key)
      if let record = records[key] { chosen.append(Garbage(path: record.path, size: record.facts.size)) }
    }
    let present = Set(chosen.map(\.path))
    let rest = garbage.filter { !present.contains($0.path) }
    let spared = rest.filter { staysWithItsResult($0, gone) }
    // What a spared record stands on stays known.
    let inputs = Set(
      spared.compactMap { cache.layout.key(of: $0.path, in: .plans) }.flatMap { cache.plan($0)?.inputs ?? [] }
    )
    let paths = Set(spared.map(\.path))
    return chosen
      + rest.filter { item in
        !paths.contains(item.path)
          && cache.layout.key(of: item.path, in: .joins).map(inputs.contains) != true
      }
  }

  private func candidates(_ entries: [CacheSnapshot.File]) -> [Candidate] {
    let loose = Set(garbage.map(\.path))
    let isRunning = !snapshot.inProgress.isEmpty
    let artifacts = snapshot[.artifacts].filter { file in
      // What a run that is in progress will read can't be told from what it will not.
      (loose.contains(file.path) || !isRunning) && file.key.map { !snapshot.leased.contains($0) } ?? false
    }
    return artifacts.filter { isOld($0, policy.sparedAge) }.map {
      Candidate(file: $0, isReferenced: !loose.contains($0.path))
    } + entries.filter { isOld($0, policy.sparedAge) }.map { Candidate(file: $0, isReferenced: false) }
  }

  /// Whether something that nothing refers to belongs to a result that need not go.
  private func staysWithItsResult(_ item: Garbage, _ gone: Set<Digest>) -> Bool {
    let layout = cache.layout
    if layout.key(of: item.path, in: .artifacts) != nil || layout.key(of: item.path, in: .actions) != nil {
      return true
    }
    if let key = layout.key(of: item.path, in: .logs) {
      return !gone.contains(key) && cache.action(key) != nil
    }
    if item.path.hasPrefix(layout[.sections] + "/") { return !CacheLayout.isLeftover(item.path) }
    guard let key = layout.key(of: item.path, in: .plans), let record = cache.plan(key) else { return false }
    return !gone.contains(record.artifact.action) && cache.holds(record.artifact)
  }

  // MARK: Removing

  /// Removes what was found.
  ///
  /// - Returns: Of each file, whether it is gone.
  public static func remove(_ garbage: [Garbage], from cache: CacheStore) -> [Bool] {
    // Records first: a record without its artifact is damage, an artifact without its record only waste.
    let artifacts = cache.layout[.artifacts] + "/"
    for item in garbage where !item.path.hasPrefix(artifacts) { POSIX.removeTree(item.path) }
    for item in garbage { POSIX.removeTree(item.path) }
    return garbage.map { POSIX.isGone($0.path) }
  }
}
