// Who may ask, and the way of a request to `pipeline serve` and back.

import FlyingFox
import FlyingSocks
import FoundationEssentials
import Synchronization

/// Answers requests with what `pipeline serve` says, after a look at who asks.
final class Gateway: HTTPHandler {
  private typealias Frames = AsyncStream<Parent.Frame>

  private struct State {
    var hosts: Set<String> = []
    var last = 0
    var open: [Int: Frames.Continuation] = [:]
  }

  /// Frames that wait for a browser which does not read; each has a state whole, so the oldest may be lost.
  private static let backlog = 64
  private let token: [UInt8]
  private let parent: Parent
  private let state = Mutex(State())

  init(token: String, parent: Parent) {
    self.token = Array(token.utf8)
    self.parent = parent
  }

  /// From now on requests are for this port of the loopback address.
  func listen(on port: UInt16) {
    state.withLock { $0.hosts = ["127.0.0.1:\(port)", "localhost:\(port)"] }
  }

  /// Takes a frame to whoever waits for it.
  func take(_ frame: Parent.Frame) {
    let waiting = state.withLock { $0.open[frame.number] }
    waiting?.yield(frame)
    if frame.kind == .page || frame.kind == .missing { waiting?.finish() }
  }

  /// Answers a request.
  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    // A page of elsewhere may lead its own name to this address; then the browser still sends that name.
    guard let host = request.headers[.host], state.withLock({ $0.hosts.contains(host) }) else {
      return Self.response(.misdirectedRequest, "This address answers as 127.0.0.1 only.\n")
    }
    guard let path = pathBehindToken(request.target.rawValue) else {
      return Self.response(.forbidden, "Use the whole address that 'pipeline serve' has printed.\n")
    }
    guard request.method == .GET else {
      var refusal = Self.response(.methodNotAllowed, "The page can only be read.\n")
      refusal.headers[HTTPHeader("Allow")] = "GET"
      return refusal
    }
    guard Self.isPlain(path) else { return Self.response(.notFound, "There is no such page.\n") }
    let (frames, number) = open()
    parent.tell("\(number) \(path)")
    for await frame in frames {
      switch frame.kind {
      case .page: return Self.response(.ok, frame.bytes, type: "text/html; charset=utf-8")
      case .missing: return Self.response(.notFound, frame.bytes)
      case .open, .data:
        let body = HTTPBodySequence(from: FrameBytes(first: frame.bytes, rest: frames))
        return HTTPResponse(
          statusCode: .ok, headers: Self.headers(type: "text/event-stream; charset=utf-8"), body: body)
      }
    }
    return Self.response(.internalServerError, "The page could not be made.\n")
  }

  /// The path after `/TOKEN`; nil without the token. The comparison takes as long for a wrong token as for a right one.
  private func pathBehindToken(_ target: String) -> String? {
    let bytes = Array(target.utf8)
    guard bytes.count > token.count + 1, bytes[0] == UInt8(ascii: "/"),
      bytes[token.count + 1] == UInt8(ascii: "/")
    else { return nil }
    let difference = zip(token, bytes[1...]).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
    return difference == 0 ? String(decoding: bytes[(token.count + 1)...], as: UTF8.self) : nil
  }

  /// Whether a path has nothing but what a line to the parent may have.
  private static func isPlain(_ path: String) -> Bool {
    path.utf8.count < 400 && path.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  private func open() -> (Frames, Int) {
    let (frames, continuation) = Frames.makeStream(bufferingPolicy: .bufferingNewest(Self.backlog))
    let number = state.withLock { state in
      state.last += 1
      state.open[state.last] = continuation
      return state.last
    }
    continuation.onTermination = { [self] _ in
      let known = state.withLock { $0.open.removeValue(forKey: number) }
      if known != nil { parent.tell("\(number) gone") }
    }
    return (frames, number)
  }

  private static func headers(type: String) -> HTTPHeaders {
    [
      .contentType: type, HTTPHeader("Cache-Control"): "no-store",
      HTTPHeader("X-Content-Type-Options"): "nosniff", HTTPHeader("X-Frame-Options"): "DENY",
      HTTPHeader("Referrer-Policy"): "no-referrer", HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin",
    ]
  }

  private static func response(
    _ status: HTTPStatusCode, _ bytes: some Collection<UInt8>, type: String = "text/plain; charset=utf-8"
  ) -> HTTPResponse {
    HTTPResponse(statusCode: status, headers: headers(type: type), body: Data(bytes))
  }

  private static func response(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
    response(status, Array(text.utf8))
  }
}

/// The bytes of a stream as they come. Whoever drops it has left the stream.
private struct FrameBytes: AsyncBufferedSequence {
  typealias Element = UInt8
  let first: [UInt8]
  let rest: AsyncStream<Parent.Frame>

  func makeAsyncIterator() -> Iterator { Iterator(first: first, rest: rest.makeAsyncIterator()) }

  struct Iterator: AsyncBufferedIteratorProtocol {
    fileprivate var first: [UInt8]?
    fileprivate var rest: AsyncStream<Parent.Frame>.Iterator

    mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
      if let bytes = first {
        first = nil
        return bytes
      }
      return await rest.next()?.bytes
    }

    mutating func next() async throws -> UInt8? {
      // The encoder of chunks asks for buffers only.
      preconditionFailure("a stream is read by buffers")
    }
  }
}
