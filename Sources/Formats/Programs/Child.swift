// A program that was started: what is written to it, what it says, and how it ends.

import Glibc

/// A running program. Whoever has it waits for it once, by `wait` or `communicate`, and closes the pipes that it asked
/// for.
public struct Child: Sendable {
  /// The process number.
  public let id: pid_t
  /// The pipe to its standard input; -1 if none was asked for.
  public let input: Int32
  /// The pipe from its standard output; -1 if none was asked for.
  public let output: Int32
  /// The pipe from its standard error; -1 if none was asked for.
  public let errors: Int32

  /// Waits for its end.
  public func wait() -> ProgramEnding {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 {
      // Nobody else waits for it, so it can only have been a signal.
      precondition(errno == EINTR, "process \(id) was waited for twice")
    }
    return ProgramEnding(waitStatus: status)
  }

  /// Waits for its end, for some seconds at most. Then it is ended with all that it has started: asked by SIGTERM, and
  /// two seconds later forced. Nil if it came to that.
  public func wait(atMost seconds: Double) -> ProgramEnding? {
    if let ending = ended(within: seconds) { return ending }
    // By now, since what has lost its parent can't be found any more.
    let all = Orphans.descendants(of: id)
    for process in [id] + all { kill(process, SIGTERM) }
    let ending = ended(within: 2)
    for process in Set(all + Orphans.descendants(of: id)) { kill(process, SIGKILL) }
    if ending == nil {
      kill(id, SIGKILL)
      _ = wait()
    }
    return nil
  }

  /// How it ended, if it does so within some seconds.
  private func ended(within seconds: Double) -> ProgramEnding? {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let end = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 + seconds
    var pause: UInt32 = 500
    while true {
      var status: Int32 = 0
      if waitpid(id, &status, WNOHANG) == id { return ProgramEnding(waitStatus: status) }
      clock_gettime(CLOCK_MONOTONIC, &now)
      guard Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 < end else { return nil }
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
  }

  /// Feeds it, reads what it says on its pipes, closes them and waits for its end. It may read and write in any order,
  /// or not at all.
  ///
  /// - Parameters:
  ///   - bytes: What is written to its standard input.
  ///   - limit: Of each output, no more than so many of the last bytes are kept.
  public func communicate(_ bytes: [UInt8] = [], keepingLast limit: Int = .max) -> (
    ending: ProgramEnding, output: [UInt8], errors: [UInt8]
  ) {
    let said = exchange(bytes, limit, stop: -1)
    return (wait(), said.output, said.errors)
  }

  /// Reads what it says and waits for its end, unless something can be read from `stop` before. Then it is ended with all
  /// that it has started, and there is no ending.
  public func communicate(stoppingAt stop: Int32) -> (ending: ProgramEnding?, output: [UInt8]) {
    let said = exchange([], .max, stop: stop)
    return (said.isWhole ? wait() : wait(atMost: 0), said.output)
  }

  /// - Returns: What it has said; not whole if it came to `stop`.
  private func exchange(
    _ bytes: [UInt8], _ limit: Int, stop: Int32
  ) -> (isWhole: Bool, output: [UInt8], errors: [UInt8]) {
    var unsent = bytes[...]
    var (said, complained): ([UInt8], [UInt8]) = ([], [])
    var open = (input: input, output: output, errors: errors)
    if open.input >= 0 { _ = fcntl(open.input, F_SETFL, O_NONBLOCK) }
    while true {
      if open.input >= 0, unsent.isEmpty { closePipe(&open.input) }
      if open.input < 0, open.output < 0, open.errors < 0 { break }
      // poll passes over negative descriptors.
      var polled = [
        pollfd(fd: open.input, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: open.output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: open.errors, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
      if polled[3].revents != 0 {
        for descriptor in [open.input, open.output, open.errors] where descriptor >= 0 { close(descriptor) }
        return (false, said, complained)
      }
      if polled[0].revents != 0, !Self.send(&unsent, open.input) { closePipe(&open.input) }
      if polled[1].revents != 0, !Self.receive(open.output, &said, limit) { closePipe(&open.output) }
      if polled[2].revents != 0, !Self.receive(open.errors, &complained, limit) { closePipe(&open.errors) }
    }
    return (true, said, complained)
  }

  private func closePipe(_ descriptor: inout Int32) {
    close(descriptor)
    descriptor = -1
  }

  /// Writes what the pipe takes; false if nobody reads it any more.
  private static func send(_ bytes: inout ArraySlice<UInt8>, _ descriptor: Int32) -> Bool {
    let wrote = withoutPipeSignal { bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
    if wrote < 0 { return errno == EINTR || errno == EAGAIN }
    bytes = bytes.dropFirst(wrote)
    return true
  }

  /// Reads what there is; false at the end.
  private static func receive(_ descriptor: Int32, _ bytes: inout [UInt8], _ limit: Int) -> Bool {
    var got = 0
    bytes += [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      got = read(descriptor, buffer.baseAddress, buffer.count)
      count = max(0, got)
    }
    if bytes.count > limit { bytes.removeFirst(bytes.count - limit) }
    return got > 0 || (got < 0 && errno == EINTR)
  }
}

/// Lets a write to a pipe that nobody reads fail with EPIPE instead of ending this process, whatever the process does
/// with SIGPIPE elsewhere: it is blocked in this thread and taken back.
public func withoutPipeSignal<R>(_ body: () -> R) -> R {
  var pipeSignal = sigset_t()
  sigemptyset(&pipeSignal)
  sigaddset(&pipeSignal, SIGPIPE)
  var pending = sigset_t()
  sigpending(&pending)
  let wasPending = sigismember(&pending, SIGPIPE) == 1
  var before = sigset_t()
  pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
  let result = body()
  let reason = errno
  if !wasPending {
    var now = timespec()
    while sigtimedwait(&pipeSignal, nil, &now) < 0, errno == EINTR {}
  }
  pthread_sigmask(SIG_SETMASK, &before, nil)
  errno = reason
  return result
}
