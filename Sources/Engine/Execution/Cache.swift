// The cache folder: one artifact and one record a key, published whole or not at all.

import Glibc
import PipelineCore

/// An artifact that is in the cache.
public struct Artifact: Sendable, Hashable {
  /// The key under which it is kept: stage, parameters and the contents of the inputs.
  public var action: Digest
  /// The digest of its logical content.
  public var content: Digest
  /// The digest of the file's bytes.
  public var fileDigest: Digest
  /// The file's size in bytes.
  public var size: Int
  /// The file's ending.
  public var fileExtension: String
}

/// What is known of how an artifact was made.
public struct ActionRecord: Sendable {
  /// The artifact.
  public var artifact: Artifact
  /// The stage type.
  public var stage: String
  /// The node for which it was made.
  public var node: String
  /// The pipeline for which it was made.
  public var pipeline: String
  /// When, in universal time.
  public var created: String
  /// How long it took, in seconds.
  public var seconds: Double
  /// On how many threads.
  public var threads: Int
  /// The most memory that its worker held, in bytes.
  public var peakMemory: Int
}

/// What a plan key stands for: an artifact, and the manifest that the key was made of.
public struct PlanRecord: Sendable {
  /// The artifact.
  public var artifact: Artifact
  /// The fields of the key.
  public var manifest: [ManifestField]
  /// Why the node ran when this was recorded; empty if nothing had to run.
  public var reasons: String
}

/// A cache folder. A value: all state is in the folder.
///
/// Truth is in per-key files. `artifacts` holds finished files, named by action key; `actions` says how each
/// was made; `plans` maps plan keys to them; `joins` keeps the manifests of joins for explanations.
/// Everything appears by rename, so a reader sees a whole file or none.
public struct Cache: Sendable {
  /// The folder, absolute.
  public let root: String

  /// A cache at a folder, which need not exist yet.
  public init(root: String) {
    let path = POSIX.absolute(root)
    self.root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  func path(_ section: String, _ key: Digest, _ ending: String = "") -> String {
    let hex = key.hex
    return "\(root)/\(section)/\(hex.prefix(2))/\(hex)\(ending)"
  }

  /// Where downloads are kept.
  public var downloads: String { root + "/downloads" }
  var temporaryFolder: String { root + "/tmp" }
  var leases: String { root + "/leases" }

  /// The file of an artifact.
  public func file(of artifact: Artifact) -> String {
    path("artifacts", artifact.action, "." + artifact.fileExtension)
  }

  /// Makes the folder ready to be written.
  public func prepare() throws(SystemError) {
    try POSIX.makeDirectories(temporaryFolder)
    let probe = temporaryName("probe")
    let descriptor = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemError("write in the cache", root) }
    close(descriptor)
    unlink(probe)
  }

  /// A name that no other process or host uses, and that says whose it is.
  func temporaryName(_ hint: String) -> String {
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    return "\(temporaryFolder)/\(POSIX.scope)-\(getpid())-\(unique)-\(hint)"
  }

  // MARK: Reading

  private func record(_ section: String, _ key: Digest, kind: String) -> RecordFile? {
    guard let bytes = try? POSIX.read(path(section, key)) else { return nil }
    return RecordFile(bytes, kind: kind)
  }

  private func artifact(_ record: RecordFile) -> Artifact? {
    guard let action = record.digest("action"), let content = record.digest("content"),
      let fileDigest = record.digest("file"), let size = record.integer("size"),
      let ending = record["extension"], !ending.utf8.contains(UInt8(ascii: "/"))
    else { return nil }
    return Artifact(
      action: action, content: content, fileDigest: fileDigest, size: size, fileExtension: ending)
  }

  /// What a plan key stands for, whether or not the artifact is still there.
  public func plan(_ key: Digest) -> PlanRecord? {
    guard let record = record("plans", key, kind: "plan"), let artifact = artifact(record) else { return nil }
    let manifest = record.fields.filter { $0.name.hasPrefix("key.") }.map {
      ManifestField(name: String($0.name.dropFirst(4)), value: $0.value)
    }
    return PlanRecord(artifact: artifact, manifest: manifest, reasons: record["reasons"] ?? "")
  }

