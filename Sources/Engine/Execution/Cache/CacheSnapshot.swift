// What a collection knows of a cache that others may be writing to: read in an order in which nothing can slip through.

import Glibc
import PipelineCore

/// The files of a cache, and what speaks for keeping them.
///
/// The order of reading is the whole point. Files are listed first, then leases are read, then the marks of runs in
/// progress, and the logs last. A run appends a node's key to its log before it gives the node's lease back. So
/// whatever is in the list and was made by a run is either still leased when the leases are read, or in the log
/// when the logs are. What is made after the list was taken is not in it. In any other order, a node that starts
/// and ends between two of the readings is in neither.
struct CacheSnapshot {
  /// A file that the cache itself can have made.
  struct File {
    var path: String
    /// The key in its name, if it is named by one.
    var key: Digest?
    var facts: FileFacts
  }

  /// Time of day when the list was taken, in seconds.
  let now: Double
  private let files: [CacheLayout.Folder: [File]]
  /// Action keys that processes are at work on.
  let leased: Set<Digest>
  /// Pipelines of which a run is in progress.
  let inProgress: Set<PipelineIdentity>
  /// What the pipelines' last results are.
  let references: CacheReferences

  /// Looks at a cache.
  init(_ cache: CacheStore, _ policy: CollectionPolicy) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    now = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    files = Self.list(cache.layout)
    leased = Set(LeaseKeeper.owners(in: cache).keys)
    inProgress = cache.pipelinesInProgress()
    references = CacheReferences(
      cache,
      counting: RunKeys(
        questions: policy.keepLast, pipelines: inProgress,
        actions: Self.actions(ofLast: policy.keepRuns, cache)))
  }

  subscript(_ folder: CacheLayout.Folder) -> [File] { files[folder] ?? [] }

  private static func list(_ layout: CacheLayout) -> [CacheLayout.Folder: [File]] {
    var files: [CacheLayout.Folder: [File]] = [:]
    func add(_ path: String, _ folder: CacheLayout.Folder, key: Digest? = nil) {
      guard let facts = POSIX.facts(path) else { return }
      files[folder, default: []].append(File(path: path, key: key, facts: facts))
    }
    for folder in CacheLayout.Folder.allCases where folder.isKeyed {
      for path in layout.files(in: folder) {
        if let key = layout.key(of: path, in: folder) { add(path, folder, key: key) }
      }
    }
    for path in layout.sectionFiles() { add(path, .sections) }
    for name in POSIX.list(layout[.damaged]) where CacheLayout.isAsideName(name) {
      add(layout[.damaged] + "/" + name, .damaged)
    }
    for name in POSIX.list(layout[.temporary]) where CacheLayout.temporaryOwner(name) != nil {
      add(layout[.temporary] + "/" + name, .temporary)
    }
    for (path, facts) in Campaign.foldersAtRest(layout) {
      files[.campaigns, default: []].append(File(path: path, key: nil, facts: facts))
    }
    for name in POSIX.list(layout[.leases]) where Digest(hex: name.prefix(64)) != nil {
      add(layout[.leases] + "/" + name, .leases)
    }
    return files
  }

  private static func actions(ofLast count: Int, _ cache: CacheStore) -> [(Digest, String)] {
    guard count > 0 else { return [] }
    var actions: [(Digest, String)] = []
    var counts: [PipelineIdentity: Int] = [:]
    for run in RunHistory(cache: cache).runs() {
      guard let pipeline = RunHistory.pipeline(of: run.id), counts[pipeline, default: 0] < count else {
        continue
      }
      counts[pipeline, default: 0] += 1
      actions += run.keys.map { ($0.value, "\(run.pipeline)/\($0.key)") }
    }
    return actions
  }

  /// Whether an artifact, or how it was made, must stay.
  func keeps(_ action: Digest) -> Bool { references.actions[action] != nil || leased.contains(action) }
}

extension CacheStore {
  private static let markerHint = "run"

  /// Writes a file that says that a run of a pipeline is in progress; whoever wrote it removes it.
  func markRun(of pipeline: PipelineIdentity) throws(SystemError) -> String {
    let marker = layout.temporary(Self.markerHint)
    try POSIX.create(marker, Array(pipeline.fileName.utf8))
    return marker
  }

  /// The pipelines of which a run is in progress, on this host or on another that can't be seen from here.
  func pipelinesInProgress() -> Set<PipelineIdentity> {
    var pipelines: Set<PipelineIdentity> = []
    for name in POSIX.list(layout[.temporary])
    where name.hasSuffix("-" + Self.markerHint) && CacheLayout.ownerIsGone(name) == false {
      if let bytes = (try? POSIX.read(layout[.temporary] + "/" + name)) ?? nil {
        pipelines.insert(PipelineIdentity(fileName: String(decoding: bytes, as: UTF8.self)))
      }
    }
    return pipelines
  }
}

extension CacheLayout {
  /// Whether the process that made a temporary file is gone; nil for a name that the cache can't have made. One that
  /// can't be seen from here is not known to be gone.
  static func ownerIsGone(_ name: String) -> Bool? {
    guard let owner = temporaryOwner(name) else { return nil }
    return owner.scope == POSIX.scope && kill(owner.process, 0) != 0 && errno == ESRCH
  }

  /// Whether the process that made a temporary file is one of this host.
  static func ownerIsLocal(_ name: String) -> Bool { temporaryOwner(name)?.scope == POSIX.scope[...] }
}
