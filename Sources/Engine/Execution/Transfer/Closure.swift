// All results of a pipeline as one file.

import Glibc
import PipelineCore

/// Why a file can't be taken.
public struct ClosureError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, and what to do.
  public var description: String
}

/// The form of the file: a line `pipeline closure 1`, entries, an empty name, and the SHA-256 of all that stands before it.
///
/// An entry is a name, a size and so many bytes; lengths and sizes have 64 bits, the least byte first. The first two entries
/// are the pipeline's name (`pipeline`) and its keys (`keys`, lines as in the pipeline's log). All others are files of a
/// cache: the record of each action before its artifact, then plan records and manifests of joins.
enum ClosureForm {
  static let header = Array("pipeline closure 1\n".utf8)
  static let pipeline = "pipeline"
  static let keys = "keys"
  static let longestName = 128
  /// Anything but an artifact is small.
  static let longestRecord = 64 << 20
}

/// Writes a closure.
public struct ClosureWriter {
  private let cache: CacheStore
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var hash = StreamingDigest()

  /// Writes the results of nodes that are up to date.
  ///
  /// - Parameters:
  ///   - nodes: The nodes' names and plan keys.
  ///   - pipeline: The pipeline's name.
  ///   - path: The file, which appears once it is whole.
  /// - Returns: The digest of the file's content, which stands at its end, and how many artifacts it has.
  public static func write(
    _ nodes: [(name: String, key: Digest)], of pipeline: String, in cache: CacheStore, to path: String
  ) throws -> (digest: Digest, artifacts: Int) {
    var writer = try ClosureWriter(cache, path)
    do {
      return try writer.write(nodes, pipeline)
    } catch {
      close(writer.descriptor)
      unlink(writer.temporary)
      throw error
    }
  }

  private init(_ cache: CacheStore, _ path: String) throws {
    self.cache = cache
    self.path = path
    temporary = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 36)).part"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError("create", temporary) }
  }

  private mutating func write(
    _ nodes: [(name: String, key: Digest)], _ pipeline: String
  ) throws -> (digest: Digest, artifacts: Int) {
    try put(ClosureForm.header)
    try put(ClosureForm.pipeline, Array(pipeline.utf8))
    let lines = nodes.map { Experiment.Line.node($0.name, $0.key).text }.joined()
    try put(ClosureForm.keys, Array(lines.utf8))
    var actions: Set<Digest> = []
    var joins: Set<Digest> = []
    for (name, key) in nodes {
      guard let plan = cache.plan(key), let action = cache.action(plan.artifact.action) else {
        throw ClosureError(description: "\(name) has no whole record in the cache; run it again")
      }
      if actions.insert(action.artifact.action).inserted { try put(action, of: name) }
      joins.formUnion(
        plan.manifest.filter { $0.name.hasPrefix("inputs.") }.compactMap { Digest(hex: $0.value) })
    }
    for (_, key) in nodes { try putFile(.plans, key) }
    for key in joins.sorted() where cache.join(key) != nil { try putFile(.joins, key) }
    try put(word: 0)
    let digest = hash.finish()
    var bytes: [UInt8] = []
    digest.append(to: &bytes)
    try POSIX.writeAll(descriptor, bytes, path: temporary)
    guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw SystemError("write", temporary) }
    try POSIX.move(temporary, to: path)
    return (digest, actions.count)
  }

  private mutating func put(_ bytes: [UInt8]) throws(SystemError) {
    bytes.withUnsafeBytes { hash.update($0) }
    try POSIX.writeAll(descriptor, bytes, path: temporary)
  }

  private mutating func put(word: UInt64) throws {
    try put(withUnsafeBytes(of: word.littleEndian) { Array($0) })
  }

  private mutating func put(_ name: String, _ bytes: [UInt8]) throws {
    try put(word: UInt64(name.utf8.count))
    try put(Array(name.utf8))
    try put(word: UInt64(bytes.count))
    try put(bytes)
  }

  private func name(_ path: String) -> String { String(path.dropFirst(cache.root.count + 1)) }

  private mutating func putFile(_ folder: CacheLayout.Folder, _ key: Digest) throws {
    let path = cache.layout.path(folder, key)
    if let bytes = try POSIX.read(path) { try put(name(path), bytes) }
  }

  private mutating func put(_ action: ActionRecord, of node: String) throws {
    guard cache.isWhole(action.artifact) else {
      throw ClosureError(description: "the artifact of \(node) is missing or damaged; run it again")
    }
    try putFile(.actions, action.artifact.action)
    let path = cache.file(of: action.artifact)
    try put(word: UInt64(name(path).utf8.count))
    try put(Array(name(path).utf8))
    try put(word: UInt64(action.artifact.size))
    try POSIX.forEachBlock(of: path) { block throws(SystemError) in try put(Array(block)) }
  }
}
