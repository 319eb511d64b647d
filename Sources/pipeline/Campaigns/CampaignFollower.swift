// `submit --wait`: says what the pilots of a campaign do, until it ends.

import ArgumentParser
import Glibc
import PipelineCore
import PipelineExecution
import Stages
import Wording

/// Follows a campaign by what its pilots have told. It reads only: its end, by Ctrl-C or otherwise, is nothing to them.
struct CampaignFollower {
  let campaign: Campaign
  let session: Session
  /// How many nodes there are to bring up to date.
  let open: Int

  /// Without a living pilot for so many seconds, a campaign is taken to stand still.
  private static let patience = 30.0

  /// Returns when all is done; otherwise ends the program.
  func follow() throws {
    let watch = CampaignWatch(campaign)
    let start = ContinuousClock.now
    var lastSeen = ContinuousClock.now
    var pause: UInt32 = 100_000
    while true {
      let ending = campaign.ending
      tell(watch)
      if let ending { return try finish(ending, watch, start) }
      if campaign.isCancelled {
        printError("\(campaign.id) is cancelled")
        throw Exit.interrupted
      }
      if isAttended { lastSeen = .now }
      if (ContinuousClock.now - lastSeen) / .seconds(1) > Self.patience {
        // A run may have done what pilots have left.
        if campaign.isMade(allStages) { return try finish("done", watch, start) }
        printError("error: \(CampaignLine(campaign, in: session.cache, watch.madeCount).text)")
        throw Exit.failed
      }
      usleep(pause)
      pause = min(2_000_000, pause + pause / 8)
    }
  }

  private var isAttended: Bool {
    // A scheduler that does not answer is most likely on its way back, and its jobs with it.
    campaign.pilots().contains(where: \.isAlive) || SlurmArray.jobs(of: campaign) != 0
  }

  private func tell(_ watch: CampaignWatch) {
    var made = watch.madeCount
    let events = watch.look()
    for event in events {
      switch event {
      case .made(let id, let cost):
        made += 1
        printError("[\(made)/\(open)] \(name(id))  \(duration(cost))")
      case .failed(let id): printError("\(name(id))  FAILED")
      }
    }
  }

  private func name(_ id: NodeID) -> String {
    session.plan.nodes.indices.contains(id.index) ? session.plan[id].name : "a node"
  }

  private func finish(_ ending: String, _ watch: CampaignWatch, _ start: ContinuousClock.Instant) throws {
    let failures = campaign.failures()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    printError(
      "\(campaign.id): \(counted(watch.madeCount, "node")) run, \(failures.count) failed  \(duration(seconds))"
    )
    for failure in failures { printError("error: \(failure.node): \(failure.message)") }
    guard ending == "done" else {
      printError(
        "  what was finished is kept; \(Self.submitCommand(campaign, session.cache)) tries the rest again")
      throw Exit.failed
    }
  }

  /// The command that goes on with a campaign.
  static func submitCommand(_ campaign: Campaign, _ cache: CacheStore) -> String {
    "pipeline submit \(campaign.facts?.words ?? "")\(CacheOptions.words(for: cache))"
  }
}

/// How a campaign stands, in a line.
struct CampaignLine {
  let text: String

  init(_ campaign: Campaign, in cache: CacheStore, _ made: Int? = nil) {
    let watch = CampaignWatch(campaign)
    _ = watch.look()
    let facts = campaign.facts
    var parts = ["\(made ?? watch.madeCount) of \(counted(facts?.open ?? 0, "node")) made"]
    if watch.failedCount > 0 { parts.append("\(watch.failedCount) failed") }
    let pilots = campaign.pilots().filter(\.isAlive)
    if let ending = campaign.ending {
      parts.append(ending)
    } else if campaign.isCancelled {
      parts.append(pilots.isEmpty ? "cancelled" : "cancelled, \(counted(pilots.count, "pilot")) still ending")
    } else if !pilots.isEmpty {
      let hosts = Set(pilots.map(\.host)).count
      parts.append("\(counted(pilots.count, "pilot")) at work on \(counted(hosts, "host"))")
    } else {
      parts.append(Self.withoutPilots(campaign, cache))
    }
    text = "campaign \(campaign.id): \(parts.joined(separator: ", "))"
  }

  private static func withoutPilots(_ campaign: Campaign, _ cache: CacheStore) -> String {
    guard let jobs = SlurmArray.jobs(of: campaign) else {
      return "no pilot at work; whether jobs wait is unknown, since SLURM does not answer"
    }
    if jobs > 0 { return "\(counted(jobs, "job")) waiting for SLURM" }
    if campaign.isMade(allStages) { return "done, the rest by other runs" }
    return "work is left and no pilot; go on with: \(CampaignFollower.submitCommand(campaign, cache))"
  }

  /// The lines of a pipeline's campaigns that have not ended.
  static func lines(of pipeline: String, in cache: CacheStore) -> [String] {
    Campaign.all(in: cache).filter { campaign in
      campaign.facts?.pipeline == pipeline && campaign.ending == nil
        && (campaign.pilots().contains(where: \.isAlive) || !campaign.isMade(allStages))
    }.map { CampaignLine($0, in: cache).text }
  }
}
