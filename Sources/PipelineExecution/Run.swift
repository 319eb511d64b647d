// The run loop: hands ready nodes to the executor within the budgets, publishes what comes back, shows progress.

import Glibc
import PipelineCore

/// How a run is to be carried out.
public struct RunOptions: Sendable {
  /// Cores in use at any time, at most.
  public var jobs: Int
  /// Memory in use at any time by declared needs, in bytes, at most.
  public var memory: Int
  /// Whether nodes that don't depend on a failed one still run.
  public var keepGoing: Bool
  /// Seconds after which another process's silent lease may be taken over.
  public var lease: Double

  /// Budgets and manners of a run.
  public init(jobs: Int, memory: Int, keepGoing: Bool = false, lease: Double = 30) {
    precondition(jobs > 0 && lease > 0, "a run needs a core, and a lease some time")
    self.jobs = jobs
    self.memory = memory
    self.keepGoing = keepGoing
    self.lease = lease
  }
}

/// How a run ended.
public struct RunSummary: Sendable {
  /// A failed node.
  public struct Failure: Sendable {
    /// The node.
    public var node: String
    /// Its failure.
    public var failure: StageFailure
  }
  /// Nodes that ran, in the order in which they finished, with their reasons.
  public var ran: [(node: String, reasons: [RunReason])] = []
  /// Nodes whose plan key had an artifact.
  public var fresh = 0
  /// Nodes that need not run after all: their inputs have the contents of an earlier result, or another
  /// process made theirs meanwhile.
  public var cutOff = 0
  /// Nodes that failed.
  public var failures: [Failure] = []
  /// Nodes that could not run because of a failed one.
  public var blocked: [String] = []
  /// How many nodes were left as they were, because the run was interrupted or stopped at the first failure.
  public var notStarted = 0
  /// Whether a signal ended the run.
  public var interrupted = false
  /// Wall time in seconds.
  public var seconds = 0.0
}

/// A need that the machine's budget can't meet, found before anything runs.
public struct BudgetError: Error, Sendable, CustomStringConvertible {
  /// What needs how much, what there is, and what to do.
  public var description: String
}

/// One run of a plan.
public struct Run {
  private let plan: Plan
  private let keys: PlanKeys
  private let cache: Cache
  private let options: RunOptions
  private let executor: any TaskExecutor
  private let progress: any ProgressDisplay
  private let explainer: Explainer
  private let experiment: Experiment
  private var scheduler: Scheduler
  private var leases: LeaseKeeper
  private var log: RunLog
  private var summary = RunSummary()
  /// A file that says to collections that the run is in progress.
  private var marker: String?
  private var began = POSIX.monotonicSeconds
  private var running: [NodeID: Allocation] = [:]
  /// Nodes that another process is making.
  private var elsewhere: [NodeID] = []
  private var heals: [NodeID: Int] = [:]
  /// Nodes that run again because a consumer found their artifact unusable, with what it found.
  private var healing: [NodeID: RunReason] = [:]
  private var coresInUse = 0
  private var memoryInUse = 0

  private struct Allocation {
    var task: StageTask
    var cores: Int
    var memory: Int
    var start: Double
    var reasons: [RunReason]
  }

  /// A run that is about to start.
  public init(
    plan: Plan, keys: PlanKeys, cache: Cache, options: RunOptions, executor: any TaskExecutor,
    progress: any ProgressDisplay
  ) {
    self.plan = plan
    self.keys = keys
    self.cache = cache
    self.options = options
    self.executor = executor
    self.progress = progress
    explainer = Explainer(plan: plan, keys: keys, cache: cache)
    experiment = Experiment(name: plan.name, cache: cache)
    scheduler = Scheduler(plan: plan, keys: keys, cache: cache)
    leases = LeaseKeeper(cache: cache, duration: options.lease)
    log = RunLog(cache: cache, plan: plan, jobs: options.jobs)
  }

