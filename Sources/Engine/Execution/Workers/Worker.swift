// The worker's side: a process that takes one task after another from standard input until it is closed.

import Glibc
import PipelineCore
import Programs
import Synchronization
import Wording

/// A worker process.
public enum Worker {
  /// Serves tasks until standard input closes, which means that the scheduler is gone: then a task that still
  /// runs is ended too. Answers go to the original standard output; whatever a stage or a library prints goes
  /// to standard error, where the scheduler keeps the last lines.
  public static func serve(registry: StageRegistry) {
    Interrupts.openStandardStreams()
    // Handlers that do nothing, rather than "ignore", which programs that a stage starts would inherit. A
    // user's Ctrl-C is the scheduler's to handle.
    signal(SIGPIPE) { _ in }
    signal(SIGINT) { _ in }
    let answers = dup(STDOUT_FILENO)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    _ = fcntl(answers, F_SETFD, FD_CLOEXEC)
    dieWithScheduler()
    Orphans.adopt()
    // A scheduler that is killed while all stands still lets its workers find out.
    Orphans.goOnWithoutParent()

    let context = WorkerContext(descriptor: answers)
    var runner = TaskRunner(registry: registry)
    var messages = MessageBuffer()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(STDIN_FILENO, &buffer, buffer.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return }
      // Whoever sends anything else is no scheduler.
      guard let bodies = messages.take(buffer[..<got]) else { return }
      for body in bodies {
        guard let task = StageTask(body, of: registry) else {
          context.send(.failed(StageFailure("this worker could not read its task: it knows other stages")))
          continue
        }
        let answer: WorkerMessage
        do {
          answer = .finished(try runner.run(task, context))
        } catch {
          answer = .failed(error)
        }
        // What a node's programs leave behind must not speak, write or count under the next node.
        let left = Orphans.end()
        if left > 0 { context.log("ended \(counted(left, "process", "processes")) that it had left behind") }
        context.send(answer)
      }
    }
  }

  /// Ends this process, and the programs that it has started, as soon as nobody holds the other end of its
  /// standard input: even a scheduler killed with -9 leaves nothing running.
  private static func dieWithScheduler() {
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { _ in
        var descriptor = pollfd(fd: STDIN_FILENO, events: 0, revents: 0)
        while poll(&descriptor, 1, -1) <= 0 {}
        Worker.end()
      }, nil)
    precondition(status == 0, "can't start a thread: \(String(cString: strerror(status)))")
    pthread_detach(thread)
  }

  /// The pool gives each worker a session; one started by hand shares that of others.
  fileprivate static func end() -> Never {
    if getsid(0) == getpid() { POSIX.killSessions([getpid()], sparing: getpid()) }
    _exit(1)
  }
}

/// Sends progress at most ten times a second.
private final class WorkerContext: TaskReporter {
  private let descriptor: Int32
  private let lastProgress = Mutex(0.0)

  init(descriptor: Int32) { self.descriptor = descriptor }

  func send(_ message: WorkerMessage) {
    do {
      try POSIX.writeAll(descriptor, message.bytes, path: "the scheduler")
    } catch {
      // Nobody is left to work for.
      Worker.end()
    }
  }

  func progress(_ fraction: Double, _ message: String) {
    let now = POSIX.monotonicSeconds
    let due = lastProgress.withLock { last in
      if now - last < 0.1 { return false }
      last = now
      return true
    }
    guard due else { return }
    send(.progress(fraction: fraction.isFinite ? min(max(fraction, 0), 1) : 0, message: message))
  }

  func log(_ message: String) { send(.log(message)) }
}
