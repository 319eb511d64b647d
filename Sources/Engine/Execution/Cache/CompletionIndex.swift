// What a complete run of a pipeline found, in one file, so that a run that has nothing to do opens no other.

import Dispatch
import Glibc
import PipelineCore

/// The artifacts of all nodes of a pipeline's last complete run, in the order of the plan, and what the plan
/// was made of.
///
/// Only a shortcut to "all is up to date". If anything differs (another key, a file gone or of another size, a
/// pipeline file edited, a damaged index) it is passed over and every node is looked up by its own record.
/// There are two ways in: by what was asked and the bytes of all files that the plan was made of, before the
/// pipeline file is even parsed; and by the names and plan keys of all nodes, where only a comment of the
/// file changed, say.
///
/// The file: a line `pipeline completion 2`, the question, the boot, the plan's identity, the size of the experiment's log,
/// the sources (path, digest), the answer, the artifacts' endings, 88 bytes a node, and the digest of all
/// that stands before it. Numbers have 64 bits, the least byte first; texts are preceded by their length.
struct CompletionIndex {
  /// The digest of what was asked; nil where that does not settle the plan.
  var question: Digest?
  /// The digest of the nodes' names and plan keys.
  var identity: Digest
  /// The size of the experiment's log that has these keys as the last ones of all nodes.
  var logSize: Int
  /// The files that the plan was made of, with the digests of their bytes.
  var sources: [ExternalFile]
  /// What the run printed at its end.
  var answer: String
  /// The endings of the artifacts' files.
  private var endings: [String]
  /// A node each: action key, plan key, the sizes of the artifact and of the plan record, the ending's number.
  private var entries: ArraySlice<UInt8>

  /// The boot within which artifacts were written that may not be on the disk yet; nil if all are.
  private var unsyncedSince: Digest?

  private static let anyHeader = Array("pipeline completion ".utf8)
  private static let header = anyHeader + Array("2\n".utf8)
  private static let entry = 88
  private static let none = Digest(of: [])

  /// How many nodes there are.
  var count: Int { entries.count / Self.entry }

  /// The index of a run that has brought all nodes up to date; `artifacts` are those of the plan's nodes in
  /// order. Nil where a plan record is gone already.
  init?(_ plan: Plan, _ keys: PlanKeys, _ artifacts: [Artifact], logSize: Int, in cache: CacheStore) {
    question = nil
    identity = Self.identity(plan, keys)
    self.logSize = logSize
    unsyncedSince = artifacts.contains { $0.unsyncedSince != nil } ? POSIX.boot : nil
    sources = []
    answer = ""
    endings = Set(artifacts.map(\.fileExtension)).sorted()
    var writer = WireWriter(after: [], capacity: artifacts.count * Self.entry)
    for (index, artifact) in artifacts.enumerated() {
      guard let record = POSIX.facts(cache.layout.path(.plans, keys.nodes[index])) else { return nil }
      writer.put(artifact.action)
      writer.put(keys.nodes[index])
      writer.put(artifact.size)
      writer.put(record.size)
      writer.put(endings.firstIndex(of: artifact.fileExtension)!)
    }
    entries = writer.bytes[...]
  }

  /// A digest of what the plan's nodes are called and which plan keys they have.
  static func identity(_ plan: Plan, _ keys: PlanKeys) -> Digest {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(plan.nodes.count * 64)
    for index in plan.nodes.indices {
      keys.nodes[index].append(to: &bytes)
      bytes.append(contentsOf: plan.nodes[index].name.utf8)
      // No name has a newline.
      bytes.append(0x0A)
    }
    return Digest(of: bytes)
  }

  // MARK: The file

  /// Reads a file; nil if there is none or it is not exactly as it was written.
  init?(file path: String) {
    guard let bytes = (try? POSIX.read(path)) ?? nil else { return nil }
    self.init(bytes)
  }

