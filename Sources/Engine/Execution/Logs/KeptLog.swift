// What is kept of what a node printed: the beginning and the end, and how much is left out between them.

import PipelineCore

/// The text of a node's log, of bounded length.
///
/// As long as all of it is kept, a file holds just the bytes that were printed. Of a longer text it holds the first
/// `headLimit` bytes, one line that says how many bytes are left out, and the last lines.
public struct KeptLog: Sendable, Equatable {
  /// So many of the first bytes are kept.
  public static let headLimit = 1 << 18
  /// At least so many of the last bytes are kept, but for the beginning of a line that was cut.
  public static let tailLimit = 1 << 18

  package private(set) var head: [UInt8] = []
  /// How many bytes are left out between the two parts.
  public private(set) var leftOut = 0
  package private(set) var tail: [UInt8] = []

  /// A log in which nothing stands.
  public init() {}

  /// How many bytes were printed.
  public var printed: Int { head.count + leftOut + tail.count }

  /// Adds what was printed. True if bytes that stood in the file stand there no more, so that it must be written anew.
  package mutating func add(_ bytes: some Collection<UInt8>) -> Bool {
    let room = tail.isEmpty && leftOut == 0 ? Self.headLimit - head.count : 0
    head += bytes.prefix(room)
    tail += bytes.dropFirst(room)
    // Twice the limit, so that a file that grows is written anew once in a while only.
    guard tail.count > 2 * Self.tailLimit else { return false }
    shorten()
    return true
  }

  /// Leaves out what is more than the limit.
  package mutating func shorten() {
    guard tail.count > Self.tailLimit else { return }
    var cut = tail.count - Self.tailLimit
    // The tail begins with a whole line, unless a line is as long as all of it.
    if let end = tail[cut...].firstIndex(of: 0x0A), end + 1 < tail.count { cut = end + 1 }
    leftOut += cut
    tail.removeFirst(cut)
  }

  // MARK: The file

  private static let beforeCount = Array("\n[… ".utf8)
  private static let afterCount = Array(" bytes are left out here …]\n".utf8)

  private var mark: [UInt8] {
    leftOut == 0 ? [] : Self.beforeCount + Array(String(leftOut).utf8) + Self.afterCount
  }

  /// The file.
  package var bytes: [UInt8] { head + mark + tail }

  /// Reads a file, also one that is still being written.
  public init(file bytes: [UInt8]) {
    head = Array(bytes.prefix(Self.headLimit))
    let rest = bytes.dropFirst(Self.headLimit)
    if rest.starts(with: Self.beforeCount) {
      let digits = rest.dropFirst(Self.beforeCount.count).prefix { (0x30...0x39).contains($0) }
      let after = rest[digits.endIndex...]
      if let count = Int(String(decoding: digits, as: UTF8.self)), after.starts(with: Self.afterCount) {
        leftOut = count
        tail = Array(after.dropFirst(Self.afterCount.count))
        return
      }
    }
    tail = Array(rest)
  }

  /// Reads a log's file; nil where there is none.
  public init?(path: String) {
    guard let bytes = (try? POSIX.read(path)) ?? nil else { return nil }
    self.init(file: bytes)
  }

  /// What stands in the file of all that was printed after the first `position` bytes.
  public func text(after position: Int) -> [UInt8] {
    if position < head.count { return Array(head[position...]) + mark + tail }
    let begun = position - head.count
    if begun < leftOut { return mark + tail }
    return Array(tail.dropFirst(begun - leftOut))
  }
}
