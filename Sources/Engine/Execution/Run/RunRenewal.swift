// What it means that a node has other content than before under the same key, for all that stands on it.

import PipelineCore

extension Run {
  /// Compares a result that is about to be published with what was there under its key. Where its content is another one,
  /// nothing that stands on it counts as up to date, in this pipeline or in any other: whether it is, its inputs'
  /// contents must tell.
  mutating func compareWithFormer(_ id: NodeID, _ artifact: Artifact) throws(SystemError) {
    let isForced = scheduler.isForced(id)
    guard let former = former(of: id, artifact, isForced) else { return }
    if former.content == artifact.content {
      if isForced { journal.madeAgain(id, isSame: true) }
      return
    }
    if isForced {
      // Until the end of the run, for whoever wants to see what differs.
      journal.madeAgain(id, isSame: false, former: cache.keepAside(former))
    } else if former.variant != artifact.variant {
      // Other last bits are no reason to make anything anew.
      progress.log(
        id,
        "made again with other bytes (variant \(artifact.variant), before \(former.variant)); "
          + "results that were made of the former bytes stay as they are")
      return scheduler.outdate(standing(on: [id]), sparingResults: true)
    } else {
      progress.log(
        id,
        "made again with other bytes under the same key; what was made of the former bytes is not up to date")
    }
    try renew(id, artifact)
  }

  /// Wants nodes once more that were found up to date by contents which their inputs no longer have; false if there are none.
  mutating func looksOnceMore() -> Bool {
    guard scheduler.wantOutdated() else { return false }
    progress.update(running: [], waiting: elsewhere.ids, unfinished: scheduler.unfinished)
    return true
  }

  /// What was there under the key of a node that has run; nil where nothing is known of it.
  private func former(of id: NodeID, _ artifact: Artifact, _ isForced: Bool) -> Artifact? {
    if isForced, let action = cache.action(artifact.action) { return action.artifact }
    if let plan = cache.plan(scheduler.resolver.planKeys[id])?.artifact, plan.action == artifact.action {
      return plan
    }
    // Lost, and asked for by another plan key than the one that it was made for.
    return cache.action(artifact.action)?.artifact
  }

  private func standing(on ids: [NodeID]) -> [NodeID] {
    zip(plan.ids, plan.downstream(of: ids)).compactMap { $1 && !ids.contains($0) ? $0 : nil }
  }

  /// Drops the records of all that stands on a result, and has those nodes of this run looked at once more.
  private mutating func renew(_ id: NodeID, _ artifact: Artifact) throws(SystemError) {
    // What is done and not yet recorded was made of the former content: first it is recorded, then that goes.
    try recordCutOffs()
    try recordFinished()
    let told = lineage?.unreachable.count ?? 0
    if lineage?.isOld == true { lineage = nil }
    var lineage = lineage ?? CacheLineage(cache)
    // Not a copy of it is changed.
    self.lineage = nil
    let planKeys = scheduler.resolver.planKeys
    // Other plan keys stand for the same action where their nodes' inputs have the same contents.
    let same = Set(lineage.planKeys(of: artifact.action) + [planKeys[id]])
    let alike = plan.ids.filter { same.contains(planKeys[$0]) }
    let standing = standing(on: alike)
    lineage.drop(same.union(standing.map { planKeys[$0] }))
    if lineage.unreachable.count > told, let path = lineage.unreachable.last {
      progress.log(
        id,
        "\(lineage.unreachable.count) records of other results can't be read or removed, such as \(path): what stands on "
          + "the former bytes may count as up to date there; its owner should run 'pipeline run --force'")
    }
    self.lineage = lineage
    scheduler.outdate(alike.filter { $0 != id } + standing, sparingResults: false)
  }
}
