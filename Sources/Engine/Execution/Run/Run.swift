// The run loop: looks for work, waits for what is running, and hands on what it came to.

import Glibc
import PipelineCore

/// One run of a plan.
///
/// The `Scheduler` decides which nodes run, the `Budgets` how many at a time, the `Journal` records what becomes of
/// them; the loop is between these and the executor.
public struct Run {
  let cache: CacheStore
  let options: RunOptions
  let executor: any TaskExecutor
  let progress: any ProgressDisplay
  var scheduler: Scheduler
  var budgets: Budgets
  var journal: Journal
  var leases: LeaseKeeper
  var running: [NodeID: RunningNode] = [:]
  /// Nodes that another process is making.
  var elsewhere: ForeignNodes
  var repeats = Repeats()
  /// Whether the cache could be written and nodes may have run.
  public private(set) var hasBegun = false
  /// What stands on what in the cache; read when a node first has other content than before.
  var lineage: CacheLineage?
  /// What running nodes have printed.
  var logs: [NodeID: NodeLog] = [:]
  /// Whether a batch system has said that time is nearly up.
  var isFinishing = false
  /// Whether names of the cache may be known late.
  private(set) var isOnNetwork = false
  /// This run's side of a campaign; nil if it is of its own.
  let pilot: Pilot?

  var plan: Plan { scheduler.plan }

  /// A node that a worker has, and what it has of the machine.
  struct RunningNode {
    var task: StageTask
    var share: Budgets.Share
    /// When it was started, in seconds since the start of the run.
    var began: Double
    /// For how many seconds it stood still since.
    var paused = 0.0
    var reasons: [RunReason]
  }

  /// A run that is about to start.
  public init(
    plan: Plan, keys: PlanKeys, cache: CacheStore, options: RunOptions, executor: any TaskExecutor,
    progress: any ProgressDisplay
  ) {
    self.init(plan, keys, cache, options, executor, progress, pilot: nil, known: [])
  }

  init(
    _ plan: Plan, _ keys: PlanKeys, _ cache: CacheStore, _ options: RunOptions, _ executor: any TaskExecutor,
    _ progress: any ProgressDisplay, pilot: Pilot?, known: [Artifact?]
  ) {
    self.cache = cache
    self.options = options
    self.executor = executor
    self.progress = progress
    self.pilot = pilot
    let shared = pilot.map { SharedKnowledge(place: $0.place, fresh: known) }
    scheduler = Scheduler(plan: plan, keys: keys, cache: cache, sharing: shared)
    budgets = Budgets(options)
    journal = Journal(
      plan: plan, keys: keys, cache: cache, jobs: options.jobs, overrides: options.overrides, pilot: pilot)
    leases = LeaseKeeper(cache: cache, duration: options.lease)
    // A pilot hears of results by news; it looks only in case their maker is gone.
    elsewhere = pilot == nil ? ForeignNodes(lease: options.lease) : .ofPilot(lease: options.lease)
  }

  /// Brings nodes up to date.
  ///
  /// - Parameters:
  ///   - wanted: The nodes.
  ///   - forced: Those among them that are made whatever there is. What stands on one that comes to other bytes is
  ///     not up to date any more.
  /// - Throws: `BudgetError` before anything runs; `SystemError` when the cache can't be written.
  public mutating func execute(_ wanted: [NodeID], forcing forced: [NodeID] = []) throws -> RunSummary {
    if forced.isEmpty, wanted.count == plan.nodes.count, journal.findsAllFresh() { return journal.summary }
    let interrupts = Interrupts.install()
    scheduler.force(forced)
    learnNews()
    scheduler.want(wanted)
    if scheduler.unfinished > 0 {
      // What is too large for a pilot is left to others.
      if pilot == nil { try checkBudgets() }
      try journal.open(done: plan.ids.filter { scheduler.states[$0.index] == .done })
      hasBegun = true
      isOnNetwork = POSIX.isOnNetwork(cache.root)
      progress.begin(plan: plan, unfinished: unfinishedNodes())
    }
    defer { cleanUp() }
    var interrupted = false
    do {
      repeat {
        interrupted = try loop(interrupts)
      } while !interrupted && pilot == nil
        && (forgiveWhatOthersMade(wanted) || looksOnceMore()
          || journal.isOpen && scheduler.wantLost(among: wanted))
    } catch {
      try? recordFinished()
      scheduler.dropTainted()
      progress.end()
      throw error
    }
    // Nobody looks once more: the next run does.
    scheduler.dropTainted()
    try journal.close(scheduler, interrupted: interrupted)
    progress.end()
    return journal.summary
  }

  /// Runs what can be run; true if a signal has ended it before all was done.
  private mutating func loop(_ interrupts: Interrupts) throws -> Bool {
    var isStopped = false
    while scheduler.unfinished > 0, !isStopped {
      try recordCutOffs()
      try dispatch()
      try recordFinished()
      if running.isEmpty, !mayGetWork { break }
      let pause = budgets.hasFreeCore ? lookAroundPause : 0.25
      for event in executor.wait(seconds: pause, wake: interrupts.descriptor) {
        try handle(event)
      }
      for log in logs.values { log.flush() }
      try endHangingNodes()
      leases.renew()
      keepPilot()
      progress.update(
        running: running.keys.sorted(), waiting: elsewhere.ids, unfinished: scheduler.unfinished)
      switch interrupts.taken() {
      case nil: break
      case .suspend?: standStill()
      case .finish?: isFinishing = true
      case .terminate?: isStopped = !finishesAfterTermination()
      case .stop?: isStopped = true
      }
      if pilot?.isCancelled == true || pilot?.graceIsOver == true { isStopped = true }
    }
    if pilot != nil { confirmWhatOthersMade() }
    try recordCutOffs()
    try recordFinished()
    return isStopped || isFinishing && scheduler.unfinished > 0
  }

  /// Stops with all that runs, until somebody lets this process go on.
  private mutating func standStill() {
    let start = journal.seconds
    progress.end()
    executor.suspend()
    raise(SIGSTOP)
    executor.resume()
    for id in running.keys { running[id]!.paused += journal.seconds - start }
    // Whose lease was taken over meanwhile finds out when it publishes.
    leases.renew()
  }

  /// What failed here may have been made by another process meanwhile; then all that waited for it goes on.
  private mutating func forgiveWhatOthersMade(_ wanted: [NodeID]) -> Bool {
    let made = plan.ids.filter {
      scheduler.states[$0.index] == .failed && !scheduler.isForced($0)
        && cache.artifact(action: scheduler.actionKey(of: $0)) != nil
    }
    guard !made.isEmpty else { return false }
    journal.forgive(made)
    scheduler.forgive(made, wanted)
    return true
  }

  private mutating func cleanUp() {
    journal.removeMarker()
    pilot?.end()
    executor.shutdown()
    for (id, node) in running {
      removeFiles(of: node.task)
      logs[id]?.keep()
    }
    leases.releaseAll()
  }

  /// Removes what a task has left, which a worker that was killed could not do itself.
  func removeFiles(of task: StageTask, sparingScratch: Bool = false) {
    let scratch = sparingScratch ? [] : [task.scratch]
    for path in [task.output] + scratch + task.copiesFolder { POSIX.removeTree(path) }
  }

  func unfinishedNodes() -> [NodeID] {
    plan.ids.filter {
      switch scheduler.states[$0.index] {
      case .idle, .done, .failed, .blocked: false
      case .waiting, .ready, .running, .following: true
      }
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
    journal.seal(question, sources: sources, answer: answer)
  }
}
