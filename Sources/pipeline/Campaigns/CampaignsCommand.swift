// `pipeline campaigns` and `pipeline cancel`.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Stages
import Wording

struct CampaignsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "campaigns", abstract: "Lists the campaigns of the cache, or says how one stands.")

  @Argument(help: "A campaign, or the beginning or the end of its name (default: all).") var name: String?
  @OptionGroup var cache: CacheOptions
  @Flag(help: "Prints JSON.") var json = false

  private struct Row: Encodable {
    struct Pilot: Encodable {
      var name: String
      var host: String
      var job: String?
      var process: Int
      var alive: Bool
    }
    var campaign: String
    var pipeline: String
    var submitted: String
    var open: Int
    var made: Int
    var failed: [String]
    /// `done` (also where a run did what pilots had left), `failed`, `cancelled`, `working`, `waiting` for SLURM, `left`
    /// without a pilot, or `unknown` where SLURM does not answer.
    var state: String
    var jobs: [String]
    var pilots: [Pilot]

    init(_ campaign: Campaign) {
      let facts = campaign.facts
      let watch = CampaignWatch(campaign)
      _ = watch.look()
      self.campaign = campaign.id
      pipeline = facts?.pipeline ?? ""
      submitted = facts?.created ?? ""
      open = facts?.open ?? 0
      made = watch.madeCount
      failed = campaign.failures().map(\.node)
      jobs = campaign.batches().map(\.job).filter { !$0.isEmpty }
      let marks = campaign.pilots()
      pilots = marks.map {
        Pilot(name: $0.name, host: $0.host, job: $0.job, process: Int($0.process), alive: $0.isAlive)
      }
      state =
        campaign.ending
        ?? (campaign.isCancelled
          ? "cancelled"
          : marks.contains(where: \.isAlive)
            ? "working" : Self.stateWithoutPilots(campaign))
    }

    private static func stateWithoutPilots(_ campaign: Campaign) -> String {
      guard let jobs = SlurmArray.jobs(of: campaign) else { return "unknown" }
      return jobs > 0 ? "waiting" : campaign.isMade(allStages) ? "done" : "left"
    }
  }

  func run() throws {
    let store = cache.cache
    let campaigns: [Campaign]
    do {
      campaigns = try name.map { [try Campaign.find($0, in: store)] } ?? Campaign.all(in: store)
    } catch {
      printError("error: \(error)")
      throw Exit.unavailable
    }
    if json { return try printJSON(campaigns.map(Row.init)) }
    for campaign in campaigns {
      print(CampaignLine(campaign, in: store).text)
      guard name != nil else { continue }
      for batch in campaign.batches() {
        print(
          "  \(batch.time)  \(counted(batch.pilots, "pilot")) by \(batch.via)\(batch.job.isEmpty ? "" : ", job \(batch.job)")"
        )
      }
      for pilot in campaign.pilots() {
        print("  \(pilot.description)\(pilot.isAlive ? "" : ": gone without a word")")
      }
      for failure in campaign.failures() { print("  failed: \(failure.node): \(failure.message)") }
    }
  }
}

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Has all pilots of a campaign end; what they have made stays.")

  @Argument(help: "A campaign, or the beginning or the end of its name.") var name: String
  @OptionGroup var cache: CacheOptions

  func run() throws {
    do {
      let campaign = try Campaign.find(name, in: cache.cache)
      try campaign.cancel()
      if campaign.batches().contains(where: { $0.via == "slurm" }) { SlurmArray.cancel(campaign) }
      campaign.signalPilots()
      printError("\(campaign.id) is cancelled; what was made stays, and a submit goes on")
    } catch let error as Campaign.Problem {
      printError("error: \(error)")
      throw Exit.unavailable
    }
  }
}
