// Keeps values that must be stored nowhere out of a stream of bytes, however the stream is cut into blocks.

/// Replaces secrets by three asterisks.
package struct SecretMask {
  /// A shorter value, such as the number of a device, is no secret: to replace each `0` would make a log unreadable.
  static let shortest = 8
  private static let mark = Array("***".utf8)

  /// The longest first.
  private let secrets: [[UInt8]]
  /// The end of what has come, which may be the beginning of a secret.
  private var held: [UInt8] = []

  /// A mask of values; those that are too short for a secret are let through.
  package init(_ values: [String] = []) {
    secrets = values.map { Array($0.utf8) }.filter { $0.count >= Self.shortest }.sorted {
      $0.count > $1.count
    }
  }

  /// Takes a block, and returns what can be said by now.
  package mutating func take(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    if secrets.isEmpty { return bytes }
    let text = held + bytes
    var said: [UInt8] = []
    var place = 0
    while place < text.count {
      let rest = text[place...]
      if secrets.contains(where: { $0.count > rest.count && $0.starts(with: rest) }) { break }
      if let secret = secrets.first(where: { rest.starts(with: $0) }) {
        said += Self.mark
        place += secret.count
      } else {
        said.append(text[place])
        place += 1
      }
    }
    held = Array(text[place...])
    return said[...]
  }

  /// What is left at the end of the stream.
  package mutating func finish() -> ArraySlice<UInt8> {
    defer { held = [] }
    return held[...]
  }
}