  /// Reads the bytes of a file; nil if they are not exactly as they were written.
  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: Self.header), Self.isWhole(bytes) else { return nil }
    // The digest is no promise that the rest makes sense: whoever can write here can make one.
    var reader = WireReader(bytes.dropLast(32).dropFirst(Self.header.count))
    do throws(WireError) {
      let question = try reader.digest()
      self.question = question == Self.none ? nil : question
      let boot = try reader.digest()
      unsyncedSince = boot == Self.none ? nil : boot
      identity = try reader.digest()
      logSize = try reader.integer()
      sources = try reader.list { (reader) throws(WireError) in
        ExternalFile(path: try reader.text(), digest: try reader.digest())
      }
      answer = try reader.text()
      endings = try reader.list { (reader) throws(WireError) in try reader.text() }
    } catch { return nil }
    guard logSize >= 0, endings.allSatisfy({ $0.utf8.count <= 16 && !$0.utf8.contains(UInt8(ascii: "/")) }),
      reader.rest.count % Self.entry == 0
    else { return nil }
    entries = reader.rest
  }

  /// Whether bytes are a sound index of this version, or a whole one of another.
  static func isSound(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: header) ? CompletionIndex(bytes) != nil : isWhole(bytes)
  }

  private static func isWhole(_ bytes: [UInt8]) -> Bool {
    bytes.count >= header.count + 32 && bytes.starts(with: anyHeader)
      && Digest(bytes: bytes.suffix(32)) == Digest(of: bytes.dropLast(32))
  }

  /// Writes the file, unless it is there already with just these bytes.
  func write(_ path: String, in cache: CacheStore) throws(SystemError) {
    var writer = WireWriter(after: Self.header, capacity: entries.count + 4096)
    writer.put(question ?? Self.none)
    writer.put(unsyncedSince ?? Self.none)
    writer.put(identity)
    writer.put(logSize)
    writer.put(sources) { writer, source in
      writer.put(source.path)
      writer.put(source.digest)
    }
    writer.put(answer)
    writer.put(endings) { $0.put($1) }
    writer.put(raw: entries)
    writer.put(Digest(of: writer.bytes))
    let bytes = writer.bytes
    if let present = try POSIX.read(path), present == bytes { return }
    try POSIX.makeDirectories(cache.layout[.temporary])
    try POSIX.writeAtomically(bytes, to: path, temporary: cache.layout.temporary("completion"), sync: false)
  }

  // MARK: The cache

  /// Whether every artifact and every plan record is there with its size, and the log has not grown. After another
  /// boot, sizes are no proof of what was not synced.
  func stands(in cache: CacheStore, log: String) -> Bool {
    guard POSIX.facts(log)?.size ?? 0 == logSize, unsyncedSince == nil || unsyncedSince == POSIX.boot else {
      return false
    }
    // Relative to the folder, so that the kernel does not walk the whole path anew for each node.
    let folders = [CacheLayout.Folder.artifacts, .plans].map {
      open(cache.layout[$0], O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { for folder in folders where folder >= 0 { close(folder) } }
    guard folders.allSatisfy({ $0 >= 0 }) else { return count == 0 }
    let endings = endings.map { Array((".\($0)\0").utf8) }
    // Two threads halve the time; a few hundred files are not worth starting one.
    let parts = count > 500 ? 2 : 1
    let sound = (0..<parts).map { _ in Flag() }
    entries.withUnsafeBytes { raw in
      nonisolated(unsafe) let raw = raw
      DispatchQueue.concurrentPerform(iterations: parts) { part in
        for node in (count * part / parts)..<(count * (part + 1) / parts) {
          let entry = UnsafeRawBufferPointer(rebasing: raw[(node * Self.entry)..<((node + 1) * Self.entry)])
          if !Self.stands(entry, folders[0], folders[1], endings) { return sound[part].isSet = false }
        }
      }
    }
    return sound.allSatisfy(\.isSet)
  }

  private static func stands(
    _ entry: UnsafeRawBufferPointer, _ artifacts: Int32, _ plans: Int32, _ endings: [[UInt8]]
  ) -> Bool {
    func integer(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: entry.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    guard integer(80) < endings.count else { return false }
    return size(of: entry, at: 0, endings[Int(integer(80))], in: artifacts) == integer(64)
      && size(of: entry, at: 32, noEnding, in: plans) == integer(72)
  }

  private static let noEnding: [UInt8] = [0]

  /// The size of the file `ab/abcd…` of a key, with its ending; nil if it is not there.
  private static func size(
    of entry: UnsafeRawBufferPointer, at offset: Int, _ ending: [UInt8], in folder: Int32
  ) -> UInt64? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 96) { name in
      let digits: StaticString = "0123456789abcdef"
      for index in 0..<32 {
        let byte = entry[offset + index]
        name[3 + 2 * index] = CChar(digits.utf8Start[Int(byte >> 4)])
        name[4 + 2 * index] = CChar(digits.utf8Start[Int(byte & 15)])
      }
      name[0] = name[3]
      name[1] = name[4]
      name[2] = CChar(UInt8(ascii: "/"))
      for index in ending.indices { name[67 + index] = CChar(bitPattern: ending[index]) }
      var info = stat()
      return fstatat(folder, name.baseAddress!, &info, 0) == 0 ? UInt64(info.st_size) : nil
    }
  }
}

/// A value that one thread writes and another reads after it has joined the first.
private final class Flag: @unchecked Sendable {
  var isSet = true
}
