// Reads and writes what a cache holds: one artifact and its records a key, published whole or not at all.

import Glibc
import PipelineCore

/// A cache folder. A value: all state is in the folder.
///
/// Truth is in per-key files. `artifacts` holds finished files, named by action key; `actions` says how each
/// was made; `plans` maps plan keys to them; `joins` keeps the manifests of joins for explanations.
/// Everything appears by rename, so a reader sees a whole file or none.
public struct CacheStore: Sendable {
  /// Its paths.
  public let layout: CacheLayout

  /// A cache at a folder, which need not exist yet.
  public init(root: String) { layout = CacheLayout(root: root) }

  /// The folder, absolute.
  public var root: String { layout.root }
  /// Where downloads are kept.
  public var downloads: String { layout[.downloads] }

  /// The file of an artifact.
  public func file(of artifact: Artifact) -> String {
    layout.path(.artifacts, artifact.action, "." + artifact.fileExtension)
  }

  /// Makes the folder ready to be written.
  ///
  /// - Throws: `NotACache` where it holds other things; `SystemError` where it can't be written.
  public func prepare() throws {
    try claim()
    if !layout.isMarked { try layout.writeMark() }
    try POSIX.makeDirectories(layout[.temporary])
    let probe = layout.temporary("probe")
    let descriptor = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError("write in the cache", root) }
    close(descriptor)
    unlink(probe)
    moveFormerSections()
  }

  /// A part of the cache for a stage; see `StageContext.section`.
  public func section(_ name: String, of identity: [String]) -> any CacheSection {
    StoredSection(name, of: identity, in: self)
  }

  // MARK: Reading

  private func record(_ folder: CacheLayout.Folder, _ key: Digest, kind: RecordKind) -> RecordFile? {
    guard let bytes = try? POSIX.read(layout.path(folder, key)) else { return nil }
    return RecordFile(bytes, kind: kind)
  }

  /// Whether there is a folder of some kind. Where there is none, nobody has to look for each of its keys.
  func has(_ folder: CacheLayout.Folder) -> Bool { POSIX.facts(layout[folder]) != nil }

  /// What a plan key stands for, whether or not the artifact is still there.
  public func plan(_ key: Digest) -> PlanRecord? {
    record(.plans, key, kind: .plan).flatMap { PlanRecord($0) }
  }

  /// How an artifact was made, whether or not it is still there.
  public func action(_ key: Digest) -> ActionRecord? {
    guard let record = record(.actions, key, kind: .action).flatMap({ ActionRecord($0) }),
      record.artifact.action == key
    else { return nil }
    return record
  }

  /// Has the next look for the record of an action ask the server. A client of NFS remembers for up to a minute that a name
  /// was absent; the opening of a folder makes it ask whether that still holds.
  func forgetAbsence(of action: Digest) {
    let folder = POSIX.parent(of: layout.path(.actions, action))
    if POSIX.reopen(folder) { return }
    // The folder itself may be remembered as absent, and the one above it.
    for path in [root, layout[.actions], folder] where !POSIX.reopen(path) { return }
  }

  /// Whether the artifact's file is there with its size; its bytes are checked by whoever reads them. Where a power cut
  /// may have come between, its bytes are checked here.
  public func holds(_ artifact: Artifact) -> Bool {
    POSIX.facts(file(of: artifact))?.size == artifact.size && (artifact.isSettled || isWhole(artifact))
  }

  /// Whether the artifact's file has the bytes that it was made with.
  func isWhole(_ artifact: Artifact) -> Bool {
    (try? POSIX.digest(ofFile: file(of: artifact))) == artifact.fileDigest
  }

  /// The artifact of a plan key, if both are there.
  public func artifact(plan key: Digest) -> Artifact? {
    guard let artifact = record(.plans, key, kind: .plan).flatMap({ Artifact($0) }), holds(artifact) else {
      return nil
    }
    return artifact
  }

  /// The artifact of an action key, if both are there.
  public func artifact(action key: Digest) -> Artifact? {
    guard let record = action(key), holds(record.artifact) else { return nil }
    return record.artifact
  }

  /// The manifest of a join: `label[axes]` → plan key.
  func join(_ key: Digest) -> [ManifestField]? { record(.joins, key, kind: .join)?.fields }

  /// The message of the last failed attempt at a plan key.
  public func failure(_ key: Digest) -> String? { failureRecord(key)?["message"] }

  func failureRecord(_ key: Digest) -> RecordFile? { record(.failures, key, kind: .failure) }

  // MARK: Writing

  /// Makes a finished temporary file the artifact of an action key, then records it. With `sync`, the file is on
  /// disk already, and its name is before it is recorded.
  ///
  /// - Returns: The artifact as it was recorded.
  func publish(_ temporary: String, as record: ActionRecord, sync: Bool = true) throws(SystemError)
    -> Artifact
  {
    var record = record
    record.artifact.unsyncedSince = sync ? nil : POSIX.boot
    let target = file(of: record.artifact)
    // A program that writes to its input must fail rather than change what others read.
    try POSIX.makeReadOnly(temporary)
    try POSIX.move(temporary, to: target)
    if sync { try POSIX.syncDirectory(of: target) }
    try write(record.record, .action, to: layout.path(.actions, record.artifact.action), sync: sync)
    return record.artifact
  }

  /// Brings an artifact to the disk that another boot wrote and that was found whole, and records that it is there, so
  /// that its bytes need not be checked again.
  ///
  /// - Returns: The artifact as it is recorded now.
  func settle(_ artifact: Artifact, plan key: Digest) -> Artifact {
    guard !artifact.isSettled, let plan = plan(key), plan.artifact == artifact else { return artifact }
    do throws(SystemError) {
      let path = file(of: artifact)
      try POSIX.syncFile(path)
      try POSIX.syncDirectory(of: path)
      if var action = action(artifact.action) {
        action.artifact.unsyncedSince = nil
        try write(action.record, .action, to: layout.path(.actions, artifact.action))
      }
      var settled = plan
      settled.artifact.unsyncedSince = nil
      try record(settled, for: key)
      return settled.artifact
    } catch {
      // In a cache that can't be written, the next run checks it again.
      return artifact
    }
  }

  /// Lets a plan key stand for an artifact. Not synced: a record that a power cut takes is found again by its
  /// action key.
  func record(_ plan: PlanRecord, for key: Digest) throws(SystemError) {
    try write(plan.record, .plan, to: layout.path(.plans, key))
  }

  func record(join fields: [ManifestField], for key: Digest) throws(SystemError) {
    // One that a power cut has torn is written anew.
    if join(key) == nil { try write(RecordFile(fields), .join, to: layout.path(.joins, key)) }
  }

  func record(
    failure message: String, of action: Digest?, node: String, pipeline: String, for key: Digest
  ) throws(SystemError) {
    var file = RecordFile()
    file.add("message", message)
    if let action { file.add("action", action.hex) }
    file.add("node", node)
    file.add("pipeline", pipeline)
    try write(file, .failure, to: layout.path(.failures, key))
  }

  private func write(_ record: RecordFile, _ kind: RecordKind, to path: String, sync: Bool = false)
    throws(SystemError)
  {
    try POSIX.writeAtomically(
      record.bytes(kind: kind), to: path, temporary: layout.temporary(kind.rawValue), sync: sync)
  }

  /// Lets a plan key stand for nothing, until its action key is known again; false where its record stays.
  @discardableResult
  func dropPlan(_ key: Digest) -> Bool {
    unlink(layout.path(.plans, key)) == 0 || errno == ENOENT || errno == ENOTDIR
  }

  /// A second, temporary name of an artifact's file, which outlives its being made again; nil where the file system has
  /// no such thing.
  func keepAside(_ artifact: Artifact) -> String? {
    let name = layout.temporary("former")
    return link(file(of: artifact), name) == 0 ? name : nil
  }

  func clearFailure(_ key: Digest) { unlink(layout.path(.failures, key)) }

  /// Forgets an artifact that was found missing or damaged, so that nothing believes in it.
  func forget(_ artifact: Artifact) {
    unlink(layout.path(.actions, artifact.action))
    unlink(file(of: artifact))
  }
}
