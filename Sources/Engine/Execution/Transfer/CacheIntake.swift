// Takes files that came from elsewhere into a cache, each only if it is what its name and its record say.

import Glibc
import PipelineCore

/// Takes files that came from elsewhere into a cache, each only if it is what its name and its record say.
struct CacheIntake {
  let cache: CacheStore
  /// The folder in which they are, under the names that they have in a cache.
  let stage: String
  let formers: FormerResults

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
  /// - Parameter keys: The plan keys that will stand for it.
  /// - Returns: What is wrong with it; nil if it is in the cache now.
  func take(_ record: ActionRecord, _ name: String, for keys: [Digest]) throws(SystemError) -> String? {
    let path = "\(stage)/\(name)"
    guard Self.isPlainFile(path) else { return "\(name) is not there" }
    guard POSIX.facts(path)?.size == record.artifact.size,
      try POSIX.digest(ofFile: path) == record.artifact.fileDigest
    else { return "\(name) has other bytes than its record says" }
    try POSIX.syncFile(path)
    formers.makeWay(for: record.artifact, keys)
    _ = try cache.publish(path, as: record, sync: true)
    return nil
  }

  /// Lets a plan key stand for an artifact that is in the cache; false where it is not.
  func take(_ record: PlanRecord, for key: Digest) throws(SystemError) -> Bool {
    guard let artifact = cache.artifact(action: record.artifact.action),
      artifact.content == record.artifact.content
    else { return false }
    formers.makeWay(for: artifact, [key])
    var record = record
    record.artifact = artifact
    try cache.record(record, for: key)
    return true
  }

  /// The manifest of a join; nil where it is not there, or of another key.
  func join(_ name: String, _ key: Digest) -> [ManifestField]? {
    record(name, .join).flatMap { Digest(of: $0.fields, as: .join) == key ? $0.fields : nil }
  }

  /// Takes the manifest of a join, which explanations read.
  func takeJoin(_ name: String, _ key: Digest) throws(SystemError) {
    if let fields = join(name, key) { try cache.record(join: fields, for: key) }
  }
}

/// Lost results of a cache in whose place others come. What was made of them must not stay fresh beside those.
final class FormerResults {
  private let cache: CacheStore
  /// Read once something differs, and then kept: what is taken since was made of what comes.
  private var lineage: CacheLineage?

  init(_ cache: CacheStore) { self.cache = cache }

  /// Drops the plan records of what a result will replace, and of all that stands on it, where its content is another one.
  /// To be done before the result is there: whatever interrupts then, contents decide.
  func makeWay(for artifact: Artifact, _ keys: [Digest]) {
    let former = cache.action(artifact.action)?.artifact
    let isOther =
      former.map { $0.content != artifact.content } ?? false
      || keys.contains { key in
        cache.plan(key).map { $0.artifact.content != artifact.content } ?? false
      }
    if !isOther { return }
    var all = lineage ?? CacheLineage(cache)
    all.drop(all.planKeys(of: artifact.action) + keys)
    lineage = all
  }

  /// What is wrong where records could not be read or removed.
  var problem: String? {
    guard let lineage, let path = lineage.unreachable.last else { return nil }
    return
      "\(lineage.unreachable.count) records of this cache can't be read or removed, such as \(path): what was made of a "
      + "former result may count as up to date there; its owner should run 'pipeline run --force'"
  }
}

extension String {
  /// A name in a cache's folder, in another folder of it.
  fileprivate func replacing(_ folder: CacheLayout.Folder, by other: CacheLayout.Folder) -> String {
    other.rawValue + dropFirst(folder.rawValue.utf8.count)
  }
}
