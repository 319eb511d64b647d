// Which nodes of a run start, when and with what of the machine.

import PipelineCore

extension Run {
  func checkBudgets() throws(BudgetError) {
    for id in unfinishedNodes() {
      if let error = excess(of: id) { throw error }
    }
  }

  private func excess(of id: NodeID) -> BudgetError? {
    budgets.excess(of: scheduler.needs(of: id), node: plan[id].name)
  }

  var stopsStarting: Bool {
    isFinishing || !journal.summary.failures.isEmpty && !options.keepGoing
  }

  mutating func dispatch() throws {
    if stopsStarting {
      elsewhere.removeAll()
      return
    }
    // What others have made can't start anything while all cores are in use.
    if budgets.hasFreeCore { lookElsewhere() }
    if pilot != nil { return try dispatchAsPilot() }
    while budgets.hasFreeCore, let id = scheduler.takeReady(where: budgets.hasRoom) {
      try start(id, otherReady: scheduler.readyCount)
    }
    if running.isEmpty, let id = scheduler.takeReady(where: { _ in true }) {
      // Healing may need a node that was not looked at when the run started.
      let message = excess(of: id)?.description ?? "it could not be started"
      giveUp(id, StageFailure(message), key: scheduler.actionKey(of: id), nil)
    }
  }

  private mutating func lookElsewhere() {
    let passed = pilot?.passed ?? []
    elsewhere.look(now: POSIX.monotonicSeconds) { id in
      // News of a campaign may have settled it.
      guard scheduler.states[id.index] == .following else { return false }
      if scheduler.recheck(id) { return false }
      if passed.contains(id) { return true }
      // Its owner may be gone without a result: then the node takes its turn here.
      guard leases.isFree(scheduler.actionKey(of: id)) else { return true }
      scheduler.retry(id)
      return false
    }
  }

  mutating func start(_ id: NodeID, otherReady: Int) throws {
    let key = scheduler.actionKey(of: id)
    if case .held(let owner) = try leases.acquire(key) {
      // Pilots meet so often that a line each would be most of what they say.
      if let pilot {
        meetAnother(pilot, isMade: false)
      } else {
        progress.waits(for: id, owner: owner.description)
      }
      scheduler.follow(id)
      elsewhere.add(id, now: POSIX.monotonicSeconds)
      return
    }
    // Another process may have published between our look-up and our lease.
    if isOnNetwork { cache.forgetAbsence(of: key) }
    if scheduler.recheck(id) || hasFailedElsewhere(id, key) {
      leases.release(key)
      return
    }
    let share = budgets.share(for: scheduler.needs(of: id), otherReady: otherReady)
    let task = task(for: id, key: key, share)
    var reasons = repeats.takeReason(for: id).map { [$0] } ?? journal.reasons(for: id)
    if scheduler.isForced(id) { reasons.append(.forced) }
    try executor.start(id, task)
    running[id] = RunningNode(task: task, share: share, began: journal.seconds, reasons: reasons)
    pilot?.didStart()
    budgets.take(share)
    progress.started(id, reasons: reasons, threads: share.cores)
  }

  private func task(for id: NodeID, key: Digest, _ share: Budgets.Share) -> StageTask {
    let node = plan[id]
    let declaration = plan.stage(of: id).declaration
    let (inputs, gathers) = cache.taskInputs(of: id, in: plan) { scheduler.artifacts[$0.index]! }
    let name = cache.layout.temporary(String(key.hex.prefix(12)))
    let base = POSIX.absolute(plan.baseDirectory)
    let files = node.files.enumerated().map { number, file in
      TaskFile(
        path: file.path, digest: file.digest, source: POSIX.join(base, file.path),
        copy: "\(name).files/\(number)")
    }
    return StageTask(
      node: node.name, stage: declaration.name, stageVersion: declaration.version, key: key,
      parameters: node.parameters, axes: node.axes, streamKey: plan.streamKey(of: id), inputs: inputs,
      gathers: gathers,
      output: name + "." + declaration.fileExtension, scratch: name + ".scratch",
      files: files, downloads: cache.downloads, cache: cache.root,
      threads: share.cores, memory: share.memory, syncAfter: options.syncAfter,
      keepsScratch: options.keepsScratch, secrets: declaration.secrets(node.parameters),
      devices: share.devices, program: node.tracked.lazy.compactMap(\.programDigest).first)
  }
}
