// What a run leaves behind: plan records and failures, the pipeline's log, the run's own record, and the summary.

import Glibc
import PipelineCore

/// Records what becomes of each node.
///
/// A node that has run is recorded in two steps: its artifact and action record at once (`Run.publish`), the rest here,
/// once the freed worker has new work (`flush`). A kill in between loses nothing: the result is found by action key.
struct Journal {
  /// What a node did that has run.
  struct Finished {
    var id: NodeID
    var artifact: Artifact
    var reasons: [RunReason]
    var run: NodeRun
  }

  private let plan: Plan
  private let keys: PlanKeys
  private let cache: CacheStore
  private let experiment: Experiment
  /// What is asked: the digest of all nodes' names and plan keys.
  private let identity: Digest
  private let explainer: Explainer
  private var log: RunLog
  /// Pilots of a campaign leave the pipeline's log alone until the end: it would have all their nodes, written by all.
  private let pilot: Pilot?
  /// A file that says to collections that the run is in progress.
  private var marker: String?
  private let began = POSIX.monotonicSeconds
  /// Joins whose manifests are in the cache.
  private var recordedJoins: Set<JoinID> = []
  /// Nodes that have run and whose results are in the cache, but not yet their plan keys and the history.
  private var unrecorded: [Finished] = []
  /// The index of this run, once every node is up to date.
  private var completion: CompletionIndex?
  private(set) var summary = RunSummary()

  init(
    plan: Plan, keys: PlanKeys, cache: CacheStore, jobs: Int, overrides: [String] = [], pilot: Pilot? = nil
  ) {
    self.pilot = pilot
    self.plan = plan
    self.keys = keys
    self.cache = cache
    experiment = Experiment(of: plan, in: cache)
    identity = CompletionIndex.identity(plan, keys)
    explainer = Explainer(plan: plan, keys: keys, cache: cache)
    log = RunLog(cache: cache, plan: plan, jobs: jobs, overrides: overrides)
  }

  /// Seconds since the run began.
  var seconds: Double { POSIX.monotonicSeconds - began }

  /// Why a node is about to run.
  func reasons(for id: NodeID) -> [RunReason] { explainer.reasons(for: id) }

  // MARK: Beginning

  /// Whether the last complete run was of this very plan and still stands: then nothing is to be done, and the summary
  /// says so.
  mutating func findsAllFresh() -> Bool {
    guard pilot == nil, let index = CompletionIndex(file: experiment.index),
      index.identity == identity, index.stands(in: cache, log: experiment.log)
    else { return false }
    completion = index
    summary.fresh = plan.nodes.count
    summary.seconds = seconds
    return true
  }

  /// Whether anything had to be done.
  var isOpen: Bool { marker != nil }

  /// Makes the cache ready to be written, and tells collections that come now what this run is about to read.
  mutating func open(done: [NodeID]) throws {
    try cache.prepare()
    try pilot?.begin()
    if pilot == nil { _ = try experiment.note(done.map { (plan[$0].name, keys[$0]) }, asking: identity) }
    marker = try cache.markRun(of: experiment.pipeline)
  }

  // MARK: What becomes of nodes

  /// A node has run and its result is in the cache.
  mutating func ran(_ finished: Finished) {
    summary.ran.append((finished.run.node, finished.reasons))
    unrecorded.append(finished)
  }

  /// A node that was asked for once more has come to the same, or to something else than its former file holds.
  mutating func madeAgain(_ id: NodeID, isSame: Bool, former: String? = nil) {
    summary.madeAgain.append(.init(node: id, isSame: isSame, former: former))
  }

  /// Records the nodes that have run: their plan keys and the history.
  ///
  /// - Parameter tainted: By node, whether it may count on contents that its inputs no longer have: then its plan key stands
  ///   for nothing yet. Empty if none does.
  /// - Returns: Their action keys, whose leases may be released now. Not before: a collection spares what is leased or
  ///   in the pipeline's log.
  mutating func flush(sparing tainted: [Bool]) throws(SystemError) -> [Digest] {
    guard !unrecorded.isEmpty else {
      try pilot?.flush()
      return []
    }
    let finished = unrecorded
    unrecorded = []
    for each in finished {
      if tainted.isEmpty || !tainted[each.id.index] { try record(each.id, each.artifact, each.reasons) }
      try log.add(each.run)
      // A pilot spares the call where there was none: its campaign keeps failures of its own.
      if pilot == nil || each.reasons.contains(where: \.isFailure) { cache.clearFailure(keys[each.id]) }
      if each.reasons.contains(.artifactDamaged) { cache.dropSetAside(each.artifact) }
    }
    if let pilot {
      // After the plan records: who reads these lines writes none of its own.
      for each in finished { pilot.tell(.made(each.artifact, node: each.id, cost: each.run.cost)) }
      try pilot.flush()
    } else {
      try experiment.append(finished.map { (plan[$0.id].name, keys[$0.id]) })
    }
    return finished.map(\.artifact.action)
  }

