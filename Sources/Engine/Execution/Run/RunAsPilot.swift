// A run that is one of the pilots of a campaign: what it learns from the others, and what it leaves to them.

import PipelineCore

extension Run {
  /// A pilot of a campaign.
  ///
  /// - Parameters:
  ///   - campaign: The campaign.
  ///   - assignment: What it is to carry out.
  ///   - manners: When it ends.
  public init(
    pilotOf campaign: Campaign, _ assignment: Campaign.Assignment, options: RunOptions,
    manners: PilotOptions = PilotOptions(), executor: any TaskExecutor, progress: any ProgressDisplay
  ) {
    var options = options
    options.keepGoing = true
    let cache = campaign.cache
    let earlier = RunHistory(cache: cache).costs(of: assignment.plan.name)
    self.init(
      assignment.plan, assignment.keys, cache, options, executor, progress,
      pilot: Pilot(campaign, manners, earlier: earlier), known: assignment.known)
  }

  // MARK: News

  /// Takes what other pilots have made or seen fail.
  mutating func learnNews() {
    guard let pilot else { return }
    learn(pilot.takeNews(isBusy: scheduler.readyCount > 0), pilot)
  }

  private mutating func learn(_ news: [PilotNews], _ pilot: Pilot) {
    for item in news {
      switch item {
      case .made(let artifact, let node, let cost):
        if plan.nodes.indices.contains(node.index) { pilot.learn(plan.stage(of: node).family, cost: cost) }
        scheduler.learn(artifact)
      case .failed(let key, _):
        if let id = scheduler.learnFailure(of: key) { journal.failedElsewhere(id) }
      }
    }
  }

  /// Keeps its mark, and the relay of the news if that is its part.
  mutating func keepPilot() {
    guard let pilot else { return }
    pilot.keepMarks()
    pilot.relay.keep(&leases, now: POSIX.monotonicSeconds)
  }

  /// Has the plan keys recorded of nodes whose makers may have died before they could. News tell of most that they did not.
  mutating func confirmWhatOthersMade() {
    guard let pilot, scheduler.shared?.unconfirmed.isEmpty == false else { return }
    learn(pilot.takeLastNews(), pilot)
    scheduler.confirm()
  }

  /// Another has what this pilot was about to start: it goes on elsewhere.
  mutating func meetAnother(_ pilot: Pilot, isMade: Bool) {
    pilot.collide(isMade: isMade)
    scheduler.jump()
  }

  /// Whether a node has failed in another pilot; it counts as failed here then. To be asked under its lease.
  mutating func hasFailedElsewhere(_ id: NodeID, _ key: Digest) -> Bool {
    guard let message = pilot?.campaign.failure(of: key) else { return false }
    scheduler.fail(id)
    journal.failedElsewhere(id)
    progress.log(id, "failed before in this campaign: \(message.prefix { $0 != "\n" })")
    return true
  }

  /// Tells the other pilots of a failure. To be called under the lease of the node.
  func share(_ failure: StageFailure, of id: NodeID, _ key: Digest) {
    guard let pilot else { return }
    // On a full disk the node is tried once more by others.
    try? pilot.campaign.record(failure: failure.message, of: key, node: plan[id].name)
    pilot.tell(.failed(key, node: id))
  }

  // MARK: Starting

  /// Starts what is ready, fits and would end in time, and leaves all else to others.
  mutating func dispatchAsPilot() throws {
    guard let pilot, budgets.hasFreeCore else { return }
    learnNews()
    let fits = reach
    while let id = scheduler.takeReady(where: { !fits($0) }) { leave(id) }
    while budgets.hasFreeCore, !pilot.rests, let id = scheduler.takeReady(where: budgets.hasRoom) {
      let needs = scheduler.needs(of: id)
      let share = budgets.share(for: needs, otherReady: scheduler.readyCount)
      if !pilot.mayFinish(plan.stage(of: id).family, cores: share.cores) {
        leave(id)
      } else if scheduler.recheck(id) {
        // The look at the record comes before the lease: that of a node that is done costs no writing.
        meetAnother(pilot, isMade: true)
        pilot.didWork()
      } else {
        try start(id, otherReady: scheduler.readyCount)
      }
    }
  }

  /// Whether a node of such needs is ever this pilot's.
  private var reach: (Resources) -> Bool {
    let (budgets, pilot) = (budgets, pilot)
    return { budgets.excess(of: $0, node: "") == nil && pilot?.takes($0) != false }
  }

  private mutating func leave(_ id: NodeID) {
    pilot?.passed.insert(id)
    scheduler.follow(id)
    elsewhere.add(id, now: POSIX.monotonicSeconds)
  }

  // MARK: Ending

  /// Whether something may still come to be done, although nothing runs here. Without other pilots: only where another
  /// process is at work on a node.
  var mayGetWork: Bool {
    guard let pilot else { return !elsewhere.isEmpty }
    if stopsStarting || pilot.isIdleForLong { return false }
    return unfinishedNodes().contains { !pilot.passed.contains($0) && mayDo($0) }
  }

  /// Whether a node is within the reach of this pilot.
  private func mayDo(_ id: NodeID) -> Bool {
    let needs = scheduler.needs(of: id)
    return reach(needs)
      && pilot?.mayFinish(plan.stage(of: id).family, cores: min(needs.cores, options.jobs)) != false
  }

  /// For how long to wait where nothing is to be started, in seconds.
  var lookAroundPause: Double {
    mutating get {
      let pause = elsewhere.pause(now: POSIX.monotonicSeconds, atMost: 0.25)
      guard let pilot else { return pause }
      let isBusy = scheduler.readyCount > 0
      let own = pilot.pause(atMost: 0.25, isBusy: isBusy)
      return isBusy ? own : max(pause, own)
    }
  }

  /// A SIGTERM has come: whether to wait for running nodes, since a batch system gives some time after it. A second one, or a
  /// run of its own, ends at once.
  mutating func finishesAfterTermination() -> Bool {
    guard let pilot, pilot.askedToEnd == nil else { return false }
    isFinishing = true
    if pilot.campaign.isCancelled { return false }
    let now = journal.seconds
    return pilot.askToEnd(
      running.map { id, node in
        (plan.stage(of: id).family, node.share.cores, now - node.began - node.paused)
      })
  }
}
