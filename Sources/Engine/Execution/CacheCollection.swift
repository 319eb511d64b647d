// What a garbage collection takes: by reference, by age and by size, and never what a run in progress may
// need.

import Glibc
import PipelineCore

/// What a collection spares.
public struct CollectionPolicy: Sendable {
  /// Files younger than this many seconds stay.
  public var olderThan: Double
  /// What the last so many recorded runs of each pipeline made stays, besides the pipelines' last results.
  public var keepRuns: Int
  /// Nothing is removed that need not be to bring artifacts and features under this many bytes. Then the oldest go
  /// first, and last results only where all else was not enough. Nil: whatever nothing refers to goes, and
  /// nothing else.
  public var maxSize: Int?

  /// A policy; by default, whatever nothing refers to goes.
  public init(olderThan: Double = 0, keepRuns: Int = 0, maxSize: Int? = nil) {
    self.olderThan = olderThan
    self.keepRuns = keepRuns
    self.maxSize = maxSize
  }
}

/// What runs need beyond the pipelines' last results.
struct RunKeys {
  /// Pipelines of which a run is in progress: all keys in their logs count.
  var pipelines: Set<String> = []
  /// Action keys with the nodes that had them.
  var actions: [(Digest, String)] = []
}

extension Cache {
  private static let markerEnding = "-run"

  /// Writes a file that says that a run of a pipeline is in progress; whoever wrote it removes it.
  func markRun(of pipeline: String) throws(SystemError) -> String {
    let marker = temporaryName("run")
    try POSIX.create(marker, Array(pipeline.utf8))
    return marker
  }

  /// The pipelines of which a run is in progress, on this host or on another that can't be seen from here.
  func pipelinesInProgress() -> Set<String> {
    var pipelines: Set<String> = []
    for name in POSIX.list(temporaryFolder)
    where name.hasSuffix(Self.markerEnding) && ownerIsGone(name) != true {
      if let bytes = (try? POSIX.read(temporaryFolder + "/" + name)) ?? nil {
        pipelines.insert(String(decoding: bytes, as: UTF8.self))
      }
    }
    return pipelines
  }

  /// What a collection by this policy removes.
  public func garbage(_ policy: CollectionPolicy) -> [Garbage] {
    var keys = RunKeys(pipelines: pipelinesInProgress())
    if policy.keepRuns > 0 {
      let history = RunHistory(cache: self)
      var counts: [String: Int] = [:]
      for run in history.runs() where counts[run.pipeline, default: 0] < policy.keepRuns {
        counts[run.pipeline, default: 0] += 1
        keys.actions += run.keys.map { ($0.value, "\(run.pipeline)/\($0.key)") }
      }
    }
    let unreferenced = garbage(olderThan: policy.olderThan, keys)
    guard let maxSize = policy.maxSize else { return unreferenced }
    return shrink(to: maxSize, unreferenced, policy, isRunning: !keys.pipelines.isEmpty)
  }

  /// As much of what nothing refers to as is needed, the oldest first, then as much of the rest.
  private func shrink(to maxSize: Int, _ unreferenced: [Garbage], _ policy: CollectionPolicy, isRunning: Bool)
    -> [Garbage]
  {
    struct Candidate {
      var item: Garbage
      var modified: Double
      var isReferenced: Bool
    }
    let now = Double(time(nil))
    let loose = Set(unreferenced.map(\.path))
    let working = LeaseKeeper.owners(in: self)
    var total = 0
    var candidates: [Candidate] = []
    for path in files(in: "artifacts") {
      guard let facts = POSIX.facts(path), let key = key(of: path) else { continue }
      total += facts.size
      // What a run that is in progress will read can't be told from what it will not.
      guard loose.contains(path) || !isRunning, working[key] == nil,
        policy.olderThan == 0 || now - facts.modified >= policy.olderThan
      else { continue }
      let item = Garbage(path: path, record: action(key), size: facts.size)
      candidates.append(Candidate(item: item, modified: facts.modified, isReferenced: !loose.contains(path)))
    }
    for path in shards {
      guard let facts = POSIX.facts(path), policy.olderThan == 0 || now - facts.modified >= policy.olderThan
      else { continue }
      total += facts.size
      let item = Garbage(path: path, record: nil, size: facts.size)
      candidates.append(Candidate(item: item, modified: facts.modified, isReferenced: false))
    }
    candidates.sort {
      ($0.isReferenced ? 1 : 0, $0.modified, $0.item.path) < (
        $1.isReferenced ? 1 : 0, $1.modified, $1.item.path
      )
    }
    var chosen: [Garbage] = []
    var gone: Set<Digest> = []
    for candidate in candidates where total > maxSize {
      total -= candidate.item.size
      chosen.append(candidate.item)
      guard let key = key(of: candidate.item.path) else { continue }
      gone.insert(key)
      let record = path("actions", key)
      if let facts = POSIX.facts(record) {
        chosen.append(Garbage(path: record, record: nil, size: facts.size))
      }
    }
    // Records of what stays, stay.
    for item in unreferenced {
      let section = item.path.dropFirst(root.count + 1).prefix { $0 != "/" }
      switch section {
      case "artifacts", "actions": continue
      case "features" where item.path.hasSuffix(".shard"): continue
      case "plans":
        if let key = key(of: item.path), let record = plan(key), !gone.contains(record.artifact.action),
          holds(record.artifact)
        {
          continue
        }
      default: break
      }
      chosen.append(item)
    }
    return chosen
  }
}
