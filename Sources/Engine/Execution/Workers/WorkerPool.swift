// Persistent worker processes: a crash, a kill or a hang in a stage costs its own node and nothing else.

import Foundation
import Glibc
import PipelineCore

/// An executor that gives each task to an idle worker process, and starts one where none is idle.
public final class WorkerPool: TaskExecutor {
  private final class WorkerProcess {
    let id: pid_t
    let input: Int32
    let output: Int32
    let errors: Int32
    var answers = MessageBuffer()
    var lastErrors: [String] = []
    var errorLines = LineBuffer(limit: 1 << 14)
    var errorsClosed = false
    var node: NodeID?
    /// What the worker has not taken yet of its task; a pipe holds less than a large task.
    var outgoing: ArraySlice<UInt8> = []

    init(id: pid_t, input: Int32, output: Int32, errors: Int32) {
      self.id = id
      self.input = input
      self.output = output
      self.errors = errors
    }
  }

  private let command: [String]
  private var processes: [WorkerProcess] = []

  /// A pool whose workers are started by a command, the program's path first.
  public init(command: [String]) { self.command = command }

  /// Gives the task to an idle worker, or to a new one.
  public func start(_ id: NodeID, _ task: StageTask) throws(SystemError) {
    let message = task.bytes
    // An idle worker may have died since; then the next one is tried.
    while let idle = processes.first(where: { $0.node == nil }) {
      idle.outgoing = message[...]
      if !hasEnded(idle), send(idle) {
        idle.node = id
        return
      }
      reap(idle)
    }
    let process = try spawn()
    process.node = id
    process.outgoing = message[...]
    // One that dies at once is met in `wait`, with its last words.
    _ = send(process)
  }

  private func hasEnded(_ process: WorkerProcess) -> Bool {
    var descriptor = pollfd(fd: process.output, events: 0, revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }

  /// Writes as much of the task as the pipe takes; false if nobody reads it any more.
  private func send(_ process: WorkerProcess) -> Bool {
    while !process.outgoing.isEmpty {
      let wrote = process.outgoing.withUnsafeBytes { write(process.input, $0.baseAddress, $0.count) }
      if wrote < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN
      }
      process.outgoing = process.outgoing.dropFirst(wrote)
    }
    return true
  }