  /// Brings nodes up to date.
  ///
  /// - Throws: `BudgetError` before anything runs; `SystemError` when the cache can't be written.
  public mutating func execute(_ wanted: [NodeID]) throws -> RunSummary {
    began = POSIX.monotonicSeconds
    if wanted.count == plan.nodes.count, CompletionIndex.stands(experiment.index, plan, keys, cache) {
      summary.fresh = plan.nodes.count
      summary.seconds = POSIX.monotonicSeconds - began
      return summary
    }
    let interrupts = Interrupts.install()
    scheduler.want(wanted)
    if scheduler.unfinished > 0 {
      try checkBudgets()
      try cache.prepare()
      // At once, so that a collection that comes now knows what this run is about to read.
      try experiment.note(doneNodes(), complete: false)
      marker = try cache.markRun(of: plan.name)
      progress.begin(plan: plan, unfinished: unfinishedNodes())
    }
    defer {
      if let marker { unlink(marker) }
      executor.shutdown()
      for allocation in running.values {
        POSIX.removeTree(allocation.task.output)
        POSIX.removeTree(allocation.task.scratch)
      }
      leases.releaseAll()
    }
    do {
      while scheduler.unfinished > 0 {
        try recordCutOffs()
        try dispatch()
        // With nothing running and nothing to wait for, what is unfinished can't be finished any more.
        if running.isEmpty && elsewhere.isEmpty { break }
        for event in executor.wait(seconds: elsewhere.isEmpty ? 0.25 : 0.05, wake: interrupts.descriptor) {
          try handle(event)
        }
        try endHangingNodes()
        leases.renew()
        progress.update(running: running.keys.sorted(), waiting: elsewhere, unfinished: scheduler.unfinished)
        if interrupts.taken() {
          summary.interrupted = true
          break
        }
      }
      try recordCutOffs()
    } catch {
      progress.end()
      throw error
    }
    try close(wanted)
    progress.end()
    summary.seconds = POSIX.monotonicSeconds - began
    return summary
  }

  private func unfinishedNodes() -> [NodeID] {
    plan.ids.filter {
      switch scheduler.states[$0.index] {
      case .idle, .done, .failed, .blocked: false
      case .waiting, .ready, .running, .following: true
      }
    }
  }

  private func doneNodes() -> [(node: String, key: Digest)] {
    plan.nodes.indices.filter { scheduler.states[$0] == .done }.map { (plan.nodes[$0].name, keys.nodes[$0]) }
  }

  private func checkBudgets() throws(BudgetError) {
    for id in unfinishedNodes() {
      if let error = excess(of: id) { throw error }
    }
  }

  private func excess(of id: NodeID) -> BudgetError? {
    let needs = scheduler.needs(of: id).memory
    guard needs > options.memory else { return nil }
    return BudgetError(
      description: "\(plan[id].name) needs \(formatBytes(needs)) of memory and the budget is "
        + "\(formatBytes(options.memory)); give more with --memory or lower the stage's own needs")
  }

  // MARK: Starting nodes

  private var stopsStarting: Bool { !summary.failures.isEmpty && !options.keepGoing }

  private mutating func dispatch() throws {
    if stopsStarting {
      elsewhere = []
      return
    }
    var waiting: [NodeID] = []
    for id in elsewhere where !scheduler.recheck(id) {
      // Its owner may be gone without a result: then the node takes its turn here.
      if leases.isFree(scheduler.actionKey(of: id)) { scheduler.retry(id) } else { waiting.append(id) }
    }
    elsewhere = waiting
    while coresInUse < options.jobs, let id = scheduler.takeReady(memoryUpTo: options.memory - memoryInUse) {
      try start(id, otherReady: scheduler.readyCount)
    }
    if running.isEmpty, let id = scheduler.takeReady(memoryUpTo: Int.max) {
      // Healing may need a node that was not looked at when the run started.
      let message = excess(of: id)?.description ?? "it could not be started"
      giveUp(id, StageFailure(message), key: scheduler.actionKey(of: id), reasons: [])
    }
  }

  private mutating func start(_ id: NodeID, otherReady: Int) throws {
    let key = scheduler.actionKey(of: id)
    if case .held(let owner) = try leases.acquire(key, node: plan[id].name) {
      progress.waits(for: id, owner: "process \(owner.process) on \(owner.host)")
      scheduler.follow(id)
      elsewhere.append(id)
      return
    }
    // Another process may have published between our look-up and our lease.
    if scheduler.recheck(id) {
      leases.release(key)
      return
    }
    let needs = scheduler.needs(of: id)
    // A lone node takes all the cores that it can use; where others are ready, they share.
    let cores = max(1, min(needs.cores, (options.jobs - coresInUse) / (otherReady + 1)))
    let task = task(for: id, key: key, threads: cores, memory: needs.memory)
    let reasons = healing.removeValue(forKey: id).map { [$0] } ?? explainer.reasons(for: id)
    try executor.start(id, task)
    running[id] = Allocation(
      task: task, cores: cores, memory: needs.memory, start: POSIX.monotonicSeconds, reasons: reasons)
    coresInUse += cores
    memoryInUse += needs.memory
    progress.started(id, reasons: reasons, threads: cores)
  }

