// Persistent worker processes: a crash, a kill or a hang in a stage costs its own node and nothing else.

import Glibc
import PipelineCore

/// An executor that gives each task to an idle worker process, and starts one where none is idle.
public final class WorkerPool: TaskExecutor {
  private final class Process {
    let id: pid_t
    let input: Int32
    let output: Int32
    let errors: Int32
    var lines = LineBuffer()
    var lastErrors: [String] = []
    var errorLines = LineBuffer()
    var node: NodeID?
    var outputClosed = false

    init(id: pid_t, input: Int32, output: Int32, errors: Int32) {
      self.id = id
      self.input = input
      self.output = output
      self.errors = errors
    }
  }

  private let command: [String]
  private var processes: [Process] = []

  /// A pool whose workers are started by a command, the program's path first.
  public init(command: [String]) { self.command = command }

  /// Gives the task to an idle worker, or to a new one.
  public func start(_ id: NodeID, _ task: StageTask) throws(SystemError) {
    let line = encodeLine(task)
    // An idle worker may have died since; its pipe then says so and the next one is tried.
    while let idle = processes.first(where: { $0.node == nil && !$0.outputClosed }) {
      do throws(SystemError) {
        try POSIX.writeAll(idle.input, line, path: "a worker")
        idle.node = id
        return
      } catch {
        reap(idle)
      }
    }
    let process = try spawn()
    try POSIX.writeAll(process.input, line, path: "a worker")
    process.node = id
  }

  /// Waits on all workers at once.
  public func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
    let polled = processes
    for process in polled {
      descriptors.append(pollfd(fd: process.output, events: Int16(POLLIN), revents: 0))
      descriptors.append(pollfd(fd: process.errors, events: Int16(POLLIN), revents: 0))
    }
    guard poll(&descriptors, nfds_t(descriptors.count), Int32(seconds * 1000)) > 0 else { return [] }
    var events: [ExecutorEvent] = []
    for (index, process) in polled.enumerated() {
      // Errors first, so that the last words of a dying worker are known when its end is.
      if descriptors[2 * index + 2].revents != 0 { readErrors(process, &events) }
      if descriptors[2 * index + 1].revents != 0 { readAnswers(process, &events) }
    }
    return events
  }

  private func readErrors(_ process: Process, _ events: inout [ExecutorEvent]) {
    guard let bytes = readSome(process.errors) else { return }
    for line in process.errorLines.take(bytes) {
      let text = String(decoding: line, as: UTF8.self)
      process.lastErrors.append(text)
      if process.lastErrors.count > 20 { process.lastErrors.removeFirst() }
      if let node = process.node { events.append(.log(node, text)) }
    }
  }

  private func readAnswers(_ process: Process, _ events: inout [ExecutorEvent]) {
    guard let bytes = readSome(process.output) else {
      readErrors(process, &events)
      let ending = reap(process)
      if let node = process.node { events.append(.finished(node, .failure(failure(of: process, ending)))) }
      return
    }
    for line in process.lines.take(bytes) {
      guard let node = process.node else { continue }
      switch decodeLine(WorkerMessage.self, line) {
      case .progress(let fraction, let message):
        events.append(.progress(node, fraction: fraction, message: message))
      case .log(let text): events.append(.log(node, text))
      case .finished(let outcome):
        process.node = nil
        process.lastErrors = []
        events.append(.finished(node, .success(outcome)))
      case .failed(let failure):
        process.node = nil
        process.lastErrors = []
        events.append(.finished(node, .failure(failure)))
      case nil:
        kill(-process.id, SIGKILL)
      }
    }
  }

  /// nil at the end of the stream.
  private func readSome(_ descriptor: Int32) -> ArraySlice<UInt8>? {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let got = read(descriptor, &buffer, buffer.count)
    if got > 0 { return buffer[..<got] }
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? [] : nil
  }

  private func failure(of process: Process, _ status: Int32) -> StageFailure {
    let signal = status & 0x7F
    var message: String
    if signal != 0 {
      message = "its worker was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
      if signal == SIGKILL { message += "; the kernel does this when memory runs out: lower --jobs or the stage's needs" }
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
    for process in processes where process.node == id {
      kill(-process.id, SIGKILL)
      reap(process)
    }
  }

  /// Idle workers end by themselves when their input closes; busy ones are killed.
  public func shutdown() {
    for process in processes {
      if process.node != nil { kill(-process.id, SIGKILL) }
      reap(process)
    }
  }

  @discardableResult
  private func reap(_ process: Process) -> Int32 {
    process.outputClosed = true
    processes.removeAll { $0 === process }
    close(process.input)
    close(process.output)
    close(process.errors)
    var status: Int32 = 0
    while waitpid(process.id, &status, 0) < 0, errno == EINTR {}
    return status
  }

  private func spawn() throws(SystemError) -> Process {
    func makePipe() throws(SystemError) -> (read: Int32, write: Int32) {
      var ends: [Int32] = [-1, -1]
      // Close-on-exec, so that no worker holds another's pipe open.
      guard pipe(&ends) == 0 else { throw SystemError("make a pipe for", "a worker") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
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
    // A group of its own: a terminal's Ctrl-C reaches only the scheduler, and one kill ends worker and children.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

    // Parallelism is the engine's: a BLAS with threads of its own would fight with it for the cores.
    let environment =
      currentEnvironment().filter { !$0.hasPrefix("OPENBLAS_NUM_THREADS=") && !$0.hasPrefix("OMP_NUM_THREADS=") }
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
    let process = Process(id: id, input: input.write, output: output.read, errors: errors.read)
    _ = fcntl(process.output, F_SETFL, O_NONBLOCK)
    _ = fcntl(process.errors, F_SETFL, O_NONBLOCK)
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
