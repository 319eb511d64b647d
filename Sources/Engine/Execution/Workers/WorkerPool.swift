// Persistent worker processes: a crash, a kill or a hang in a stage costs its own node and nothing else.

import FileTree
import Glibc
import PipelineCore
import Programs

/// An executor that gives each task to an idle worker process, and starts one where none is idle.
public final class WorkerPool: TaskExecutor {
  private let program: Program
  private var processes: [WorkerProcess] = []

  /// A pool whose workers are this program itself, with some arguments: the very file that runs, even if another has
  /// taken its name since, or folders above it are closed to the user.
  public convenience init(ofThisProgram arguments: [String]) {
    let own = "/proc/self/exe"
    let name = FileTree.target(of: own) ?? CommandLine.arguments[0]
    self.init(command: [name] + arguments, file: access(own, X_OK) == 0 ? own : nil)
  }

  /// A pool whose workers are started by a command, the program's path first.
  ///
  /// - Parameter file: The program's file, where that path need not lead to it.
  public init(command: [String], file: String? = nil) {
    // Parallelism is the engine's: a BLAS with threads of its own would fight with it for the cores. A session of its
    // own: a terminal's Ctrl-C reaches only the scheduler, and all that the worker starts can be found.
    var program = Program(
      command, environment: .own(changing: ["OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"]),
      input: .pipe, output: .pipe, errors: .pipe, leadsSession: true)
    program.file = file
    self.program = program
  }

  /// Gives the task to an idle worker, or to a new one.
  public func start(_ id: NodeID, _ task: StageTask) throws(SystemError) {
    let message = task.bytes
    let secrets = task.secrets.compactMap { name in getenv(name).map { String(cString: $0) } }
    // An idle worker may have died since; then the next one is tried.
    while let idle = processes.first(where: { $0.node == nil }) {
      if !idle.hasEnded, idle.take(id, message, hiding: secrets) { return }
      end(idle)
    }
    do throws(ProgramError) {
      let process = WorkerProcess(try program.start())
      processes.append(process)
      // One that dies at once is met in `wait`, with its last words.
      _ = process.take(id, message, hiding: secrets)
    } catch {
      throw SystemError("start", error.program, code: error.code)
    }
  }

  /// Waits on all workers at once.
  public func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
    let polled = processes
    for process in polled {
      // poll passes over negative descriptors.
      let input = process.hasUnsentBytes ? process.child.input : -1
      let errors = process.errorsClosed ? -1 : process.child.errors
      descriptors.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0))
      descriptors.append(pollfd(fd: errors, events: Int16(POLLIN), revents: 0))
      descriptors.append(pollfd(fd: process.child.output, events: Int16(POLLIN), revents: 0))
    }
    guard poll(&descriptors, nfds_t(descriptors.count), Int32(seconds * 1000)) > 0 else { return [] }
    var events: [ExecutorEvent] = []
    for (index, process) in polled.enumerated() {
      if descriptors[3 * index + 1].revents != 0 { process.send() }
      // Errors first, so that what a worker says stands before what it answers.
      if descriptors[3 * index + 2].revents != 0 { tell(process.readErrors(), of: process, &events) }
      if descriptors[3 * index + 3].revents != 0 { readAnswers(process, &events) }
    }
    return events
  }

  private func tell(
    _ said: WorkerProcess.Said, of process: WorkerProcess, _ events: inout [ExecutorEvent]
  ) {
    guard let node = process.node else { return }
    if !said.bytes.isEmpty { events.append(.printed(node, said.bytes)) }
    events += said.lines.map { .log(node, $0) }
  }

  private func readAnswers(_ process: WorkerProcess, _ events: inout [ExecutorEvent]) {
    do throws(WireError) {
      guard let bodies = try process.readAnswers() else {
        tell(process.readAllErrors(), of: process, &events)
        let ending = end(process)
        if let node = process.node { events.append(.finished(node, .failure(process.failure(ending)))) }
        return
      }
      for body in bodies {
        guard let message = WorkerMessage(body) else { throw WireError() }
        if let node = process.node { take(message, of: process, node, &events) }
      }
    } catch {
      // Whatever it is, it does not speak the protocol. Its end comes as an event.
      kill(process.child.id, SIGKILL)
    }
  }

  private func take(
    _ message: WorkerMessage, of process: WorkerProcess, _ node: NodeID, _ events: inout [ExecutorEvent]
  ) {
    switch message {
    case .progress(let fraction, let message):
      events.append(.progress(node, fraction: fraction, message: message))
    case .log(let text): events += [.printed(node, Array((text + "\n").utf8)), .log(node, text)]
    case .finished(let outcome):
      tell(process.readAllErrors(), of: process, &events)
      events.append(.finished(node, .success(outcome)))
      process.release()
    case .failed(let failure):
      tell(process.readAllErrors(), of: process, &events)
      // What a program printed is told with its failure, and so kept.
      let isOwn = failure.kind == .failed || failure.kind == .interrupted
      let told = isOwn ? process.failure(failure.message, kind: failure.kind) : failure
      events.append(.finished(node, .failure(told)))
      process.release()
    }
  }

  /// Ends the worker of a task and all that it has started.
  public func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent] {
    var events: [ExecutorEvent] = []
    for process in processes where process.node == id {
      tell(process.readAllErrors(), of: process, &events)
      events.append(.finished(id, .failure(process.failure(reason))))
      end(process)
    }
    return events
  }

  /// Stops all workers and all that they have started, until `resume`.
  public func suspend() { POSIX.signalSessions(Set(processes.map(\.child.id)), SIGSTOP) }

  /// Lets all workers and all that they have started go on.
  public func resume() { POSIX.signalSessions(Set(processes.map(\.child.id)), SIGCONT) }

  /// Ends all workers and all that they have started.
  public func shutdown() {
    // First all, then one by one: they end at the same time.
    for process in processes { kill(process.child.id, SIGKILL) }
    POSIX.killSessions(Set(processes.map(\.child.id)))
    for process in processes { end(process) }
  }

  @discardableResult
  private func end(_ process: WorkerProcess) -> ProgramEnding {
    processes.removeAll { $0 === process }
    return process.end()
  }
}