  private func task(for id: NodeID, key: Digest, threads: Int, memory: Int) -> StageTask {
    let node = plan[id]
    let declaration = plan.stage(of: id).declaration
    func input(_ source: NodeID, label: String) -> TaskInput {
      let artifact = scheduler.artifacts[source.index]!
      return TaskInput(
        label: label, node: plan[source].name, stage: plan.stage(of: source).declaration.name,
        axes: plan[source].axes, path: cache.file(of: artifact), content: artifact.content,
        fileDigest: artifact.fileDigest)
    }
    var inputs: [String: [TaskInput]] = [:]
    for planned in node.inputs {
      switch planned.source {
      case .node(let source): inputs[planned.slot] = [input(source, label: plan.stage(of: source).name)]
      case .join(let join):
        inputs[planned.slot] = plan.joins[join.index].members.map { input($0.node, label: $0.label) }
      }
    }
    let name = cache.temporaryName(String(key.hex.prefix(12)))
    return StageTask(
      node: node.name, stage: declaration.name, stageVersion: declaration.version, key: key,
      parameters: node.parameters, axes: node.axes, streamKey: plan.streamKey(of: id), inputs: inputs,
      output: name + "." + declaration.fileExtension, scratch: name + ".scratch",
      baseDirectory: POSIX.absolute(plan.baseDirectory), downloads: cache.downloads, threads: threads,
      memory: memory)
  }

  // MARK: Ending nodes

  private mutating func handle(_ event: ExecutorEvent) throws {
    switch event {
    case .progress(let id, let fraction, let message):
      if running[id] != nil { progress.progress(id, fraction: fraction, message: message) }
    case .log(let id, let text): progress.log(id, text)
    case .finished(let id, let result):
      guard let allocation = running.removeValue(forKey: id) else { return }
      coresInUse -= allocation.cores
      memoryInUse -= allocation.memory
      switch result {
      case .success(let outcome): try publish(id, allocation, outcome)
      case .failure(let failure): fail(id, allocation, failure)
      }
      leases.release(allocation.task.key)
    }
  }

  private mutating func publish(_ id: NodeID, _ allocation: Allocation, _ outcome: TaskOutcome) throws {
    let declaration = plan.stage(of: id).declaration
    let artifact = Artifact(
      action: allocation.task.key, content: outcome.content, fileDigest: outcome.fileDigest,
      size: outcome.size,
      fileExtension: declaration.fileExtension)
    do {
      try cache.publish(
        allocation.task.output,
        as: ActionRecord(
          artifact: artifact, stage: declaration.name, node: plan[id].name, pipeline: plan.name,
          created: POSIX.timestamp(), seconds: outcome.seconds, threads: allocation.cores,
          peakMemory: outcome.peakMemory), sync: outcome.seconds >= Durability.threshold)
      try record(id, artifact, allocation.reasons)
      try experiment.append([(plan[id].name, keys[id])])
      try log.add(
        RunEvent(
          event: "ran", time: POSIX.timestamp(), node: plan[id].name, key: artifact.action,
          reasons: allocation.reasons.map(\.description), seconds: outcome.seconds, threads: allocation.cores,
          peakMemory: outcome.peakMemory, began: allocation.start - began,
          ended: POSIX.monotonicSeconds - began))
    } catch {
      POSIX.removeTree(allocation.task.output)
      throw error
    }
    cache.clearFailure(keys[id])
    scheduler.finish(id, artifact)
    summary.ran.append((plan[id].name, allocation.reasons))
    progress.finished(id, seconds: outcome.seconds, reasons: allocation.reasons)
  }

  /// Lets the plan key stand for the artifact, with the manifest that later explanations compare with.
  private func record(_ id: NodeID, _ artifact: Artifact, _ reasons: [RunReason]) throws(SystemError) {
    for case .join(let join) in plan[id].inputs.map(\.source) {
      guard let key = keys.joins[join.index] else { continue }
      var manifest = RecordingManifest()
      plan.describe(join, to: &manifest) { keys[$0] }
      try cache.record(join: manifest.fields, for: key)
    }
    try cache.record(
      PlanRecord(
        artifact: artifact, manifest: explainer.manifest(of: id),
        reasons: reasons.map(\.description).joined(separator: "; ")), for: keys[id])
  }

  private mutating func recordCutOffs() throws {
    let cutOffs = scheduler.takeCutOffs()
    guard !cutOffs.isEmpty else { return }
    try POSIX.makeDirectories(cache.temporaryFolder)
    for id in cutOffs {
      guard let artifact = scheduler.artifacts[id.index] else { continue }
      try record(id, artifact, [])
      cache.clearFailure(keys[id])
      summary.cutOff += 1
      progress.cutOff(id)
    }
    try experiment.append(cutOffs.map { (plan[$0].name, keys[$0]) })
  }

