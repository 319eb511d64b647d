// The pipes between the gateway and `pipeline serve`.

import Dispatch
@preconcurrency import Glibc

/// `pipeline serve`, as its gateway sees it.
///
/// From the gateway: `NUMBER PATH` for a request, the path as the browser wrote it, without the token; `NUMBER gone` once
/// the browser has left a stream. To the gateway: frames, each a line `NUMBER KIND LENGTH` and so many bytes.
final class Parent: Sendable {
  /// What a frame is.
  enum Kind: String {
    /// A whole page of HTML.
    case page
    /// There is nothing at that path.
    case missing
    /// A stream of events begins, with its first bytes.
    case open
    /// More of a stream.
    case data
  }

  /// One answer, or a part of one.
  struct Frame {
    var number: Int
    var kind: Kind
    var bytes: [UInt8]
  }

  /// The port to listen on, 0 for any, and the token; nil where standard input does not say so.
  func greeting() -> (port: UInt16, token: String)? {
    guard let words = Self.line()?.split(separator: " "), words.count == 2, let port = UInt16(words[0]) else {
      return nil
    }
    return (port, String(words[1]))
  }

  /// Says a line.
  func tell(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    // Shorter than what a pipe takes at once, so lines never mix.
    _ = write(STDOUT_FILENO, bytes, bytes.count)
  }

  /// Reads frames on a thread of its own; the end of the pipe is the end of this process.
  func startReading(_ take: @escaping @Sendable (Frame) -> Void) {
    DispatchQueue(label: "frames").async {
      while let words = Self.line()?.split(separator: " "), words.count == 3, let number = Int(words[0]),
        let kind = Kind(rawValue: String(words[1])), let length = Int(words[2]),
        let bytes = Self.bytes(length)
      {
        take(Frame(number: number, kind: kind, bytes: bytes))
      }
      exit(0)
    }
  }

  private static func line() -> String? {
    var buffer = [CChar](repeating: 0, count: 512)
    guard fgets(&buffer, Int32(buffer.count), stdin) != nil else { return nil }
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }.split(separator: "\n").first
      .map(String.init)
  }

  private static func bytes(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return fread(&bytes, 1, count, stdin) == count ? bytes : nil
  }
}
