// What a pipeline's nodes last stood for: the memory that explanations and garbage collection need.

import Glibc
import PipelineCore

/// The plan keys that the nodes of one pipeline last had when they were brought up to date.
///
/// An append-only log, `key checksum node` a line, of which the last line for a node counts. A cut or flipped
/// line is passed over. Beside it stands the index of the last complete run, so that a run that changes nothing
/// neither reads nor writes the log.
struct Experiment {
  let name: String
  private let cache: CacheStore

  init(name: String, cache: CacheStore) {
    self.name = name
    self.cache = cache
  }

  /// A pipeline's name is the user's; it must not lead out of the folder.
  static func fileName(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16)
        text += hex.count == 1 ? "%0" + hex : "%" + hex
      }
    }
    return text.isEmpty ? "%" : text
  }

  private static func name(ofFile file: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(file).utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
        rest = rest.dropFirst(2)
        bytes.append(value)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  var log: String { cache.layout.experimentLog(Self.fileName(name)) }
  /// The shortcut of a run without work.
  var index: String { cache.layout.completion(Self.fileName(name)) }

  private static func line(_ node: String, _ key: Digest) -> String {
    let name = RecordFile.escape(node)
    let hex = key.hex
    return "\(hex) \(checksum((hex + name).utf8)) \(name)\n"
  }

  static func parse(_ line: ArraySlice<UInt8>) -> (node: String, key: Digest)? {
    // 64 digits, a space, 16 digits, a space, the name.
    guard line.count >= 82 else { return nil }
    let text = line.startIndex
    let name = line[(text + 82)...]
    guard line[text + 64] == UInt8(ascii: " "), line[text + 81] == UInt8(ascii: " "),
      let key = Digest(hex: String(decoding: line[..<(text + 64)], as: UTF8.self)),
      String(decoding: line[(text + 65)..<(text + 81)], as: UTF8.self)
        == checksum(line[..<(text + 64)] + name)
    else { return nil }
    return (RecordFile.unescape(name), key)
  }

  /// The last key of each node.
  func lastKeys() -> [String: Digest] {
    Self.lastKeys(((try? POSIX.read(log)) ?? nil) ?? [])
  }

  private static func lastKeys(_ bytes: [UInt8]) -> [String: Digest] {
    var keys: [String: Digest] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      if let (node, key) = parse(line) { keys[node] = key }
    }
    return keys
  }

  /// All keys that the log has, of runs of long ago too.
  func allKeys() -> [(key: String, value: Digest)] {
    guard let bytes = (try? POSIX.read(log)) ?? nil else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      Self.parse(line).map { ($0.node, $0.key) }
    }
  }

  /// Adds keys, and returns how many bytes that took.
  @discardableResult
  func append(_ keys: [(node: String, key: Digest)]) throws(SystemError) -> Int {
    guard !keys.isEmpty else { return 0 }
    return try POSIX.append(keys.map { Self.line($0.node, $0.key) }.joined(), to: log)
  }

  /// Adds the keys that the log does not have yet.
  ///
  /// - Returns: The size of the log of which these are the last keys. If it has another size, someone else has
  ///   added to it.
  func note(_ keys: [(node: String, key: Digest)]) throws(SystemError) -> Int {
    let bytes = try POSIX.read(log) ?? []
    let known = Self.lastKeys(bytes)
    return bytes.count + (try append(keys.filter { known[$0.node] != $0.key }))
  }

  static func all(in cache: CacheStore) -> [Experiment] {
    POSIX.list(cache.layout[.experiments]).filter { $0.hasSuffix(CacheLayout.logEnding) }.map {
      Experiment(name: name(ofFile: $0.dropLast(CacheLayout.logEnding.count)), cache: cache)
    }
  }
}