  /// Nodes need not run after all: their plan keys stand for these artifacts.
  mutating func cutOff(_ nodes: [(id: NodeID, artifact: Artifact)]) throws(SystemError) {
    guard !nodes.isEmpty else { return }
    try POSIX.makeDirectories(cache.layout[.temporary])
    for (id, artifact) in nodes {
      // One that says so already is not written anew: of many processes that come to the same, one writes.
      if cache.plan(keys[id])?.artifact != artifact {
        try record(id, artifact, [])
        cache.clearFailure(keys[id])
      }
      summary.cutOff += 1
    }
    guard pilot == nil else { return }
    try experiment.append(nodes.map { (plan[$0.id].name, keys[$0.id]) })
  }

  /// A node has failed.
  mutating func failed(_ id: NodeID, _ failure: StageFailure, _ run: NodeRun) {
    summary.failures.append(
      .init(node: run.node, failure: failure, log: run.key.flatMap { cache.keptLog($0) }))
    // On a full disk the user must still read why the node failed, rather than that this could not be written.
    try? cache.record(
      failure: failure.message, of: run.key, node: run.node, pipeline: plan.name, for: keys[id])
    try? log.add(run)
  }

  /// A node has failed in another pilot of the campaign.
  mutating func failedElsewhere(_ id: NodeID) { summary.failedElsewhere.append(plan[id].name) }

  /// Nodes that failed here have been made by another process: they count as failed no more.
  mutating func forgive(_ nodes: [NodeID]) {
    let names = Set(nodes.map { plan[$0].name })
    summary.failures.removeAll { names.contains($0.node) }
  }

  /// Lets the plan key stand for the artifact, with the manifest that later explanations compare with.
  private mutating func record(
    _ id: NodeID, _ artifact: Artifact, _ reasons: [RunReason]
  ) throws(SystemError) {
    for case .join(let join) in plan[id].inputs.map(\.source) {
      // Once, however many nodes take it: its manifest is as long as it has members.
      guard !recordedJoins.contains(join), let key = keys.joins[join.index] else { continue }
      try cache.record(join: explainer.manifest(of: join), for: key)
      recordedJoins.insert(join)
    }
    try cache.record(
      PlanRecord(
        artifact: artifact, manifest: explainer.manifest(of: id),
        reasons: reasons.map(\.description).joined(separator: "; ")), for: keys[id])
  }

  // MARK: Ending

  /// The run is over, whether or not it brought everything up to date.
  mutating func close(_ scheduler: Scheduler, interrupted: Bool) throws {
    summary.interrupted = interrupted
    var done: [NodeID] = []
    for id in plan.ids {
      switch scheduler.states[id.index] {
      case .done:
        done.append(id)
        summary.fresh += scheduler.endings[id.index] == .fresh ? 1 : 0
      case .blocked: summary.blocked.append(plan[id].name)
      case .waiting, .ready, .running, .following: summary.notStarted += 1
      case .idle, .failed: break
      }
    }
    if let pilot { return try close(pilot, scheduler, done) }
    // A read-only cache in which all is fresh is no reason to fail: nothing that was asked for is lost.
    do {
      let logSize = try experiment.note(done.map { (plan[$0].name, keys[$0]) }, asking: identity)
      if done.count == plan.nodes.count {
        let artifacts = zip(plan.ids, scheduler.artifacts).compactMap { id, artifact in
          artifact.map { cache.settle($0, plan: keys[id]) }
        }
        completion = CompletionIndex(plan, keys, artifacts, logSize: logSize, in: cache)
      }
      try log.end(end(scheduler))
    } catch {
      if !summary.ran.isEmpty { throw error }
    }
    summary.seconds = seconds
  }

  /// The end of a pilot. Of those that see the end of the campaign, the first leaves its keys in the pipeline's log.
  private mutating func close(_ pilot: Pilot, _ scheduler: Scheduler, _ done: [NodeID]) throws(SystemError) {
    summary.seconds = seconds
    // Most come by the news, which record nothing here.
    summary.cutOff = done.count { scheduler.endings[$0.index] == .cutOff }
    try log.end(end(scheduler))
    guard !summary.interrupted, scheduler.unfinished == 0 else { return }
    let isFailed = !summary.failures.isEmpty || !summary.failedElsewhere.isEmpty
    guard pilot.campaign.end(isFailed ? "failed" : "done") else { return }
    _ = try experiment.note(done.map { (plan[$0].name, keys[$0]) }, asking: identity)
  }

  private func end(_ scheduler: Scheduler) -> RunEnd {
    var taken = Set(plan.joins.flatMap { $0.members.map(\.node.index) })
    for node in plan.nodes {
      for case .node(let source) in node.inputs.map(\.source) { taken.insert(source.index) }
    }
    var results: [String: Digest] = [:]
    for (index, node) in plan.nodes.enumerated() where !taken.contains(index) {
      if let artifact = scheduler.artifacts[index] { results[node.name] = artifact.action }
    }
    return RunEnd(
      ending: summary.interrupted ? "interrupted" : summary.failures.isEmpty ? "done" : "failed",
      time: POSIX.timestamp(), seconds: seconds, results: results, fresh: summary.fresh,
      cutOff: summary.cutOff)
  }

  /// Collections need not look after this run any more.
  mutating func removeMarker() {
    if let marker { unlink(marker) }
    marker = nil
  }

  /// Lets the next run that is asked the same find at once that nothing is to be done; see `Run.seal`.
  func seal(_ question: RunQuestion?, sources: [ExternalFile], answer: String) {
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
