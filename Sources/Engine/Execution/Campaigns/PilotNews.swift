// What pilots tell each other: a file each of lines that only grow, read by the others from where they stopped.

import Glibc
import PipelineCore

/// What one pilot tells the others.
package enum PilotNews: Sendable {
  /// A node was made, which took so many core-seconds.
  case made(Artifact, node: NodeID, cost: Double)
  /// A node has failed; the message is in the campaign's folder.
  case failed(Digest, node: NodeID)

  /// The key of the action.
  var action: Digest {
    switch self {
    case .made(let artifact, _, _): artifact.action
    case .failed(let action, _): action
    }
  }

  /// The line, with its end.
  var line: String {
    let words: [String]
    switch self {
    case .made(let artifact, let node, let cost):
      words = [
        "made", artifact.action.hex, artifact.content.hex, artifact.fileDigest.hex, String(artifact.size),
        artifact.fileExtension, artifact.variant, artifact.unsyncedSince?.hex ?? "", String(node.index),
        String(cost),
      ]
    case .failed(let action, let node): words = ["failed", action.hex, String(node.index)]
    }
    let body = words.map { RecordFile.escape($0, spaces: true) }.joined(separator: " ")
    return "\(body) \(checksum(body.utf8))\n"
  }

  /// Reads a line without its end; nil where it is not as it was written.
  init?(_ line: ArraySlice<UInt8>) {
    guard let space = line.lastIndex(of: UInt8(ascii: " ")),
      String(decoding: line[(space + 1)...], as: UTF8.self) == checksum(line[..<space])
    else { return nil }
    let words = line[..<space].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      .map { RecordFile.unescape($0) }
    switch words.first {
    case "made":
      guard words.count == 10, let action = Digest(hex: words[1]), let content = Digest(hex: words[2]),
        let file = Digest(hex: words[3]), let size = Int(words[4]), !words[5].contains("/"),
        let node = Int(words[8]), node >= 0, let cost = Double(words[9])
      else { return nil }
      var artifact = Artifact(
        action: action, content: content, fileDigest: file, size: size, fileExtension: words[5])
      artifact.variant = words[6]
      artifact.unsyncedSince = Digest(hex: words[7])
      self = .made(artifact, node: NodeID(node), cost: cost)
    case "failed":
      guard words.count == 3, let action = Digest(hex: words[1]), let node = Int(words[2]), node >= 0 else {
        return nil
      }
      self = .failed(action, node: NodeID(node))
    default: return nil
    }
  }
}

/// Writes the lines of one pilot.
final class PilotNewsWriter {
  private let file: OwnLog
  private var pending = ""

  init(_ path: String) { file = OwnLog(path) }

  func add(_ news: PilotNews) { pending += news.line }

  /// Writes what was added, by one call.
  func flush() throws(SystemError) {
    guard !pending.isEmpty else { return }
    try file.append(pending)
    pending = ""
  }
}

/// Reads what pilots have written since it last looked.
package final class PilotNewsReader {
  /// No file stays open between two looks: of thousands a process may not hold that many, and on NFS it is the opening that
  /// asks the server for what is new.
  private struct Source {
    var offset = 0
    /// The beginning of a line whose end is not there yet.
    var rest: [UInt8] = []
    /// How many looks in a row have found nothing.
    var silence = 0
    /// The number of the look from which on it is worth one.
    var due = 0
  }

  private let folder: String
  private let own: String
  private var sources: [String: Source] = [:]
  /// The names in the order in which their turn comes.
  private var turns: [String] = []
  private var looks = 0
  private var buffer: [UInt8] = []

  /// - Parameters:
  ///   - folder: The folder of the files.
  ///   - own: The name of the file that is not read.
  package init(_ folder: String, except own: String) { (self.folder, self.own) = (folder, own) }

  /// How many others there are or were.
  package var count: Int { sources.count }

  /// What is new, two calls a file where nothing is. A line that is not as it was written is passed over: news only save
  /// calls.
  ///
  /// - Parameters:
  ///   - limit: How many files are read, new ones first and then in turn.
  ///   - lists: Whether it looks for new files.
  ///   - sparing: Whether files that were silent for long are passed over most of the time.
  package func read(atMost limit: Int = .max, lists: Bool = true, sparing: Bool = false) -> [PilotNews] {
    looks += 1
    if lists {
      let new = POSIX.list(folder).filter { $0 != own && sources[$0] == nil }
      for name in new { sources[name] = Source() }
      turns = new + turns
    }
    let names = Array(turns.prefix(limit))
    turns.removeFirst(names.count)
    turns += names
    if buffer.isEmpty, !names.isEmpty { buffer = [UInt8](repeating: 0, count: 1 << 16) }
    var news: [PilotNews] = []
    for name in names where !sparing || sources[name]!.due <= looks { read(name, &sources[name]!, &news) }
    return news
  }

  private func read(_ name: String, _ source: inout Source, _ news: inout [PilotNews]) {
    let descriptor = open(folder + "/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let start = source.offset
    while true {
      let got = buffer.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress!, $0.count, off_t(source.offset))
      }
      guard got > 0 else { break }
      source.offset += got
      source.rest += buffer[..<got]
      var start = 0
      while let end = source.rest[start...].firstIndex(of: 0x0A) {
        if let line = PilotNews(source.rest[start..<end]) { news.append(line) }
        start = end + 1
      }
      source.rest.removeFirst(start)
      if got < buffer.count { break }
    }
    // A pilot that was silent for eighty looks is dead, or at a long node: up to seven looks later is soon enough.
    source.silence = source.offset == start ? source.silence + 1 : 0
    source.due = looks + 1 + min(7, source.silence / 10)
  }
}
