// `pipeline run --campaign ID`: a pilot, which takes nodes of a campaign until nothing is left for it.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Stages

struct PilotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pilot", abstract: "Takes nodes of a campaign; 'run --campaign ID' means the same.",
    discussion: """
      Its cores and memory are those of its allocation: affinity, control groups, SLURM's variables. It ends when nothing \
      is left that it could do, after some idle minutes, or when its time is up. On SIGTERM it starts nothing more, waits \
      for what can end within --grace, and gives back the rest.
      """)

  @Argument(help: "A campaign, or the beginning or the end of its name; see 'pipeline campaigns'.")
  var campaign: String
  @OptionGroup var cache: CacheOptions
  @OptionGroup var machine: PilotMachine
  @Option(help: "Seconds of silence after which another pilot's work may be taken over.") var lease = 180.0
  @Option(
    help: ArgumentHelp("As that of 'run'.", valueName: "seconds")) var syncAfter = 10.0

  /// The words after `run`, where they ask for a pilot.
  static func words(_ arguments: [String]) -> [String]? {
    guard arguments.first == "run",
      let option = arguments.firstIndex(where: { $0 == "--campaign" || $0.hasPrefix("--campaign=") })
    else { return nil }
    var rest = Array(arguments.dropFirst())
    let word = rest.remove(at: option - 1)
    if word.hasPrefix("--campaign=") { return ["pilot", String(word.dropFirst("--campaign=".count))] + rest }
    // Without a name the parser says what is missing.
    guard option - 1 < rest.count else { return ["pilot"] + rest }
    return ["pilot", rest.remove(at: option - 1)] + rest
  }

  func validate() throws {
    guard lease > 0 else { throw ValidationError("--lease takes a number of seconds above 0") }
    guard syncAfter >= 0 else { throw ValidationError("--sync-after takes a number of seconds, 0 or more") }
  }

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let campaign: Campaign
    let assignment: Campaign.Assignment
    do {
      campaign = try Campaign.find(self.campaign, in: cache.cache)
      if campaign.isCancelled { return printError("\(campaign.id) is cancelled") }
      assignment = try campaign.assignment(allStages)
    } catch {
      printError("error: \(error)")
      throw Exit.unavailable
    }
    let allocation = Allocation(environment: environment)
    let jobs = machine.jobs ?? allocation.cores
    var options = RunOptions(
      jobs: jobs, memory: machine.memory?.bytes ?? allocation.memory / 5 * 4, lease: lease,
      syncAfter: syncAfter)
    options.devices = DeviceCount.devices(machine.devices)
    options.overrides = campaign.facts?.overrides ?? []
    var manners = PilotOptions(
      idle: machine.idle.seconds, time: machine.time(environment), grace: machine.grace)
    manners.beyond = machine.beyond?.bytes
    var run = Run(
      pilotOf: campaign, assignment, options: options, manners: manners,
      executor: WorkerPool(ofThisProgram: ["worker"]), progress: ConsoleProgress(jobs: jobs))
    let summary: RunSummary
    do {
      summary = try run.execute(assignment.wanted)
    } catch {
      printError("error: \(error)")
      throw error is NotACache ? Exit.wrongUsage : Exit.failed
    }
    RunReport.tell(summary, of: campaign.id)
    if !summary.failedElsewhere.isEmpty {
      printError("  failed in other pilots: \(summary.failedElsewhere.count)")
    }
    if summary.notStarted > 0, !summary.interrupted {
      printError("  left to other pilots: \(summary.notStarted)")
    }
    if summary.interrupted { throw Exit.interrupted }
    if !summary.failures.isEmpty { throw Exit.failed }
  }

  /// The path of this program.
  static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }
}

/// What a pilot has of its machine, and when it ends.
struct PilotMachine: ParsableArguments {
  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: "Cores in use at any time, at most (default: those of its allocation).")
  var jobs: Int?
  @Option(
    help: ArgumentHelp(
      "Memory in use by the nodes' declared needs, at most (default: 80 % of its allocation).",
      valueName: "size"))
  var memory: ByteCount?
  @Option(
    name: .customLong("resource"),
    help: ArgumentHelp("How many of a resource there are: gpus=2.", valueName: "name=count"))
  var devices: [DeviceCount] = []
  @Option(
    name: .customLong("time"),
    help: ArgumentHelp(
      "How long it may go on: 2h, 30m (default: to SLURM_JOB_END_TIME, or without end).", valueName: "length")
  )
  var length: Age?
  @Option(help: ArgumentHelp("Ends after so long without work.", valueName: "length"))
  var idle = Age(argument: "5m")!
  @Option(help: ArgumentHelp("How long running nodes may take to end after a SIGTERM.", valueName: "seconds"))
  var grace = 20.0
  @Option(
    help: ArgumentHelp(
      "Takes only nodes that need more memory than this, or devices.", valueName: "size"))
  var beyond: ByteCount?

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes an integer ≥ 1, not \(jobs)") }
    guard grace >= 0 else { throw ValidationError("--grace takes a number of seconds, 0 or more") }
  }

  /// The seconds that it has from now on.
  func time(_ environment: [String: String]) -> Double? {
    let end = environment["SLURM_JOB_END_TIME"].flatMap { Double($0) }
      .map { $0 - Date().timeIntervalSince1970 }
    return [length?.seconds, end].compactMap { $0 }.min()
  }
}
