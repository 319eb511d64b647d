// Which results stand on which, as the records of a cache say: what is looked at again once one of them has other content.

import Glibc
import PipelineCore

/// What stands on what in a whole cache, whichever pipelines and options it was made for.
///
/// Read from all plan records and manifests of joins, so only where a result has other content under the same key.
struct CacheLineage {
  /// By key of a result or of a join, the keys of results and joins that take it.
  private var takers: [Digest: [Digest]] = [:]
  /// By action key, the plan keys that stand for it.
  private var plans: [Digest: [Digest]] = [:]
  /// Keys whose records were dropped and have not been written again since, as far as is known.
  private var dropped: Set<Digest> = []
  /// Keys that others stand on and that have no record: whether what they are of has changed, nothing says.
  private var unknown: [Digest] = []
  /// When the records were read, and how long that took, in seconds of the system's clock.
  private let read: (at: Double, took: Double)
  private let cache: CacheStore
  /// Records that can't be read or removed: what they are of may count as up to date without being so.
  private(set) var unreachable: [String] = []

  /// Reads the records of a cache.
  init(_ cache: CacheStore) {
    self.cache = cache
    let start = POSIX.monotonicSeconds
    var known: Set<Digest> = []
    for (key, bytes) in Self.records(.plans, of: cache, &unreachable) {
      guard let record = RecordFile(bytes, kind: .plan).flatMap({ PlanRecord($0) }) else { continue }
      known.insert(key)
      plans[record.artifact.action, default: []].append(key)
      for input in record.inputs { takers[input, default: []].append(key) }
    }
    for (key, bytes) in Self.records(.joins, of: cache, &unreachable) {
      known.insert(key)
      for field in RecordFile(bytes, kind: .join)?.fields ?? [] {
        if let member = Digest(hex: field.value) { takers[member, default: []].append(key) }
      }
    }
    unknown = takers.keys.filter { !known.contains($0) }
    read = (start, POSIX.monotonicSeconds - start)
  }

  /// Whether other processes have had time to record much since it was read.
  var isOld: Bool { POSIX.monotonicSeconds - read.at > max(10, 20 * read.took) }

  /// The readable records of a folder, by key.
  private static func records(
    _ folder: CacheLayout.Folder, of cache: CacheStore, _ unreachable: inout [String]
  ) -> [(Digest, [UInt8])] {
    let (records, failures) = POSIX.noting {
      cache.layout.files(in: folder).compactMap { path -> (Digest, [UInt8])? in
        guard let key = cache.layout.key(of: path, in: folder), let bytes = (try? POSIX.read(path)) ?? nil
        else {
          return nil
        }
        return (key, bytes)
      }
    }
    unreachable += failures.map(\.path)
    return records
  }

  /// The plan keys that stand for an action.
  func planKeys(of action: Digest) -> [Digest] { plans[action] ?? [] }

  /// Removes the plan records of results and of all that stands on them, so that contents decide whether they are up to
  /// date. None is written anew: a result with the contents of before is found by its action key.
  mutating func drop(_ keys: some Sequence<Digest>) {
    // What stands on an unknown key may stand on these: contents decide there, too.
    var worklist = Array(keys) + unknown
    unknown = []
    while let key = worklist.popLast() {
      // What stands on a record that went before went with it.
      guard dropped.insert(key).inserted else { continue }
      // A join has no plan record: then nothing is there to be removed.
      if !cache.dropPlan(key) { unreachable.append(cache.layout.path(.plans, key)) }
      worklist += takers[key] ?? []
    }
  }

  /// The record of a plan key has been written again.
  mutating func isRecorded(_ key: Digest) { dropped.remove(key) }
}
