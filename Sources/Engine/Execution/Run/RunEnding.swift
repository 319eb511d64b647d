// What becomes of a node that has ended: published, healed, given up.

import PipelineCore

extension Run {
  mutating func handle(_ event: ExecutorEvent) throws {
    switch event {
    case .progress(let id, let fraction, let message):
      if running[id] != nil { progress.progress(id, fraction: fraction, message: message) }
    case .log(let id, let text): progress.log(id, text)
    case .printed(let id, let bytes):
      guard let node = running[id] else { return }
      if logs[id] == nil { logs[id] = NodeLog(of: node.task.key, in: cache) }
      logs[id]!.add(bytes)
    case .finished(let id, let result):
      guard let node = running.removeValue(forKey: id) else { return }
      budgets.giveBack(node.share)
      pilot?.didWork()
      switch result {
      case .success(let outcome): try publish(id, node, outcome)
      case .failure(let failure):
        fail(id, node, failure)
        leases.release(node.task.key)
      }
    }
  }

  private mutating func publish(_ id: NodeID, _ node: RunningNode, _ outcome: TaskOutcome) throws {
    if hasLostLease(node.task.key) { return giveWay(id, node) }
    let declaration = plan.stage(of: id).declaration
    var artifact = Artifact(
      action: node.task.key, content: outcome.content, fileDigest: outcome.fileDigest, size: outcome.size,
      fileExtension: declaration.fileExtension)
    artifact.variant = outcome.variant
    do {
      try compareWithFormer(id, artifact)
      artifact = try cache.publish(
        node.task.output,
        as: ActionRecord(
          artifact: artifact, stage: declaration.name, node: plan[id].name, pipeline: plan.name,
          created: POSIX.timestamp(), seconds: outcome.seconds, threads: node.share.cores,
          peakMemory: outcome.peakMemory, notes: outcome.notes), sync: outcome.seconds >= options.syncAfter)
    } catch {
      POSIX.removeTree(node.task.output)
      throw error
    }
    keepLog(of: id, artifact.action)
    scheduler.finish(id, artifact)
    pilot?.learn(plan.stage(of: id).family, cost: outcome.seconds * Double(node.share.cores))
    let run = record(
      of: id, key: artifact.action, node, .ran(seconds: outcome.seconds, peakMemory: outcome.peakMemory))
    journal.ran(Journal.Finished(id: id, artifact: artifact, reasons: node.reasons, run: run))
    lineage?.isRecorded(scheduler.resolver.planKeys[id])
    progress.finished(id, seconds: outcome.seconds, reasons: node.reasons)
  }

  /// Keeps what a node has printed. One that has printed nothing has no log, and none of an earlier attempt.
  private mutating func keepLog(of id: NodeID, _ key: Digest) {
    if let log = logs.removeValue(forKey: id) { log.keep() } else { cache.dropLog(key) }
  }

  /// Whether another process has taken the lease over, because this one was stopped for longer than a lease lasts.
  private func hasLostLease(_ key: Digest) -> Bool {
    !leases.holds(key) && (leases.isTaken(key) || cache.artifact(action: key) != nil)
  }

  /// Drops a result in favour of that of the process that has the lease now.
  private mutating func giveWay(_ id: NodeID, _ node: RunningNode) {
    logs.removeValue(forKey: id)?.drop()
    removeFiles(of: node.task)
    leases.release(node.task.key)
    progress.log(id, "another process has taken over this node; its result is used instead")
    if !scheduler.recheck(id) {
      scheduler.follow(id)
      elsewhere.add(id, now: POSIX.monotonicSeconds)
    }
  }

  private func record(
    of id: NodeID, key: Digest, _ node: RunningNode?, _ outcome: NodeRun.Outcome
  ) -> NodeRun {
    NodeRun(
      time: POSIX.timestamp(), node: plan[id].name, key: key,
      reasons: node?.reasons.map(\.description) ?? [], threads: node?.share.cores, began: node?.began,
      ended: journal.seconds, outcome: outcome)
  }

  /// Records the nodes that have run, and gives back their leases.
  mutating func recordFinished() throws(SystemError) {
    let tainted = pilot == nil ? scheduler.tainted : []
    for key in try journal.flush(sparing: tainted)
    where !running.values.contains(where: { $0.task.key == key }) {
      leases.release(key)
    }
  }

  mutating func recordCutOffs() throws(SystemError) {
    // What counts on former contents is looked at once more at the end.
    let cutOffs = scheduler.takeCutOffs().filter { pilot != nil || !scheduler.isTainted($0) }.compactMap {
      id in
      scheduler.artifacts[id.index].map { (id: id, artifact: $0) }
    }
    try journal.cutOff(cutOffs)
    for (id, _) in cutOffs {
      lineage?.isRecorded(scheduler.resolver.planKeys[id])
      progress.cutOff(id)
    }
  }

  private mutating func fail(_ id: NodeID, _ node: RunningNode, _ failure: StageFailure) {
    let isFinal = failure.kind == .failed || failure.kind == .unavailable
    removeFiles(of: node.task, sparingScratch: isFinal && options.keepsScratch)
    if case .damagedInput(let place) = failure.kind, let damaged = plan.node(filling: place, of: id),
      repeats.mayHeal(for: id)
    {
      progress.log(id, failure.message + "; making it again")
      if let artifact = scheduler.artifacts[damaged.index] {
        let isThere = POSIX.facts(cache.file(of: artifact)) != nil
        repeats.expect(damaged, isThere ? .artifactDamaged : .artifactMissing)
      }
      logs.removeValue(forKey: id)?.drop()
      scheduler.heal(id, damaged: damaged)
      return
    }
    if failure.kind == .interrupted, repeats.mayStartAgain(id) {
      progress.log(id, failure.message + "; it is to run again")
      logs.removeValue(forKey: id)?.drop()
      scheduler.restart(id)
      return
    }
    keepLog(of: id, node.task.key)
    var failure = failure
    if isFinal, options.keepsScratch, POSIX.facts(node.task.scratch) != nil {
      failure.message += "\n    its folder is kept until 'cache gc': \(node.task.scratch)"
    }
    giveUp(id, failure, key: node.task.key, node)
  }

  mutating func giveUp(_ id: NodeID, _ failure: StageFailure, key: Digest, _ node: RunningNode?) {
    // Before the lease goes: the next owner must find it.
    if node != nil { share(failure, of: id, key) }
    scheduler.fail(id)
    journal.failed(id, failure, record(of: id, key: key, node, .failed(message: failure.message)))
    progress.failed(id, failure.message)
  }

  mutating func endHangingNodes() throws {
    for (id, node) in running {
      guard let limit = plan.stage(of: id).timeout, journal.seconds - node.began - node.paused > limit else {
        continue
      }
      let reason = "it took longer than its timeout of \(limit) seconds and was ended"
      for event in executor.cancel(id, reason) { try handle(event) }
    }
  }
}
