// When a program that has failed is tried again, and after which pause.

import Glibc
import PipelineCore

extension CommandStage {
  /// Why a program may fail.
  package enum RetryKind: String, CaseIterable {
    case exit, signal, memory, timeout, outputs
  }

  static let retryOn = Parameter(
    "retry_on", .list(.choice(RetryKind.self)), default: [], changesResult: false,
    "after which failures it is tried again: exit (another status than 0), signal, memory (SIGKILL, as the kernel sends "
      + "it where memory runs out), timeout, outputs (one is missing); empty: all but outputs")
  static let retryStatuses = Parameter(
    "retry_statuses", .list(.integer(1...255)), default: [], changesResult: false,
    "the exit statuses after which it is tried again (empty: all)")
  static let retryPause = Parameter(
    "retry_pause", .number(0...86400), default: 1, changesResult: false,
    "seconds before it is tried again; twice as long each time, up to a minute or this, whichever is longer")
  static let attemptTimeout = Parameter(
    "attempt_timeout", .optional(.number(0.001...1e9)), default: nil, changesResult: false,
    "seconds after which one try is ended (null: only the stage's timeout ends it)")
}

/// What may go better the next time: the program was started and failed by itself.
struct ProgramFailure: Error {
  /// How it failed.
  enum Way {
    case exited(Int32)
    case signalled(Int32)
    case timeout
    /// It ended well, but what it was to make is not there or can't be read.
    case outputs
  }

  var way: Way
  var message: String

  init(_ way: Way, _ message: String) {
    self.way = way
    self.message = message
  }
}

/// When a program is tried again.
struct RetryRule {
  /// How often at most.
  let count: Int
  private let kinds: Set<CommandStage.RetryKind>
  private let statuses: Set<Int>
  private let firstPause: Double

  private static let usualKinds: Set<CommandStage.RetryKind> = [.exit, .signal, .memory, .timeout]

  init(_ parameters: ParameterValues) throws {
    count = parameters[CommandStage.retries]
    let kinds = parameters[CommandStage.retryOn]
    self.kinds = kinds.isEmpty ? Self.usualKinds : Set(kinds)
    statuses = Set(parameters[CommandStage.retryStatuses])
    firstPause = parameters[CommandStage.retryPause]
    if !statuses.isEmpty, !self.kinds.contains(.exit) {
      throw ParameterProblem(
        CommandStage.retryStatuses, "it chooses among exits, and 'retry_on' has no 'exit'")
    }
  }

  /// Whether a program that failed so is tried again.
  func covers(_ failure: ProgramFailure) -> Bool {
    switch failure.way {
    // A shell tells by this status that a program of its own was killed.
    case .exited(128 + SIGKILL) where kinds.contains(.memory): true
    case .exited(let status):
      kinds.contains(.exit) && (statuses.isEmpty || statuses.contains(Int(status)))
    case .signalled(SIGKILL) where kinds.contains(.memory): true
    case .signalled: kinds.contains(.signal)
    case .timeout: kinds.contains(.timeout)
    case .outputs: kinds.contains(.outputs)
    }
  }

  /// Waits before a try, counted from 1: whatever was busy gets time.
  func pause(before attempt: Int) {
    let seconds = min(firstPause * Double(1 << min(attempt - 1, 20)), max(60, firstPause))
    // A signal that this process handles shortens the pause, and nothing else.
    var time = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
    nanosleep(&time, nil)
  }
}
