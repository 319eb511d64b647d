// What the cache says of an artifact, and how that stands in a record.

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
  /// The boot of the host that wrote the file, while it is not known to be on the disk; nil once it is.
  ///
  /// Within that boot the kernel has the bytes, whatever becomes of processes. After another boot the power may have
  /// been cut: then a file can have its name and size and other bytes, so it is read whole before it is believed.
  var unsyncedSince: Digest?
  /// What decided the last bits when it was made; see `StageRegistry.variant`.
  public var variant = ""

  /// An artifact that is on the disk.
  public init(action: Digest, content: Digest, fileDigest: Digest, size: Int, fileExtension: String) {
    self.action = action
    self.content = content
    self.fileDigest = fileDigest
    self.size = size
    self.fileExtension = fileExtension
  }

  /// Whether its name and size are proof enough of its bytes.
  var isSettled: Bool { unsyncedSince == nil || unsyncedSince == POSIX.boot }
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
  /// What its stage has noted, such as the program that was found; see `StageContext.note`.
  public var notes: [ManifestField] = []
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

extension Artifact {
  init?(_ record: RecordFile) {
    guard let action = record.digest("action"), let content = record.digest("content"),
      let fileDigest = record.digest("file"), let size = record.integer("size"),
      let ending = record["extension"], !ending.utf8.contains(UInt8(ascii: "/"))
    else { return nil }
    self.init(action: action, content: content, fileDigest: fileDigest, size: size, fileExtension: ending)
    unsyncedSince = record.digest("unsynced")
    variant = record["variant"] ?? ""
  }

  var record: RecordFile {
    var file = RecordFile()
    file.add("action", action.hex)
    file.add("content", content.hex)
    file.add("file", fileDigest.hex)
    file.add("size", String(size))
    file.add("extension", fileExtension)
    if !variant.isEmpty { file.add("variant", variant) }
    if let unsyncedSince { file.add("unsynced", unsyncedSince.hex) }
    return file
  }
}

extension ActionRecord {
  private static let notePrefix = "note."

  /// What the stage has noted under a name.
  public func note(_ name: String) -> String? { notes.first { $0.name == name }?.value }

  init?(_ record: RecordFile) {
    guard let artifact = Artifact(record) else { return nil }
    self.init(
      artifact: artifact, stage: record["stage"] ?? "", node: record["node"] ?? "",
      pipeline: record["pipeline"] ?? "", created: record["created"] ?? "",
      seconds: record.number("seconds") ?? 0, threads: record.integer("threads") ?? 1,
      peakMemory: record.integer("peak_memory") ?? 0, notes: record.fields(after: Self.notePrefix))
  }

  var record: RecordFile {
    var file = artifact.record
    file.add("stage", stage)
    file.add("node", node)
    file.add("pipeline", pipeline)
    file.add("created", created)
    file.add("seconds", String(seconds))
    file.add("threads", String(threads))
    file.add("peak_memory", String(peakMemory))
    for note in notes { file.add(Self.notePrefix + note.name, note.value) }
    return file
  }
}

extension PlanRecord {
  private static let keyPrefix = "key."

  init?(_ record: RecordFile) {
    guard let artifact = Artifact(record) else { return nil }
    self.init(
      artifact: artifact, manifest: record.fields(after: Self.keyPrefix), reasons: record["reasons"] ?? "")
  }

  var record: RecordFile {
    var file = artifact.record
    if !reasons.isEmpty { file.add("reasons", reasons) }
    for field in manifest { file.add(Self.keyPrefix + field.name, field.value) }
    return file
  }
}
