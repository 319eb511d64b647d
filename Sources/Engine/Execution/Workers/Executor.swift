// Where tasks run: the interface that the run loop drives, and the simplest executor, which runs them in place.

import Glibc
import PipelineCore

/// What an executor reports.
public enum ExecutorEvent: Sendable {
  /// A running task says how far it is.
  case progress(NodeID, fraction: Double, message: String)
  /// A running task says something for the log.
  case log(NodeID, String)
  /// A running task or its program has printed this, or said it for the log.
  case printed(NodeID, [UInt8])
  /// A task is over.
  case finished(NodeID, Result<TaskOutcome, StageFailure>)
}

/// Runs tasks.
public protocol TaskExecutor: AnyObject {
  /// Starts a task.
  func start(_ id: NodeID, _ task: StageTask) throws(SystemError)
  /// Waits until something is reported, `wake` is readable or the time is over.
  func wait(seconds: Double, wake: Int32) -> [ExecutorEvent]
  /// Ends a running task. Returns the last that is reported of it: what it still said, and its failure for that reason.
  func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent]
  /// Ends everything.
  func shutdown()
  /// Stops what runs, until `resume`.
  func suspend()
  /// Lets what was stopped go on.
  func resume()
}

extension TaskExecutor {
  /// Nothing, where tasks run in this process, which is stopped itself.
  public func suspend() {}
  /// See `suspend`.
  public func resume() {}
}

/// Runs each task at once in the caller's own process: for tests and toy stages.
public final class InlineExecutor: TaskExecutor {
  private var runner: TaskRunner
  private var events: [ExecutorEvent] = []

  /// An executor of the stage types that a registry knows.
  public init(registry: StageRegistry) { runner = TaskRunner(registry: registry) }

  private struct Silent: TaskReporter {
    func progress(_ fraction: Double, _ message: String) {}
    func log(_ message: String) {}
  }

  /// Runs the task before it returns.
  public func start(_ id: NodeID, _ task: StageTask) {
    do {
      events.append(.finished(id, .success(try runner.run(task, Silent()))))
    } catch {
      events.append(.finished(id, .failure(error)))
    }
  }

  /// Reports what has finished; with nothing to report, sleeps until the time is over or `wake` is readable.
  public func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    if events.isEmpty {
      var descriptor = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
      poll(&descriptor, 1, Int32(seconds * 1000))
    }
    defer { events = [] }
    return events
  }

  /// Nothing runs between two calls.
  public func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent] { [] }
  /// Nothing runs between two calls.
  public func shutdown() {}
}
