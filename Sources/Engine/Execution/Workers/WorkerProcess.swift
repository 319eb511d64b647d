// One worker process as its scheduler sees it: a pipe for tasks, one for answers, and what it says on standard error.

import Glibc
import PipelineCore
import Programs

/// A worker process.
final class WorkerProcess {
  let child: Child
  /// The node whose task it has; nil while it is idle.
  private(set) var node: NodeID?
  private var answers = MessageBuffer()
  private var lines = LineBuffer(limit: 1 << 14)
  private var mask = SecretMask()
  /// The last lines of the present task.
  private var lastLines: [String] = []
  private(set) var errorsClosed = false
  /// What it has not taken yet of its task; a pipe holds less than a large task.
  private var outgoing: ArraySlice<UInt8> = []

  /// So many of the last lines are told with a failure.
  private static let kept = 20

  init(_ child: Child) {
    self.child = child
    for descriptor in [child.input, child.output, child.errors] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
  }

  // MARK: Tasks

  var hasUnsentBytes: Bool { !outgoing.isEmpty }

  /// Whether it has closed its answers, or says something that nobody asked for.
  var hasEnded: Bool {
    var descriptor = pollfd(fd: child.output, events: 0, revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }

  /// Gives it a task. False if nobody reads it any more.
  ///
  /// - Parameter secrets: Values that nothing that it prints may tell.
  func take(_ id: NodeID, _ message: [UInt8], hiding secrets: [String]) -> Bool {
    node = id
    mask = SecretMask(secrets)
    outgoing = message[...]
    return send()
  }

  /// Writes as much of the task as the pipe takes; false, and the rest is dropped, if nobody reads it any more.
  @discardableResult
  func send() -> Bool {
    while !outgoing.isEmpty {
      let wrote = withoutPipeSignal {
        outgoing.withUnsafeBytes { write(child.input, $0.baseAddress, $0.count) }
      }
      if wrote < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return true }
        outgoing = []
        return false
      }
      outgoing = outgoing.dropFirst(wrote)
    }
    return true
  }

  /// Its task is over: what comes from now on belongs to the next one.
  func release() {
    node = nil
    lastLines = []
  }

  // MARK: What it says

  /// The messages that have come: nil once it has closed its answers, and an error once they are no messages.
  func readAnswers() throws(WireError) -> [ArraySlice<UInt8>]? {
    guard let bytes = readSome(child.output) else { return nil }
    guard let bodies = answers.take(bytes) else { throw WireError() }
    return bodies
  }

  /// What has come on standard error, without secrets: the bytes, and the lines that they complete.
  struct Said {
    var bytes: [UInt8] = []
    var lines: [String] = []
  }

  /// What has come on standard error since the last call.
  func readErrors() -> Said {
    guard !errorsClosed else { return Said() }
    guard let bytes = readSome(child.errors) else {
      errorsClosed = true
      return takeRest()
    }
    return keep(mask.take(bytes))
  }

  /// All that has been said so far, with a last line that has no end.
  func readAllErrors() -> Said {
    var said = Said()
    func add(_ more: Said) {
      said.bytes += more.bytes
      said.lines += more.lines
    }
    // A program that the worker has started may go on for ever: no more than a few fills of a pipe.
    for _ in 0..<64 {
      var polled = pollfd(fd: child.errors, events: Int16(POLLIN), revents: 0)
      guard !errorsClosed, poll(&polled, 1, 0) > 0 else { break }
      add(readErrors())
    }
    add(takeRest())
    return said
  }

  private func takeRest() -> Said {
    var said = keep(mask.finish())
    said.lines += told([lines.takeRest()])
    return said
  }

  private func keep(_ bytes: ArraySlice<UInt8>) -> Said {
    Said(bytes: Array(bytes), lines: told(lines.take(bytes)))
  }

  private func told(_ lines: [ArraySlice<UInt8>]) -> [String] {
    let texts = lines.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    lastLines = (lastLines + texts).suffix(Self.kept)
    return texts
  }

  /// What can be read now; nil at the end of the stream.
  private func readSome(_ descriptor: Int32) -> ArraySlice<UInt8>? {
    var got = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      got = read(descriptor, buffer.baseAddress, buffer.count)
      count = max(0, got)
    }
    if got > 0 { return bytes[...] }
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? [] : nil
  }

  // MARK: Its end

  /// A failure of its task, with its last lines: what the user finds in `status` and `log` too.
  func failure(_ message: String, kind: StageFailure.Kind = .failed) -> StageFailure {
    guard !lastLines.isEmpty else { return StageFailure(message, kind: kind) }
    let last = lastLines.map { "    " + $0 }.joined(separator: "\n")
    return StageFailure("\(message); its last lines:\n\(last)", kind: kind)
  }

  /// The failure of a task whose worker ended under it.
  func failure(_ ending: ProgramEnding) -> StageFailure {
    switch ending {
    case .exited(let status): return failure("its worker exited with status \(status)")
    case .signalled(let signal):
      var message = "its worker was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
      if signal == SIGKILL {
        message += "; the kernel does this when memory runs out: lower --jobs or the stage's needs"
      }
      return failure(message, kind: ending.wasAskedToEnd ? .interrupted : .failed)
    }
  }

  /// Ends it and all that it has started.
  func end() -> ProgramEnding {
    // Before its number is given back. One that has ended by itself keeps its own status; one that has only closed its
    // output must not be waited for.
    kill(child.id, SIGKILL)
    if node != nil { POSIX.killSessions([child.id]) }
    for descriptor in [child.input, child.output, child.errors] { close(descriptor) }
    return child.wait()
  }
}
