// `pipeline run` and the worker processes that it starts.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import PipelineFile
import Stages
import Wording

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Brings nodes up to date, and prints the pipeline's tables.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var cache: CacheOptions

  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: "Cores in use at any time, at most (default: all that this process may use).")
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      "Memory in use by the nodes' declared needs, at most: 512M, 8G (default: 80 % of what is available).",
      valueName: "size"))
  var memory: ByteCount?

  @Option(
    name: .customLong("resource"),
    help: ArgumentHelp(
      "How many of a resource there are, for nodes that name it: gpus=2 (default: the GPUs that CUDA may see).",
      valueName: "name=count"))
  var devices: [DeviceCount] = []

  @Flag(
    name: [.customShort("k"), .long], help: "Goes on with the nodes that don't depend on a failed one.")
  var keepGoing = false

  @Flag(help: "Keeps the folder of a node that fails, and says where it is.")
  var keepScratch = false

  @Option(help: "Seconds of silence after which another process's work may be taken over.")
  var lease = 30.0

  @Option(
    help: ArgumentHelp(
      "A result that took at least this long is synced to disk before it is recorded; 0: every result.",
      discussion: "A power cut may take quicker results; they are made again.", valueName: "seconds"))
  var syncAfter = 10.0

  @Option(
    help: ArgumentHelp(
      "Looks for results there before it works: a folder, ssh:HOST:FOLDER, s3:BUCKET/PATH, rclone:REMOTE:PATH.",
      valueName: "remote"))
  var pull: String?

  @Flag(help: "Prints what was done as JSON instead of the tables.")
  var json = false

  @Flag(
    help:
      "Runs again whenever the pipeline file, a file that it reads or a tracked program changes, until Ctrl-C."
  )
  var watch = false

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes an integer ≥ 1, not \(jobs)") }
    guard syncAfter >= 0 else {
      throw ValidationError("--sync-after takes a number of seconds, 0 or more")
    }
    guard lease > 0 else { throw ValidationError("--lease takes a number of seconds above 0") }
    if let pull, RemoteAddress(pull) == nil { throw Transfers.wrongAddress(pull) }
  }

  func run() throws {
    if watch { return try runOnEveryChange() }
    if selection.isAll, try answerAtOnce() { return }
    try bringUpToDate(Session(pipeline, cache, remembering: true))
  }

  /// Answers without reading the pipeline's syntax where the last complete run was of the same bytes.
  private func answerAtOnce() throws -> Bool {
    let start = ContinuousClock.now
    let path = try pipeline.path()
    guard let completed = CompletedRun.find(path, pipeline.overrides, in: cache.cache) else { return false }
    let summary = Self.report(completed, of: path, since: start)
    if json { try printJSON(RunReport(summary)) } else { print(completed.answer, terminator: "") }
    return true
  }

  /// Says that all was up to date.
  @discardableResult
  static func report(
    _ completed: CompletedRun, of path: String, since start: ContinuousClock.Instant
  ) -> RunSummary {
    var summary = RunSummary()
    summary.fresh = completed.nodes
    summary.seconds = (ContinuousClock.now - start) / .seconds(1)
    RunReport.tell(summary, of: PipelineFile.name(ofFile: path))
    return summary
  }

  private func runOnEveryChange() throws {
    let path = try pipeline.path()
    var watcher = FileWatcher(files: [path])
    while true {
      do {
        let session = try Session(pipeline, cache, remembering: true)
        watcher.watch(session.files + session.programs + [path])
        try bringUpToDate(session)
      } catch let code as ExitCode where code != Exit.interrupted {
        // What went wrong has been said; the next change may put it right.
      }
      printError("watching \(counted(watcher.count, "file")); Ctrl-C ends")
      guard watcher.waitForChange() else { throw Exit.interrupted }
    }
  }

  private func bringUpToDate(_ session: Session) throws {
    let wanted = try selection.wanted(session)
    if wanted.isEmpty { selection.tellThatNothingFailed(session) }
    if let pull, !selection.force { Transfers.pullBefore(session, wanted, from: pull) }
    let allocation = Allocation(environment: ProcessInfo.processInfo.environment)
    let jobs = jobs ?? allocation.cores
    var options = RunOptions(
      jobs: jobs, memory: memory?.bytes ?? allocation.memory / 5 * 4, keepGoing: keepGoing, lease: lease,
      syncAfter: syncAfter, keepsScratch: keepScratch)
    options.devices = DeviceCount.devices(devices)
    options.overrides = pipeline.overrides
    if memory == nil { options.memorySource = "80 % \(allocation.memoryLimit)" }
    // What this run prints at its end it reads: a damaged table is made again first.
    for id in wanted where session.isTable(id) {
      if let artifact = session.cache.artifact(plan: session.keys[id]) {
        _ = session.cache.checkedFile(of: artifact)
      }
    }
    var run = Run(
      plan: session.plan, keys: session.keys, cache: session.cache, options: options,
      executor: WorkerPool(ofThisProgram: ["worker"]),
      progress: LiveRecorder(
        ConsoleProgress(
          jobs: jobs, costs: { RunHistory(cache: session.cache).costs(of: session.plan.name) }),
        cache: session.cache, file: try pipeline.path(), overrides: pipeline.overrides, jobs: jobs))
    let summary: RunSummary
    do {
      summary = try run.execute(wanted, forcing: selection.force ? wanted : [])
    } catch {
      printError("error: \(error)")
      // A cache that can't be had is no failure of a stage.
      let others = run.hasBegun ? Exit.failed : Exit.unavailable
      throw error is BudgetError ? Exit.wrongFile : error is NotACache ? Exit.wrongUsage : others
    }
    RunReport.tell(summary, of: session.plan.name)
    let madeAgain = session.compare(summary.madeAgain)
    if summary.interrupted { throw Exit.interrupted }
    let tables = summary.failures.isEmpty ? try session.tables(wanted) : ""
    let isPublished = try session.publish()
    // What a run of some nodes prints is no answer to one of all. What is published must be looked at, and programs that
    // are tracked must be asked.
    let isSettled = session.document.publications.isEmpty && session.plan.nodes.allSatisfy(\.tracked.isEmpty)
    let asked =
      selection.isAll && isSettled ? CompletedRun.question(try pipeline.path(), pipeline.overrides) : nil
    run.seal(asked, sources: session.document.files, answer: tables)
    if json {
      try printJSON(RunReport(summary, madeAgain: madeAgain))
    } else {
      print(madeAgain.map { $0.text() }.joined() + tables, terminator: "")
    }
    if let failure = summary.failures.first {
      throw summary.failures.allSatisfy { $0.failure.kind == .unavailable }
        && failure.failure.kind == .unavailable
        ? Exit.unavailable : Exit.failed
    }
    if !isPublished { throw Exit.failed }
  }
}

