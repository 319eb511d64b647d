// The append-only record of one run: what ran, why, how long, on how many threads, with how much memory.

import Foundation
import Glibc
import PipelineCore

/// One line of a run's record.
public struct RunEvent: Codable, Sendable {
  /// `start`, `ran`, `failed` or `end`.
  public var event: String
  /// Universal time.
  public var time: String
  /// The pipeline.
  public var pipeline: String?
  /// The node.
  public var node: String?
  /// The action key under which the artifact is kept.
  public var key: Digest?
  /// Why it ran.
  public var reasons: [String]?
  /// How long, in seconds.
  public var seconds: Double?
  /// On how many threads.
  public var threads: Int?
  /// Peak memory in bytes.
  public var peakMemory: Int?
  /// The message of a failure, or how the run ended.
  public var message: String?
  /// When the node was started and when it was done, in seconds since the start of the run.
  public var began: Double?
  /// See `began`.
  public var ended: Double?
  /// At the start: whose run it is.
  public var owner: RunOwner?
  /// At the start: how many cores it may use.
  public var jobs: Int?
  /// At the start: the parameters by stage, those that differ between the stage's nodes with all their
  /// values.
  public var parameters: [String: [String: String]]?
  /// At the end: the keys of the nodes that no other node takes, as far as they are up to date.
  public var results: [String: Digest]?
  /// At the end: how many nodes were up to date.
  public var fresh: Int?
  /// At the end: how many nodes need not run after all.
  public var cutOff: Int?
}

/// The process of a run.
public struct RunOwner: Codable, Sendable {
  /// The host's name.
  public var host: String
  /// Where the process number means anything.
  public var scope: String
  /// The process number.
  public var process: Int32

  static var current: RunOwner { RunOwner(host: POSIX.hostName, scope: POSIX.scope, process: getpid()) }

  /// Whether the process lives; one that can't be seen from here may.
  var mayLive: Bool { scope != POSIX.scope || kill(process, 0) == 0 || errno != ESRCH }
}

/// Writes the record; a run that changes nothing leaves none.
struct RunLog {
  private let path: String
  private let plan: Plan
  private let jobs: Int
  private let time = POSIX.timestamp()
  private var started = false

  init(cache: Cache, plan: Plan, jobs: Int) {
    self.plan = plan
    self.jobs = jobs
    path = "\(cache.root)/runs/\(RunHistory.newID(pipeline: plan.name)).jsonl"
  }

  mutating func add(_ event: RunEvent) throws(SystemError) {
    if !started {
      started = true
      try write(
        RunEvent(
          event: "start", time: time, pipeline: plan.name, owner: .current, jobs: jobs,
          parameters: plan.parametersByStage()))
    }
    try write(event)
  }

  func end(_ event: RunEvent) throws(SystemError) {
    if started { try write(event) }
  }

  private func write(_ event: RunEvent) throws(SystemError) {
    // The last member is a checksum of all that stands before it.
    let body = encodeLine(event).dropLast(2)
    try POSIX.append("\(String(decoding: body, as: UTF8.self)),\"check\":\"\(checksum(body))\"}\n", to: path)
  }

  /// Whether a line is as it was written.
  static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    let tail = 28
    guard line.count > tail else { return false }
    let body = line.dropLast(tail)
    return line.suffix(tail).elementsEqual(",\"check\":\"\(checksum(body))\"}".utf8)
  }
}
