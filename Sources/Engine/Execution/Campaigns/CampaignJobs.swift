// How the pilots of a campaign were started, and how far they are, for whoever watches it.

import Glibc
import PipelineCore

/// Pilots that were started together.
public struct PilotBatch: Sendable {
  /// The road: `local`, `ssh` or `slurm`.
  public var via: String
  /// The batch job, as its system calls it; empty where there is none.
  public var job: String
  /// How many pilots.
  public var pilots: Int
  /// When, in universal time.
  public var time: String

  /// Pilots that are started now.
  public init(via: String, job: String, pilots: Int) {
    (self.via, self.job, self.pilots, time) = (via, job, pilots, POSIX.timestamp())
  }
}

extension Campaign {
  /// Remembers that pilots were started.
  public func note(_ batch: PilotBatch) throws(SystemError) {
    var record = RecordFile()
    record.add("via", batch.via)
    record.add("job", batch.job)
    record.add("pilots", String(batch.pilots))
    record.add("time", batch.time)
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    try POSIX.writeAtomically(
      record.bytes(kind: .job), to: "\(path(.jobs))/\(batch.time)-\(unique)",
      temporary: cache.layout.temporary("job"), sync: false)
  }

  /// The pilots that were started, in order of time.
  public func batches() -> [PilotBatch] {
    POSIX.list(path(.jobs)).compactMap { name in
      guard let bytes = (try? POSIX.read("\(path(.jobs))/\(name)")) ?? nil,
        let record = RecordFile(bytes, kind: .job)
      else { return nil }
      var batch = PilotBatch(
        via: record["via"] ?? "", job: record["job"] ?? "", pilots: record.integer("pilots") ?? 0)
      batch.time = record["time"] ?? ""
      return batch
    }
  }

  /// Whether all that it wants is up to date, whoever has made it: a run may do what pilots have left.
  ///
  /// - Parameter stages: The stage types of this program.
  public func isMade(_ stages: StageRegistry) -> Bool {
    guard let assignment = try? assignment(stages) else { return false }
    let resolution = Resolution(
      plan: assignment.plan, keys: assignment.keys, cache: cache, wanted: assignment.wanted)
    return resolution.decisions.allSatisfy { decision in
      switch decision {
      case .fresh, .ignores: true
      case .unchanged, .runs, .follows, .waits: false
      }
    }
  }

  /// Where the output of pilots goes.
  public var outputFolder: String { path(.output) }

  /// Asks the pilots that this process can see to end now, rather than when they next look.
  public func signalPilots() {
    for pilot in pilots() where pilot.scope == POSIX.scope && pilot.process > 1 {
      kill(pilot.process, SIGTERM)
    }
  }
}

/// Follows a campaign by what its pilots tell.
public final class CampaignWatch {
  private let news: PilotNewsReader
  private var made: Set<Digest> = []
  private var failed: Set<Digest> = []

  /// A watch that has seen nothing yet.
  public init(_ campaign: Campaign) { news = PilotNewsReader(campaign.path(.results), except: "") }

  /// Something that a pilot has told.
  public enum Event: Sendable {
    /// A node was made, at a cost of so many core-seconds.
    case made(NodeID, cost: Double)
    case failed(NodeID)
  }

  /// What is new since the last look; an action that two pilots have made counts once.
  public func look() -> [Event] {
    news.read().compactMap { item in
      switch item {
      case .made(let artifact, let node, let cost):
        made.insert(artifact.action).inserted ? .made(node, cost: cost) : nil
      case .failed(let action, let node): failed.insert(action).inserted ? .failed(node) : nil
      }
    }
  }

  /// How many nodes were made, as far as it has looked.
  public var madeCount: Int { made.count }
  /// How many nodes have failed, as far as it has looked.
  public var failedCount: Int { failed.count }
}
