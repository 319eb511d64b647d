// What a pipeline's nodes last stood for: the memory that explanations and garbage collection need.

import Glibc
import PipelineCore

/// The plan keys that the nodes of one pipeline had when they were brought up to date, question by question.
///
/// An append-only log, `key checksum node` a line, of which the last line for a node counts. A line without a node
/// says what is asked from there on: the digest of all nodes' names and plan keys. A cut or flipped line is
/// passed over. Beside it stands the index of the last complete run, so that a run that changes nothing neither
/// reads nor writes the log.
struct Experiment {
  let pipeline: PipelineIdentity
  private let layout: CacheLayout

  init(_ pipeline: PipelineIdentity, in cache: CacheStore) {
    self.pipeline = pipeline
    layout = cache.layout
  }

  init(of plan: Plan, in cache: CacheStore) {
    self.init(PipelineIdentity(of: plan, in: cache.layout), in: cache)
  }

  /// What people call the pipeline.
  var name: String { pipeline.name }
  /// The log.
  var log: String { layout.experimentLog(pipeline.fileName) }
  /// The shortcut of a run without work.
  var index: String { layout.completion(pipeline.fileName) }

  /// The pipelines of which a cache has a log.
  static func all(in cache: CacheStore) -> [Experiment] {
    POSIX.list(cache.layout[.experiments]).filter { $0.hasSuffix(CacheLayout.logEnding) }.map {
      let fileName = String($0.dropLast(CacheLayout.logEnding.count))
      return Experiment(PipelineIdentity(fileName: fileName), in: cache)
    }
  }

  // MARK: Lines

  /// A line of the log.
  enum Line: Equatable {
    case node(String, Digest)
    case question(Digest)

    var text: String {
      let (name, key) =
        switch self {
        case .node(let name, let key): (RecordFile.escape(name), key)
        case .question(let digest): ("", digest)
        }
      let hex = key.hex
      return "\(hex) \(checksum((hex + name).utf8)) \(name)\n"
    }

    /// Reads a line without its end; nil where it is not as it was written.
    init?(_ line: ArraySlice<UInt8>) {
      // 64 digits, a space, 16 digits, a space, the name.
      guard line.count >= 82 else { return nil }
      let text = line.startIndex
      let name = line[(text + 82)...]
      guard line[text + 64] == UInt8(ascii: " "), line[text + 81] == UInt8(ascii: " "),
        let key = Digest(hex: String(decoding: line[..<(text + 64)], as: UTF8.self)),
        String(decoding: line[(text + 65)..<(text + 81)], as: UTF8.self)
          == checksum(line[..<(text + 64)] + name)
      else { return nil }
      self = name.isEmpty ? .question(key) : .node(RecordFile.unescape(name), key)
    }
  }

  static func lines(_ bytes: [UInt8]) -> some Sequence<Line> {
    bytes.split(separator: UInt8(ascii: "\n")).lazy.compactMap { Line($0) }
  }

  /// The log's bytes, or those of the log that an earlier version kept for all pipelines of this name.
  private func bytes() -> [UInt8] {
    for path in [log, layout.experimentLog(pipeline.formerFileName)] {
      if let bytes = (try? POSIX.read(path)) ?? nil { return bytes }
    }
    return []
  }

  // MARK: Reading

  /// The last key of each node.
  func lastKeys() -> [String: Digest] { Self.lastKeys(bytes()) }

  private static func lastKeys(_ bytes: [UInt8]) -> [String: Digest] {
    var keys: [String: Digest] = [:]
    for case .node(let name, let key) in lines(bytes) { keys[name] = key }
    return keys
  }

  /// The keys that the nodes had at the end of each of the last so many distinct questions.
  func keys(ofLast count: Int) -> [(node: String, key: Digest)] {
    let lines = Array(Self.lines(bytes()))
    var seen: Set<Digest> = []
    // Where the answers to the last questions end; what stands before the first question is one of its own.
    var ends: Set<Int> = []
    var end = lines.count
    for (index, line) in lines.enumerated().reversed() {
      guard case .question(let question) = line else { continue }
      if ends.count < count, seen.insert(question).inserted { ends.insert(end) }
      end = index
    }
    if ends.count < count { ends.insert(end) }
    var keys: [String: Digest] = [:]
    var found: Set<NodeKey> = []
    for (index, line) in lines.enumerated() {
      if case .node(let name, let key) = line { keys[name] = key }
      if ends.contains(index + 1) { found.formUnion(keys.map { NodeKey(node: $0.key, key: $0.value) }) }
    }
    return found.map { ($0.node, $0.key) }
  }

  private struct NodeKey: Hashable {
    var node: String
    var key: Digest
  }

  /// All keys that the log has, of runs of long ago too.
  func allKeys() -> [(node: String, key: Digest)] {
    Self.lines(bytes()).compactMap { line in
      if case .node(let name, let key) = line { (name, key) } else { nil }
    }
  }

  // MARK: Writing

  /// Adds keys, and returns how many bytes that took.
  @discardableResult
  func append(_ keys: [(node: String, key: Digest)]) throws(SystemError) -> Int {
    try append(lines: keys.map { .node($0.node, $0.key) })
  }

  private func append(lines: [Line]) throws(SystemError) -> Int {
    if lines.isEmpty { return 0 }
    return try POSIX.append(lines.map(\.text).joined(), to: log)
  }

  /// Adds the keys that the log does not have yet, and what was asked.
  ///
  /// - Parameter question: the digest of all nodes' names and plan keys.
  /// - Returns: The size of the log of which these are the last keys. If it has another size, someone else has
  ///   added to it.
  func note(_ keys: [(node: String, key: Digest)], asking question: Digest) throws(SystemError) -> Int {
    if POSIX.facts(log) == nil {
      // The first pipeline of the name takes over the log of an earlier version.
      try? POSIX.move(layout.experimentLog(pipeline.formerFileName), to: log)
    }
    let bytes = try POSIX.read(log) ?? []
    let known = Self.lastKeys(bytes)
    var last: Digest?
    for case .question(let question) in Self.lines(bytes) { last = question }
    let news = keys.filter { known[$0.node] != $0.key }.map { Line.node($0.node, $0.key) }
    return bytes.count + (try append(lines: (last == question ? [] : [.question(question)]) + news))
  }
}