/// A number of bytes as people write it: `512M`, `8G`.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    var digits = argument.uppercased()
    if digits.hasSuffix("B") { digits.removeLast() }
    let shift = digits.last.flatMap { units[$0] } ?? 0
    if shift > 0 { digits.removeLast() }
    guard let number = Double(digits), number > 0, number * Double(1 << shift) < 1e18 else { return nil }
    bytes = Int(number * Double(1 << shift))
  }
}

struct WorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Runs the tasks that come on standard input (started by 'run').",
    shouldDisplay: false)

  func run() { Worker.serve(registry: allStages) }
}

extension Session {
  /// The files that the plan was made of: the pipeline's, those it extends, and those that stages read.
  fileprivate var files: [String] {
    let external = Set(plan.nodes.flatMap { $0.files.map(\.path) })
    return document.files.map(\.path)
      + external.sorted().map { $0.hasPrefix("/") ? $0 : plan.baseDirectory + "/" + $0 }
  }

  fileprivate func isTable(_ id: NodeID) -> Bool {
    TableReport.stages.contains(plan.stage(of: id).declaration.name)
  }

  /// The tables among some nodes, as text.
  func tables(_ wanted: [NodeID]) throws -> String {
    var text = ""
    for id in wanted where isTable(id) {
      if let artifact = cache.artifact(plan: keys[id]) {
        text += try table(id, artifact).render(.text, width: Terminal.width) + "\n"
      }
    }
    return text
  }
}