  /// How an artifact was made, whether or not it is still there.
  public func action(_ key: Digest) -> ActionRecord? {
    guard let record = record("actions", key, kind: "action"), let artifact = artifact(record),
      artifact.action == key
    else { return nil }
    return ActionRecord(
      artifact: artifact, stage: record["stage"] ?? "", node: record["node"] ?? "",
      pipeline: record["pipeline"] ?? "", created: record["created"] ?? "",
      seconds: record.number("seconds") ?? 0, threads: record.integer("threads") ?? 1,
      peakMemory: record.integer("peak_memory") ?? 0)
  }

  /// Whether the artifact's file is there with its size. Its bytes are checked by whoever reads them.
  public func holds(_ artifact: Artifact) -> Bool {
    POSIX.facts(file(of: artifact))?.size == artifact.size
  }

  /// Whether the artifact's file has the bytes that it was made with.
  func isWhole(_ artifact: Artifact) -> Bool {
    (try? POSIX.digest(ofFile: file(of: artifact))) == artifact.fileDigest
  }

  /// The artifact of a plan key, if both are there.
  public func artifact(plan key: Digest) -> Artifact? {
    guard let record = record("plans", key, kind: "plan"), let artifact = artifact(record), holds(artifact)
    else { return nil }
    return artifact
  }

  /// The artifact of an action key, if both are there.
  public func artifact(action key: Digest) -> Artifact? {
    guard let record = action(key), holds(record.artifact) else { return nil }
    return record.artifact
  }

  /// The manifest of a join: `label[axes]` → plan key.
  func join(_ key: Digest) -> [ManifestField]? { record("joins", key, kind: "join")?.fields }

  // MARK: Writing

  /// Makes a finished temporary file the artifact of an action key, then records it. With `sync`, the file is on
  /// disk already, and its name is before it is recorded.
  func publish(_ temporary: String, as record: ActionRecord, sync: Bool = true) throws(SystemError) {
    let target = file(of: record.artifact)
    try POSIX.move(temporary, to: target)
    if sync { try POSIX.syncDirectory(of: target) }
    var file = Self.fields(of: record.artifact)
    file.add("stage", record.stage)
    file.add("node", record.node)
    file.add("pipeline", record.pipeline)
    file.add("created", record.created)
    file.add("seconds", String(record.seconds))
    file.add("threads", String(record.threads))
    file.add("peak_memory", String(record.peakMemory))
    try POSIX.writeAtomically(
      file.bytes(kind: "action"), to: path("actions", record.artifact.action),
      temporary: temporaryName("action"), sync: sync)
  }

  /// Lets a plan key stand for an artifact. Not synced: a record that a power cut takes is found again by its
  /// action key.
  func record(_ plan: PlanRecord, for key: Digest) throws(SystemError) {
    var file = Self.fields(of: plan.artifact)
    if !plan.reasons.isEmpty { file.add("reasons", plan.reasons) }
    for field in plan.manifest { file.add("key." + field.name, field.value) }
    try POSIX.writeAtomically(
      file.bytes(kind: "plan"), to: path("plans", key), temporary: temporaryName("plan"), sync: false)
  }

  func record(join fields: [ManifestField], for key: Digest) throws(SystemError) {
    let target = path("joins", key)
    if POSIX.facts(target) != nil { return }
    try POSIX.writeAtomically(
      RecordFile(fields).bytes(kind: "join"), to: target, temporary: temporaryName("join"), sync: false)
  }

  /// Forgets an artifact that was found missing or damaged, so that nothing believes in it.
  func forget(_ artifact: Artifact) {
    unlink(path("actions", artifact.action))
    unlink(file(of: artifact))
  }

  private static func fields(of artifact: Artifact) -> RecordFile {
    var file = RecordFile()
    file.add("action", artifact.action.hex)
    file.add("content", artifact.content.hex)
    file.add("file", artifact.fileDigest.hex)
    file.add("size", String(artifact.size))
    file.add("extension", artifact.fileExtension)
    return file
  }

  // MARK: Failures

  /// The message of the last failed attempt at a plan key.
  public func failure(_ key: Digest) -> String? { record("failures", key, kind: "failure")?["message"] }

  func record(failure message: String, node: String, pipeline: String, for key: Digest) throws(SystemError) {
    var file = RecordFile()
    file.add("message", message)
    file.add("node", node)
    file.add("pipeline", pipeline)
    try POSIX.writeAtomically(
      file.bytes(kind: "failure"), to: path("failures", key), temporary: temporaryName("failure"), sync: false
    )
  }

  func clearFailure(_ key: Digest) { unlink(path("failures", key)) }
}
