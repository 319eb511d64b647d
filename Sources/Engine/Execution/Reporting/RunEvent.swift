// What happens in a run, as its record keeps it: one event a line of JSON.

import FoundationEssentials
import Glibc
import PipelineCore

/// One line of a run's record.
public enum RunEvent: Sendable {
  case start(RunStart)
  /// A node has run or failed.
  case node(NodeRun)
  case end(RunEnd)

  /// When it happened, in universal time.
  public var time: String {
    switch self {
    case .start(let start): start.time
    case .node(let node): node.time
    case .end(let end): end.time
    }
  }
}

/// A run starts.
public struct RunStart: Sendable {
  /// Universal time.
  public var time: String
  /// The pipeline.
  public var pipeline: String
  /// Whose run it is; nil in records of old.
  public var owner: RunOwner?
  /// How many cores it may use; nil in records of old.
  public var jobs: Int?
  /// The `--set` options; none in records of old.
  public var overrides: [String]
  /// The processor's name; nil in records of old, and where it is not known.
  public var processor: String?
  /// The parameters by stage, those that differ between the stage's nodes with all their values.
  public var parameters: [String: [String: String]]
}

/// A node has run, well or not.
public struct NodeRun: Sendable {
  /// What came of it.
  public enum Outcome: Sendable {
    /// An artifact, after so many seconds, of a worker that held so many bytes at most.
    case ran(seconds: Double, peakMemory: Int?)
    case failed(message: String)
  }
  /// Universal time of its end.
  public var time: String
  /// The node.
  public var node: String
  /// The action key under which its artifact is, or would be, kept.
  public var key: Digest?
  /// Why it ran.
  public var reasons: [String]
  /// On how many threads; nil if it was not even started.
  public var threads: Int?
  /// When it was started and when it was done, in seconds since the start of the run; nil in records of old.
  public var began: Double?
  /// See `began`.
  public var ended: Double?
  /// What came of it.
  public var outcome: Outcome

  /// The message of a failure.
  public var failure: String? {
    if case .failed(let message) = outcome { message } else { nil }
  }

  /// How long it took, in seconds, as far as that is known.
  public var seconds: Double? {
    if case .ran(let seconds, _) = outcome { return seconds }
    return ended.flatMap { ended in began.map { ended - $0 } }
  }

  /// What it took, in core-seconds, as far as that is known.
  public var cost: Double { (seconds ?? 0) * Double(threads ?? 1) }

  /// The most memory that its worker held, in bytes.
  public var peakMemory: Int? {
    if case .ran(_, let peakMemory) = outcome { peakMemory } else { nil }
  }
}

/// A run is over.
public struct RunEnd: Sendable {
  /// How: `done`, `failed` or `interrupted`.
  public var ending: String
  /// Universal time.
  public var time: String
  /// Wall time in seconds.
  public var seconds: Double
  /// The action keys of the nodes that no other node takes, as far as they are up to date.
  public var results: [String: Digest]
  /// How many nodes were up to date.
  public var fresh: Int
  /// How many nodes need not run after all.
  public var cutOff: Int
}

/// The process of a run.
public struct RunOwner: Codable, Sendable, Equatable {
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

// MARK: JSON

extension RunEvent {
  /// The event as one line of JSON.
  var json: String {
    var fields: [String: Value] = ["time": .string(time)]
    switch self {
    case .start(let start):
      fields["event"] = .string("start")
      fields["pipeline"] = .string(start.pipeline)
      fields["owner"] = start.owner.map {
        .map(["host": .string($0.host), "scope": .string($0.scope), "process": .integer(Int($0.process))])
      }
      fields["jobs"] = start.jobs.map { .integer($0) }
      fields["overrides"] = start.overrides.isEmpty ? nil : .list(start.overrides.map { .string($0) })
      fields["processor"] = start.processor.map { .string($0) }
      fields["parameters"] = .map(start.parameters.mapValues { .map($0.mapValues { .string($0) }) })
    case .node(let node):
      fields["node"] = .string(node.node)
      fields["key"] = node.key.map { .string($0.hex) }
      fields["reasons"] = .list(node.reasons.map { .string($0) })
      fields["threads"] = node.threads.map { .integer($0) }
      fields["began"] = node.began.map { .number($0) }
      fields["ended"] = node.ended.map { .number($0) }
      switch node.outcome {
      case .ran(let seconds, let peakMemory):
        fields["event"] = .string("ran")
        fields["seconds"] = .number(seconds)
        fields["peakMemory"] = peakMemory.map { .integer($0) }
      case .failed(let message):
        fields["event"] = .string("failed")
        fields["message"] = .string(message)
      }
    case .end(let end):
      fields["event"] = .string("end")
      fields["message"] = .string(end.ending)
      fields["seconds"] = .number(end.seconds)
      fields["results"] = .map(end.results.mapValues { .string($0.hex) })
      fields["fresh"] = .integer(end.fresh)
      fields["cutOff"] = .integer(end.cutOff)
    }
    return Value.map(fields).json
  }

  /// Reads a line of a record; nil where it says nothing that a run does.
  init?(line: some Collection<UInt8>) {
    guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)) else { return nil }
    switch line.event {
    case "start":
      self = .start(
        RunStart(
          time: line.time, pipeline: line.pipeline ?? "", owner: line.owner, jobs: line.jobs,
          overrides: line.overrides ?? [], processor: line.processor, parameters: line.parameters ?? [:]))
    case "ran", "failed":
      let outcome: NodeRun.Outcome =
        line.event == "ran"
        ? .ran(seconds: line.seconds ?? 0, peakMemory: line.peakMemory)
        : .failed(message: line.message ?? "")
      guard let node = line.node else { return nil }
      self = .node(
        NodeRun(
          time: line.time, node: node, key: line.key, reasons: line.reasons ?? [], threads: line.threads,
          began: line.began, ended: line.ended, outcome: outcome))
    case "end":
      self = .end(
        RunEnd(
          ending: line.message ?? "done", time: line.time, seconds: line.seconds ?? 0,
          results: line.results ?? [:], fresh: line.fresh ?? 0, cutOff: line.cutOff ?? 0))
    default: return nil
    }
  }

  /// Every field that a line may have; records of old lack some.
  private struct Line: Decodable {
    var event: String
    var time: String
    var pipeline: String?
    var node: String?
    var key: Digest?
    var reasons: [String]?
    var seconds: Double?
    var threads: Int?
    var peakMemory: Int?
    var message: String?
    var began: Double?
    var ended: Double?
    var owner: RunOwner?
    var jobs: Int?
    var overrides: [String]?
    var processor: String?
    var parameters: [String: [String: String]]?
    var results: [String: Digest]?
    var fresh: Int?
    var cutOff: Int?
  }
}
