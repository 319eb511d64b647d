// What a run in progress says of itself in a file of its cache, for those who watch it from elsewhere.

import FoundationEssentials
import PipelineCore

/// A run in progress, as it was when the file was written.
public struct LiveRecord: Codable, Sendable, Equatable {
  /// A node at work.
  public struct Node: Codable, Sendable, Equatable {
    /// The node.
    public var name: String
    /// How long it has been at work, in seconds.
    public var seconds: Double
    /// On how many threads.
    public var threads: Int
    /// How far it says it is, from 0 to 1; 0 if it does not say.
    public var fraction: Double
    /// Where it says it stands: `epoch 3/6, loss 0.041`.
    public var message: String
  }

  /// The pipeline's name.
  public var pipeline: String
  /// The path of its file, absolute on the run's host.
  public var file: String
  /// The `--set` options.
  public var overrides: [String]
  /// Whose run it is.
  public var owner: RunOwner
  /// When it began, in universal time.
  public var started: String
  /// How long it has gone on, in seconds.
  public var seconds: Double
  /// The cores that it may use.
  public var jobs: Int
  /// How many nodes were to be brought up to date.
  public var total: Int
  /// How many of them are settled: made, failed, or found not to need a run.
  public var done: Int
  /// How many of the settled ones failed.
  public var failed: Int
  /// Nodes that have not started, by stage.
  public var remaining: [String: Int]
  /// The nodes at work, in the order of the plan.
  public var nodes: [Node]
  /// What is waited for because another process makes it: node and process.
  public var waits: [String: String]

  /// `about 3 min left`, or `more than` that where nothing is known of some stage; nil where nothing is known at all.
  ///
  /// - Parameter costs: What a node of each stage takes, in core-seconds, by the stage's name.
  public func timeLeft(costs: [String: Double]) -> String? {
    var forecast = Forecast(jobs: jobs, earlier: costs)
    for (stage, count) in remaining where count > 0 {
      forecast.expect(Array(repeating: stage, count: count))
    }
    return forecast.timeLeft(
      nodes.map { node in
        Forecast.Running(
          stage: String(node.name.prefix { $0 != "[" }), spent: node.seconds * Double(node.threads),
          fraction: node.fraction)
      }, after: seconds)
  }
}

/// A live record as a watcher finds it.
public struct LiveRun: Sendable, Equatable {
  /// What it says.
  public var record: LiveRecord
  /// Whether the run's process is certainly gone; that of another host, which can't be seen from here, never is.
  public var isGone: Bool
  /// Changes with each writing. A run writes at least every `LiveRecorder.heartbeat` seconds; a watcher whose own clock
  /// has seen no change for much longer knows that the run stands still or is gone.
  public var stamp: String
}

extension CacheStore {
  static let liveHint = "live"

  /// The runs that say that they are in progress, and those that a kill has ended in the middle of a word. It reads only.
  public func liveRuns() -> [LiveRun] {
    POSIX.list(layout[.temporary]).filter { $0.hasSuffix("-" + Self.liveHint) }.sorted().compactMap { name in
      let path = layout[.temporary] + "/" + name
      guard let isGone = CacheLayout.ownerIsGone(name), let facts = POSIX.facts(path),
        let bytes = (try? POSIX.read(path)) ?? nil,
        let record = try? JSONDecoder().decode(LiveRecord.self, from: Data(bytes))
      else { return nil }
      return LiveRun(record: record, isGone: isGone, stamp: "\(facts.inode) \(facts.modified)")
    }
  }

  /// A number that changes whenever a run of a pipeline has recorded a node, and whenever any run begins or ends one.
  public func activity(of plan: Plan) -> Int {
    var hasher = Hasher()
    let experiment = Experiment(of: plan, in: self)
    for path in [experiment.log, experiment.index] { hasher.combine(POSIX.facts(path)) }
    hasher.combine(POSIX.list(layout[.leases]))
    return hasher.finalize()
  }
}
