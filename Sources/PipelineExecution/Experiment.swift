// What a pipeline's nodes last stood for: the memory that explanations and garbage collection need.

import Glibc
import PipelineCore

/// The plan keys that the nodes of one pipeline last had when they were brought up to date.
///
/// An append-only log, `key node` a line, of which the last line for a node counts. A cut last line is passed
/// over. Beside it stands one digest of the keys of the last complete run, so that a run that changes nothing
/// neither reads nor writes the log.
struct Experiment {
  let name: String
  private let cache: Cache

  init(name: String, cache: Cache) {
    self.name = name
    self.cache = cache
  }

  private var log: String { "\(cache.root)/experiments/\(name).log" }
  private var seal: String { "\(cache.root)/experiments/\(name).complete" }

  /// The last key of each node.
  func lastKeys() -> [String: Digest] {
    guard let bytes = try? POSIX.read(log) else { return [:] }
    var keys: [String: Digest] = [:]
    var lines = bytes.split(separator: UInt8(ascii: "\n"))
    if let last = bytes.last, last != UInt8(ascii: "\n") { lines.removeLast() }
    for line in lines where line.count > 65 && line[line.startIndex + 64] == UInt8(ascii: " ") {
      let text = String(decoding: line, as: UTF8.self)
      guard let key = Digest(hex: text.prefix(64)) else { continue }
      keys[String(text.dropFirst(65))] = key
    }
    return keys
  }

  func append(_ key: Digest, node: String) throws(SystemError) {
    try POSIX.append("\(key.hex) \(node)\n", to: log)
  }

  /// Adds the keys that the log does not have yet, and seals the set if the run brought everything up to date.
  func note(_ keys: [(node: String, key: Digest)], complete: Bool) throws(SystemError) {
    var manifest = HashingManifest(kind: "complete")
    for (node, key) in keys { manifest.field(node, key.hex) }
    let digest = manifest.finish().hex
    if complete, let sealed = try POSIX.read(seal), String(decoding: sealed, as: UTF8.self) == digest { return }
    let known = lastKeys()
    var text = ""
    for (node, key) in keys where known[node] != key { text += "\(key.hex) \(node)\n" }
    if !text.isEmpty { try POSIX.append(text, to: log) }
    if complete {
      try POSIX.makeDirectories(POSIX.parent(of: seal))
      try POSIX.writeAtomically(
        Array(digest.utf8), to: seal, temporary: cache.temporaryName("complete"), sync: false)
    }
  }

  static func all(in cache: Cache) -> [Experiment] {
    POSIX.list(cache.root + "/experiments").filter { $0.hasSuffix(".log") }.map {
      Experiment(name: String($0.dropLast(4)), cache: cache)
    }
  }
}
