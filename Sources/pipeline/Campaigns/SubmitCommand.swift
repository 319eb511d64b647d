// `pipeline submit`: freezes a plan for pilots, and starts these.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Programs
import Wording

struct SubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Freezes a plan as a campaign in the cache, and starts pilots that carry it out.",
    discussion: """
      Nobody has to stay: pilots share the work by the cache, whoever of them lives. A second submit of the same joins the \
      campaign that there is; pilots are started only where none is waiting or at work, or with --add.

      With --wait, what the file publishes is published at a good end, as by 'run'; without it by the next 'run', which has \
      nothing else to do then.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(
    help: "Nodes, stages or patterns, such as 'fit[data=alpha,seed<3]' (default: all).",
    completion: Complete.nodes)
  var nodes: [String] = []
  @Option(
    help: ArgumentHelp(
      "Where pilots run: local:N on this machine, ssh:HOST,HOST one on each, slurm as array jobs, none.",
      valueName: "road"))
  var via = "slurm"
  @Option(help: "How many pilots an array job has at most (slurm).") var pilots = 10
  @Option(help: "Cores of a pilot (default: 1; local: its share of the machine; ssh: the whole host).")
  var cpus: Int?
  @Option(
    help: ArgumentHelp(
      "Memory of a pilot (default: 1G a core; local: its share of the machine; ssh: the whole host).",
      valueName: "size"))
  var memory: ByteCount?
  @Option(help: ArgumentHelp("How long a pilot may go on: 2h, 30m.", valueName: "length")) var time: Age?
  @Option(help: "The partition of SLURM.") var partition: String?
  @Option(
    name: .customLong("sbatch-arg"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A further option of sbatch, as it is: --sbatch-arg=--account=x.", valueName: "option")
  )
  var batchArguments: [String] = []
  @Option(help: ArgumentHelp("Pilots end after so long without work.", valueName: "length"))
  var idle = Age(argument: "5m")!
  @Option(help: "Seconds of silence after which another pilot's work may be taken over.") var lease = 180.0
  @Flag(help: "Starts pilots although there are some.") var add = false
  @Flag(help: "Follows the campaign to its end; Ctrl-C leaves it running.") var wait = false
  @Flag(help: "Prints what would be started, and writes nothing.") var dryRun = false

  func validate() throws {
    if PilotRoad(via) == nil {
      throw ValidationError("--via takes local:N, ssh:HOST,HOST, slurm or none, not '\(via)'")
    }
    if pilots < 1 { throw ValidationError("--pilots takes an integer ≥ 1, not \(pilots)") }
    if let cpus, cpus < 1 { throw ValidationError("--cpus takes an integer ≥ 1, not \(cpus)") }
    guard lease > 0 else { throw ValidationError("--lease takes a number of seconds above 0") }
    for argument in batchArguments where argument.contains("\n") || !argument.hasPrefix("-") {
      throw ValidationError("--sbatch-arg takes an option of sbatch such as --account=x, not '\(argument)'")
    }
  }

  func run() throws {
    let session = try Session(pipeline, cache, remembering: !dryRun)
    let wanted = Set(try session.nodes(nodes)).sorted()
    if dryRun { return try show(session, wanted) }
    let words = ([pipeline.words] + nodes.map(PipelineOptions.quoted)).joined(separator: " ")
    let submitted = try refusing {
      try Campaign.submit(
        session.plan, session.keys, wanted: wanted, words: words, overrides: pipeline.overrides,
        in: session.cache)
    }
    let campaign = submitted.campaign
    printError(
      "campaign \(campaign.id): \(submitted.open.count) of \(counted(session.plan.nodes.count, "node")) to bring up to date"
    )
    if submitted.open.isEmpty {
      printError("nothing is left to do; no pilot is started")
      if wait { try conclude(session, wanted) }
      return
    }
    do {
      try startPilots(of: campaign, session, submitted.open)
    } catch let error as RoadError {
      printError("error: \(error)")
      throw Exit.unavailable
    } catch let error as ProgramError {
      printError("error: \(error); pilots can be started by hand: \(command(campaign).text)")
      throw Exit.unavailable
    }
    if wait {
      let follower = CampaignFollower(campaign: campaign, session: session, open: submitted.open.count)
      try follower.follow()
      try conclude(session, wanted)
    } else {
      print(campaign.id)
    }
  }

  /// What a run does at a good end: tables, and what the file publishes.
  private func conclude(_ session: Session, _ wanted: [NodeID]) throws {
    let isPublished = try session.publish()
    print(try session.tables(wanted), terminator: "")
    if !isPublished { throw Exit.failed }
  }

  // MARK: Pilots

  private func command(_ campaign: Campaign) -> PilotCommandLine {
    var options = ["--idle", "\(Int(idle.seconds))s", "--lease", String(lease)]
    if case .slurm = PilotRoad(via) {
    } else {
      if let cpus { options += ["--jobs", String(cpus)] }
      if let memory { options += ["--memory", String(memory.bytes)] }
      if let time { options += ["--time", "\(Int(time.seconds))s"] }
    }
    return PilotCommandLine(campaign: campaign.id, cache: cache.cache.root, options: options)
  }

  private var folder: String {
    URL(
      fileURLWithPath: Project.root,
      relativeTo: URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    )
    .standardizedFileURL.path
  }

  private func startPilots(of campaign: Campaign, _ session: Session, _ open: [NodeID]) throws {
    let there = campaign.pilots().count(where: \.isAlive) + (SlurmArray.jobs(of: campaign) ?? 0)
    if there > 0, !add {
      return printError("joined it: pilots are waiting or at work; --add starts more")
    }
    switch PilotRoad(via)! {
    case .none: print(command(campaign).text)
    case .local(let count):
      try LocalPilots.start(count, localCommand(campaign, count), output: campaign.outputFolder)
      try campaign.note(PilotBatch(via: "local", job: "", pilots: count))
      printError("\(counted(count, "pilot")) started here; what they print: \(campaign.outputFolder)")
    case .ssh(let hosts):
      let lost = try RemotePilots.start(
        hosts, command(campaign), folder: folder, output: campaign.outputFolder)
      if lost.count == hosts.count { throw RoadError(description: "no host could be reached by ssh") }
      if !lost.isEmpty { printError("no pilot could be started on \(lost.joined(separator: ", "))") }
      try campaign.note(PilotBatch(via: "ssh", job: "", pilots: hosts.count - lost.count))
      printError(
        "\(counted(hosts.count - lost.count, "pilot")) started; what they print: \(campaign.outputFolder)")
    case .slurm:
      for each in classes(session, open) {
        let job = try array(campaign).submit(each)
        try campaign.note(PilotBatch(via: "slurm", job: job, pilots: min(pilots, each.nodes)))
        printError(
          "job \(job): \(counted(min(pilots, each.nodes), "pilot")) of \(formatBytes(each.memory)) for \(counted(each.nodes, "node"))"
        )
      }
    }
  }

  /// Each pilot of this machine has its share of it, unless the user says otherwise.
  private func localCommand(_ campaign: Campaign, _ count: Int) -> PilotCommandLine {
    var command = command(campaign)
    let allocation = Allocation(environment: ProcessInfo.processInfo.environment)
    if cpus == nil { command.options += ["--jobs", String(max(1, allocation.cores / count))] }
    if memory == nil { command.options += ["--memory", String(max(1, allocation.memory / 5 * 4 / count))] }
    return command
  }

  // MARK: SLURM

  private func array(_ campaign: Campaign) -> SlurmArray {
    SlurmArray(
      campaign: campaign, command: command(campaign), folder: folder, pilots: pilots, cpus: cpus ?? 1,
      time: time?.seconds, partition: partition, arguments: batchArguments)
  }

  private func classes(_ session: Session, _ open: [NodeID]) -> [ResourceClass] {
    let plan = session.plan
    let needs = open.map { plan.stage(of: $0).declaration.resources(plan[$0].parameters) }
    return ResourceClass.classes(of: needs, memory: memory?.bytes ?? (cpus ?? 1) << 30)
  }

  private func show(_ session: Session, _ wanted: [NodeID]) throws {
    let resolution = Resolution(
      plan: session.plan, keys: session.keys, cache: session.cache, wanted: wanted)
    let open = session.plan.ids.filter { id in
      switch resolution.decisions[id.index] {
      case .unchanged, .runs, .follows, .waits: true
      case .fresh, .ignores: false
      }
    }
    let campaign = Campaign.named(session.plan, session.keys, wanted: wanted, in: session.cache)
    printError(
      "campaign \(campaign.id): \(open.count) of \(counted(session.plan.nodes.count, "node")) to bring up to date"
    )
    switch PilotRoad(via)! {
    case .none: print(command(campaign).text)
    case .local(let count): for _ in 0..<count { print(localCommand(campaign, count).text) }
    case .ssh(let hosts):
      for host in hosts {
        let script = RemotePilots.script(
          command(campaign), folder: folder, output: "\(campaign.outputFolder)/ssh-\(host).log")
        print("ssh -o BatchMode=yes \(host) \(PipelineOptions.quoted(script))")
      }
    case .slurm:
      print(classes(session, open).map { array(campaign).script($0) }.joined(separator: "\n"), terminator: "")
    }
  }
}
