// The program that speaks HTTP for `pipeline serve`, and the two pipes to it.

import FoundationEssentials
import Glibc
import Programs

/// `pipeline-serve`, running. It says who may ask; see Sources/Gateway for the lines on both pipes.
struct Gateway {
  /// The program's name; it stands beside this one.
  static let name = "pipeline-serve"

  /// A request, or the news that a browser has left a stream.
  struct Request {
    var number: Int
    /// The path behind the token; nil where the browser has left.
    var path: String?
  }

  private let child: Child
  private var unread: [UInt8] = []
  /// The port that it listens on.
  private(set) var port = 0

  /// Starts it; ends this program where it can't be had, or the port is taken.
  init(port: UInt16, token: String) throws {
    let program = Self.path()
    do throws(ProgramError) {
      child = try Program([program], input: .pipe, output: .pipe).start()
    } catch {
      printError(
        "error: \(error.reason): \(program); it is installed by 'make install', and built by 'swift build -c release "
          + "--product \(Self.name)'")
      throw Exit.unavailable
    }
    // Not among its arguments, which all users of the machine can read.
    put(Array("\(port) \(token)\n".utf8))
    guard let answer = nextLine()?.split(separator: " ", maxSplits: 1), answer.count == 2,
      answer[0] == "listening", let bound = Int(answer[1])
    else {
      printError(
        "error: can't listen on port \(port) of 127.0.0.1: it is in use, or not to be had; choose another --port"
      )
      throw Exit.unavailable
    }
    self.port = bound
  }

  /// Beside this program, also where that was called by a link.
  private static func path() -> String {
    let own =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    return own.parentFolder + "/" + name
  }

  /// Waits for requests; nil once the program has ended.
  mutating func wait(seconds: Double) -> [Request]? {
    var descriptor = pollfd(fd: child.output, events: Int16(POLLIN), revents: 0)
    let isReady = poll(&descriptor, 1, Int32((seconds * 1000).rounded(.up))) > 0
    if isReady, !read() { return nil }
    var requests: [Request] = []
    while let line = takeLine() {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2, let number = Int(words[0]) else { continue }
      requests.append(Request(number: number, path: words[1] == "gone" ? nil : String(words[1])))
    }
    return requests
  }

  /// Sends a frame.
  func send(_ number: Int, _ kind: String, _ bytes: [UInt8]) {
    put(Array("\(number) \(kind) \(bytes.count)\n".utf8) + bytes)
  }

  private func put(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let wrote = rest.withUnsafeBytes { write(child.input, $0.baseAddress, $0.count) }
      // That it has ended, the next wait says.
      guard wrote > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, wrote))
    }
  }

  /// Reads what there is; false at the end.
  private mutating func read() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    let got = Glibc.read(child.output, &buffer, buffer.count)
    unread += buffer.prefix(max(0, got))
    return got > 0 || got < 0 && errno == EINTR
  }

  private mutating func takeLine() -> String? {
    guard let end = unread.firstIndex(of: 0x0A) else { return nil }
    defer { unread.removeFirst(end + 1) }
    return String(decoding: unread[..<end], as: UTF8.self)
  }

  private mutating func nextLine() -> String? {
    while true {
      if let line = takeLine() { return line }
      if !read() { return nil }
    }
  }
}