  /// Waits on all workers at once.
  public func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
    let polled = processes
    for process in polled {
      // poll passes over negative descriptors.
      let input = process.outgoing.isEmpty ? -1 : process.input
      let errors = process.errorsClosed ? -1 : process.errors
      descriptors.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0))
      descriptors.append(pollfd(fd: errors, events: Int16(POLLIN), revents: 0))
      descriptors.append(pollfd(fd: process.output, events: Int16(POLLIN), revents: 0))
    }
    guard poll(&descriptors, nfds_t(descriptors.count), Int32(seconds * 1000)) > 0 else { return [] }
    var events: [ExecutorEvent] = []
    for (index, process) in polled.enumerated() {
      if descriptors[3 * index + 1].revents != 0, !send(process) { process.outgoing = [] }
      // Errors first, so that the last words of a dying worker are known when its end is.
      if descriptors[3 * index + 2].revents != 0 { readErrors(process, &events) }
      if descriptors[3 * index + 3].revents != 0 { readAnswers(process, &events) }
    }
    return events
  }

  /// Reads what there is, up to a pipe's fill; true if there may be more.
  @discardableResult
  private func readErrors(_ process: WorkerProcess, _ events: inout [ExecutorEvent]) -> Bool {
    guard !process.errorsClosed else { return false }
    let bytes = readSome(process.errors)
    process.errorsClosed = bytes == nil
    let lines =
      bytes.map { process.errorLines.take($0) } ?? [process.errorLines.takeRest()].filter { !$0.isEmpty }
    for line in lines {
      let text = String(decoding: line, as: UTF8.self)
      process.lastErrors.append(text)
      if process.lastErrors.count > 20 { process.lastErrors.removeFirst() }
      if let node = process.node { events.append(.log(node, text)) }
    }
    return bytes?.isEmpty == false
  }

  private func readAnswers(_ process: WorkerProcess, _ events: inout [ExecutorEvent]) {
    guard let bytes = readSome(process.output) else {
      // A program that the worker has started may hold its standard error open for ever: no more than a few
      // fills.
      for _ in 0..<64 where readErrors(process, &events) {}
      if let words = lastWords(process), let node = process.node { events.append(.log(node, words)) }
      let status = reap(process)
      if let node = process.node { events.append(.finished(node, .failure(failure(of: process, status)))) }
      return
    }
    guard let bodies = process.answers.take(bytes) else {
      // Whatever it is, it does not speak the protocol.
      kill(process.id, SIGKILL)
      return
    }
    for body in bodies {
      guard let node = process.node else { continue }
      switch WorkerMessage(body) {
      case .progress(let fraction, let message):
        events.append(.progress(node, fraction: fraction, message: message))
      case .log(let text): events.append(.log(node, text))
      case .finished(let outcome):
        release(process)
        events.append(.finished(node, .success(outcome)))
      case .failed(let failure):
        release(process)
        events.append(.finished(node, .failure(failure)))
      case nil: kill(process.id, SIGKILL)
      }
    }
  }

  private func release(_ process: WorkerProcess) {
    process.node = nil
    process.lastErrors = []
    _ = process.errorLines.takeRest()
  }

  /// A last line without an end, such as a crash may leave.
  private func lastWords(_ process: WorkerProcess) -> String? {
    let rest = process.errorLines.takeRest()
    guard !rest.isEmpty else { return nil }
    let text = String(decoding: rest, as: UTF8.self)
    process.lastErrors.append(text)
    return text
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

  private func failure(of process: WorkerProcess, _ status: Int32) -> StageFailure {
    let signal = status & 0x7F
    var message: String
    if signal != 0 {
      message = "its worker was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
      if signal == SIGKILL {
        message += "; the kernel does this when memory runs out: lower --jobs or the stage's needs"
      }
    } else {
      message = "its worker exited with status \(status >> 8 & 0xFF)"
    }
    if !process.lastErrors.isEmpty {
      message += "; its last lines:\n" + process.lastErrors.map { "    " + $0 }.joined(separator: "\n")
    }
    return StageFailure(message)
  }

  /// Ends the worker of a task and all that it has started.
  public func cancel(_ id: NodeID) {
    for process in processes where process.node == id { reap(process) }
  }

  /// Ends all workers and all that they have started.
  public func shutdown() {
    // First all, then one by one: they end at the same time.
    for process in processes { kill(process.id, SIGKILL) }
    POSIX.killSessions(Set(processes.map(\.id)))
    for process in processes { reap(process) }
  }

  @discardableResult
  private func reap(_ process: WorkerProcess) -> Int32 {
    processes.removeAll { $0 === process }
    // Before its number is given back. One that has ended by itself keeps its own status; one that has only
    // closed its output must not be waited for.
    kill(process.id, SIGKILL)
    if process.node != nil { POSIX.killSessions([process.id]) }
    close(process.input)
    close(process.output)
    close(process.errors)
    var status: Int32 = 0
    while waitpid(process.id, &status, 0) < 0, errno == EINTR {}
    return status
  }

  /// One spawn at a time: a worker started by another thread between the making of a pipe and its mark as
  /// close-on-exec would hold that pipe open.
  private static let spawning = NSLock()

  private func spawn() throws(SystemError) -> WorkerProcess {
    Self.spawning.lock()
    defer { Self.spawning.unlock() }
    var opened: [Int32] = []
    func makePipe() throws(SystemError) -> (read: Int32, write: Int32) {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else {
        let error = SystemError("make a pipe for", "a worker")
        for descriptor in opened { close(descriptor) }
        throw error
      }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      opened += ends
      return (ends[0], ends[1])
    }
    let input = try makePipe()
    let output = try makePipe()
    let errors = try makePipe()
    defer { for descriptor in [input.read, output.write, errors.write] { close(descriptor) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The calling thread may be one that blocks signals, which workers and their programs would inherit.
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    // A session of its own (0x80 is POSIX_SPAWN_SETSID, which the overlay does not show): a terminal's Ctrl-C
    // reaches only the scheduler, and all that the worker starts can be found.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)

    // Parallelism is the engine's: a BLAS with threads of its own would fight with it for the cores.
    let environment =
      currentEnvironment().filter {
        !$0.hasPrefix("OPENBLAS_NUM_THREADS=") && !$0.hasPrefix("OMP_NUM_THREADS=")
      }
      + ["OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"]
    var id: pid_t = 0
    let code = withCStrings(command) { arguments in
      withCStrings(environment) { variables in
        posix_spawn(&id, command[0], &actions, &attributes, arguments, variables)
      }
    }
    guard code == 0 else {
      for descriptor in [input.write, output.read, errors.read] { close(descriptor) }
      throw SystemError("start", command[0], code: code)
    }
    let process = WorkerProcess(id: id, input: input.write, output: output.read, errors: errors.read)
    for descriptor in [process.input, process.output, process.errors] {
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
    processes.append(process)
    return process
  }
}

private func currentEnvironment() -> [String] {
  var variables: [String] = []
  var entry = environ
  while let variable = entry.pointee {
    variables.append(String(cString: variable))
    entry += 1
  }
  return variables
}

private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { copies.forEach { free($0) } }
  return body(copies)
}
