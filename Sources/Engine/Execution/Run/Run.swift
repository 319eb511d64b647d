// The run loop: looks for work, waits for what is running, and records what the run came to.

import Glibc
import PipelineCore

/// One run of a plan.
public struct Run {
  let plan: Plan
  let keys: PlanKeys
  let cache: CacheStore
  let options: RunOptions
  let executor: any TaskExecutor
  let progress: any ProgressDisplay
  let explainer: Explainer
  let experiment: Experiment
  var scheduler: Scheduler
  var leases: LeaseKeeper
  var log: RunLog
  var summary = RunSummary()
  /// A file that says to collections that the run is in progress.
  var marker: String?
  var began = POSIX.monotonicSeconds
  var running: [NodeID: Allocation] = [:]
  /// Nodes that another process is making.
  var elsewhere: [NodeID] = []
  var heals: [NodeID: Int] = [:]
  /// Nodes that run again because a consumer found their artifact unusable, with what it found.
  var healing: [NodeID: RunReason] = [:]
  /// Joins whose manifests are in the cache.
  var recordedJoins: Set<JoinID> = []
  /// Nodes that have run and whose results are in the cache, but not yet their plan keys and the history.
  var unrecorded: [(id: NodeID, artifact: Artifact, reasons: [RunReason], event: RunEvent)] = []
  /// The index of this run, once every node is up to date.
  private var completion: CompletionIndex?
  var coresInUse = 0
  var memoryInUse = 0

  /// What a running node has of the machine.
  struct Allocation {
    var task: StageTask
    var cores: Int
    var memory: Int
    var start: Double
    var reasons: [RunReason]
  }

  /// A run that is about to start.
  public init(
    plan: Plan, keys: PlanKeys, cache: CacheStore, options: RunOptions, executor: any TaskExecutor,
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
    if wanted.count == plan.nodes.count, let index = CompletionIndex(file: experiment.index),
      index.identity == CompletionIndex.identity(plan, keys), index.stands(in: cache, log: experiment.log)
    {
      completion = index
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
      _ = try experiment.note(doneNodes())
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
        try recordFinished()
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
      try recordFinished()
    } catch {
      try? recordFinished()
      progress.end()
      throw error
    }
    try close(wanted)
    progress.end()
    summary.seconds = POSIX.monotonicSeconds - began
    return summary
  }

  func unfinishedNodes() -> [NodeID] {
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
    do {
      let logSize = try experiment.note(notes)
      if notes.count == plan.nodes.count {
        completion = CompletionIndex(
          plan, keys, scheduler.artifacts.compactMap { $0 }, logSize: logSize, in: cache)
      }
      try log.end(ending())
    } catch {
      if !summary.ran.isEmpty { throw error }
    }
  }

  /// Lets the next run that is asked the same find at once that nothing is to be done. Does nothing unless this
  /// run brought every node of the plan up to date.
  ///
  /// - Parameters:
  ///   - question: What this run was asked; nil where that does not settle the plan.
  ///   - sources: The pipeline file and those that it extends, with the digests of what was read of them.
  ///   - answer: What the run prints at its end.
  public func seal(_ question: RunQuestion? = nil, sources: [ExternalFile] = [], answer: String = "") {
    guard var index = completion else { return }
    let files = Set(plan.nodes.lazy.flatMap(\.files)).map {
      ExternalFile(path: POSIX.join(plan.baseDirectory, $0.path), digest: $0.digest)
    }
    let all = sources + files.sorted { $0.path < $1.path }
    if let question, all.allSatisfy({ question.covers($0.path) }) {
      index.question = question.digest
      index.sources = all
      index.answer = answer
    }
    // A shortcut only: where it can't be written, the next run takes a little longer.
    try? index.write(experiment.index, in: cache)
  }
}
