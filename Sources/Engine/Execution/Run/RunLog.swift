// The append-only record of one run: what ran, why, how long, on how many threads, with how much memory.

import Foundation
import Glibc
import PipelineCore

/// One line of a run's record.
public struct RunEvent: Decodable, Sendable {
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
public struct RunOwner: Decodable, Sendable {
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

  init(cache: CacheStore, plan: Plan, jobs: Int) {
    self.plan = plan
    self.jobs = jobs
    path = cache.layout.run(RunHistory.newID(pipeline: plan.name))
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
    let body = event.json.dropLast()
    try POSIX.append("\(body),\"check\":\"\(checksum(body.utf8))\"}\n", to: path)
  }

  /// Whether a line is as it was written.
  static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    let tail = 28
    guard line.count > tail else { return false }
    let body = line.dropLast(tail)
    return line.suffix(tail).elementsEqual(",\"check\":\"\(checksum(body))\"}".utf8)
  }
}

extension RunEvent {
  /// The event as one line of JSON.
  var json: String {
    var fields: [String: Value] = ["event": .string(event), "time": .string(time)]
    func texts(_ values: [String: String]) -> Value { .map(values.mapValues { .string($0) }) }
    fields["pipeline"] = pipeline.map { .string($0) }
    fields["node"] = node.map { .string($0) }
    fields["key"] = key.map { .string($0.hex) }
    fields["reasons"] = reasons.map { .list($0.map { .string($0) }) }
    fields["seconds"] = seconds.map { .number($0) }
    fields["threads"] = threads.map { .integer($0) }
    fields["peakMemory"] = peakMemory.map { .integer($0) }
    fields["message"] = message.map { .string($0) }
    fields["began"] = began.map { .number($0) }
    fields["ended"] = ended.map { .number($0) }
    fields["owner"] = owner.map {
      .map(["host": .string($0.host), "scope": .string($0.scope), "process": .integer(Int($0.process))])
    }
    fields["jobs"] = jobs.map { .integer($0) }
    fields["parameters"] = parameters.map { .map($0.mapValues(texts)) }
    fields["results"] = results.map { .map($0.mapValues { .string($0.hex) }) }
    fields["fresh"] = fresh.map { .integer($0) }
    fields["cutOff"] = cutOff.map { .integer($0) }
    return Value.map(fields).json
  }

  /// Reads a line of a record.
  init?(line: some Collection<UInt8>) {
    guard let event = try? JSONDecoder().decode(RunEvent.self, from: Data(line)) else { return nil }
    self = event
  }
}
