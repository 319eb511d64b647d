// What becomes of a node that has ended: published, healed, given up.

import PipelineCore

extension Run {
  mutating func handle(_ event: ExecutorEvent) throws {
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
      case .failure(let failure):
        fail(id, allocation, failure)
        leases.release(allocation.task.key)
      }
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
          peakMemory: outcome.peakMemory), sync: outcome.seconds >= options.syncAfter)
    } catch {
      POSIX.removeTree(allocation.task.output)
      throw error
    }
    scheduler.finish(id, artifact)
    summary.ran.append((plan[id].name, allocation.reasons))
    let event = RunEvent(
      event: "ran", time: POSIX.timestamp(), node: plan[id].name, key: artifact.action,
      reasons: allocation.reasons.map(\.description), seconds: outcome.seconds, threads: allocation.cores,
      peakMemory: outcome.peakMemory, began: allocation.start - began, ended: POSIX.monotonicSeconds - began)
    unrecorded.append((id, artifact, allocation.reasons, event))
    progress.finished(id, seconds: outcome.seconds, reasons: allocation.reasons)
  }

  /// Records the nodes that have run: their plan keys and the history. Their results are complete and found by
  /// action key without that, so it is done once the freed workers have new work.
  mutating func recordFinished() throws {
    guard !unrecorded.isEmpty else { return }
    let finished = unrecorded
    unrecorded = []
    for (id, artifact, reasons, event) in finished {
      try record(id, artifact, reasons)
      try log.add(event)
      cache.clearFailure(keys[id])
      if reasons.contains(.artifactDamaged) { cache.dropSetAside(artifact) }
    }
    try experiment.append(finished.map { (plan[$0.id].name, keys[$0.id]) })
    // Not before: a collection spares what is leased or in the pipeline's log.
    for key in finished.map(\.artifact.action) where !running.values.contains(where: { $0.task.key == key }) {
      leases.release(key)
    }
  }

  /// Lets the plan key stand for the artifact, with the manifest that later explanations compare with.
  private mutating func record(_ id: NodeID, _ artifact: Artifact, _ reasons: [RunReason]) throws(SystemError)
  {
    for case .join(let join) in plan[id].inputs.map(\.source) {
      // Once, however many nodes take it: its manifest is as long as it has members.
      guard !recordedJoins.contains(join), let key = keys.joins[join.index] else { continue }
      var manifest = RecordingManifest()
      plan.describe(join, to: &manifest) { keys[$0] }
      try cache.record(join: manifest.fields, for: key)
      recordedJoins.insert(join)
    }
    try cache.record(
      PlanRecord(
        artifact: artifact, manifest: explainer.manifest(of: id),
        reasons: reasons.map(\.description).joined(separator: "; ")), for: keys[id])
  }

  mutating func recordCutOffs() throws {
    let cutOffs = scheduler.takeCutOffs()
    guard !cutOffs.isEmpty else { return }
    try POSIX.makeDirectories(cache.layout[.temporary])
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

  mutating func giveUp(
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

  mutating func endHangingNodes() throws {
    let now = POSIX.monotonicSeconds
    for (id, allocation) in running {
      guard let limit = plan.stage(of: id).timeout, now - allocation.start > limit else { continue }
      executor.cancel(id)
      try handle(
        .finished(
          id, .failure(StageFailure("it took longer than its timeout of \(limit) seconds and was ended"))))
    }
  }
}