  private mutating func fail(_ id: NodeID, _ allocation: Allocation, _ failure: StageFailure) {
    // A worker that was killed could not do it itself.
    POSIX.removeTree(allocation.task.output)
    POSIX.removeTree(allocation.task.scratch)
    if failure.kind == .damagedInput, heals[id, default: 0] < 3,
      let damaged = plan.predecessors(of: id).first(where: { plan[$0].name == failure.damagedNode })
    {
      heals[id, default: 0] += 1
      progress.log(id, failure.message + "; making it again")
      if let artifact = scheduler.artifacts[damaged.index] {
        healing[damaged] = POSIX.facts(cache.file(of: artifact)) == nil ? .artifactMissing : .artifactDamaged
      }
      scheduler.heal(id, damaged: damaged)
      return
    }
    giveUp(id, failure, key: allocation.task.key, reasons: allocation.reasons, allocation)
  }

  private mutating func giveUp(
    _ id: NodeID, _ failure: StageFailure, key: Digest, reasons: [RunReason], _ allocation: Allocation? = nil
  ) {
    scheduler.fail(id)
    summary.failures.append(.init(node: plan[id].name, failure: failure))
    progress.failed(id, failure.message)
    // On a full disk the user must still read why the node failed, rather than that this could not be
    // written.
    try? cache.record(failure: failure.message, node: plan[id].name, pipeline: plan.name, for: keys[id])
    try? log.add(
      RunEvent(
        event: "failed", time: POSIX.timestamp(), node: plan[id].name, key: key,
        reasons: reasons.map(\.description), threads: allocation?.cores, message: failure.message,
        began: allocation.map { $0.start - began }, ended: POSIX.monotonicSeconds - began))
  }

  private mutating func endHangingNodes() throws {
    let now = POSIX.monotonicSeconds
    for (id, allocation) in running {
      guard let limit = plan.stage(of: id).timeout, now - allocation.start > limit else { continue }
      executor.cancel(id)
      try handle(
        .finished(
          id, .failure(StageFailure("it took longer than its timeout of \(limit) seconds and was ended"))))
    }
  }

  private func ending() -> RunEvent {
    var taken = Set(plan.joins.flatMap { $0.members.map(\.node.index) })
    for node in plan.nodes {
      for case .node(let source) in node.inputs.map(\.source) { taken.insert(source.index) }
    }
    var results: [String: Digest] = [:]
    for (index, node) in plan.nodes.enumerated() where !taken.contains(index) {
      if let artifact = scheduler.artifacts[index] { results[node.name] = artifact.action }
    }
    return RunEvent(
      event: "end", time: POSIX.timestamp(), seconds: POSIX.monotonicSeconds - began,
      message: summary.interrupted ? "interrupted" : summary.failures.isEmpty ? "done" : "failed",
      results: results,
      fresh: summary.fresh, cutOff: summary.cutOff)
  }

  private mutating func close(_ wanted: [NodeID]) throws {
    let notes = doneNodes()
    for (index, state) in scheduler.states.enumerated() {
      switch state {
      case .done: summary.fresh += scheduler.endings[index] == .fresh ? 1 : 0
      case .blocked: summary.blocked.append(plan.nodes[index].name)
      case .waiting, .ready, .running, .following: summary.notStarted += 1
      case .idle, .failed: break
      }
    }
    // A read-only cache in which all is fresh is no reason to fail: nothing that was asked for is lost.
    let complete = wanted.count == plan.nodes.count && notes.count == plan.nodes.count
    do {
      try experiment.note(notes, complete: complete)
      if complete {
        try CompletionIndex.write(experiment.index, plan, keys, scheduler.artifacts.compactMap { $0 }, cache)
      }
      let end = ending()
      try log.end(end)
    } catch {
      if !summary.ran.isEmpty { throw error }
    }
  }
}

/// Bytes as a person reads them: `512 MB`.
public func formatBytes(_ bytes: Int) -> String {
  var value = Double(bytes)
  for unit in ["B", "kB", "MB", "GB"] {
    if value < 1024 || unit == "GB" {
      let tenths = (value * 10).rounded() / 10
      return tenths == tenths.rounded() || tenths >= 100
        ? "\(Int(tenths.rounded())) \(unit)" : "\(tenths) \(unit)"
    }
    value /= 1024
  }
  return "\(bytes) B"
}
