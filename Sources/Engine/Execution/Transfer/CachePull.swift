// Pulls results: only what is missing here, whole, and made of nothing that this cache has otherwise.

import Glibc
import PipelineCore

extension CacheTransfer {
  /// Fetches the results of plan keys, as far as the remote has them.
  ///
  /// - Returns: The keys whose results are here now.
  @discardableResult
  public mutating func pull(_ keys: [Digest]) throws -> Set<Digest> {
    var here: Set<Digest> = []
    var wanted: [Digest] = []
    for key in keys {
      if cache.artifact(plan: key) != nil {
        done.present += 1
        here.insert(key)
      } else if offers(key) {
        wanted.append(key)
      }
    }
    if wanted.isEmpty { return here }
    wanted = try fitting(wanted)
    var start = 0
    while start < wanted.count {
      // Sizes are known of artifacts only once their records are here; a batch of one large artifact is as good.
      let next = Array(wanted[start..<min(wanted.count, start + Self.batch.files)])
      here.formUnion(try pullBatch(next))
      start += next.count
    }
    return here
  }

  /// Fetches what a run of some nodes would use: of what is not up to date the results nearest to the end that the remote
  /// has, and nothing before these.
  public mutating func pull(for wanted: [NodeID], of plan: Plan, _ keys: PlanKeys) throws {
    var seen = [Bool](repeating: false, count: plan.nodes.count)
    var front = wanted
    while !front.isEmpty {
      let open = front.filter { id in
        defer { seen[id.index] = true }
        return !seen[id.index] && cache.artifact(plan: keys[id]) == nil
      }
      let here = try pull(open.map { keys[$0] })
      // What is not to be had, or is damaged there, may be made of what is.
      front = open.filter { !here.contains(keys[$0]) }.flatMap { plan.predecessors(of: $0) }
    }
  }

  // MARK: What fits

  /// The keys whose results this cache can take; the others are named.
  private mutating func fitting(_ keys: [Digest]) throws -> [Digest] {
    try learnPlans(keys)
    // What comes from one place only fits together.
    if startedEmpty { return keys }
    try learnResults(keys)
    let standings = keys.map { pulled.standing(of: $0) }
    let wrong = zip(keys, standings).filter { $0.1 != .fits }
    if wrong.isEmpty { return keys }
    // Their names stand in the records of their actions.
    var shown = Set(wrong.map(\.0))
    for case (_, .standsOn(let root)) in wrong { shown.insert(root) }
    let actionKeys = Dictionary(
      uniqueKeysWithValues: shown.compactMap { key in pulled.given[key]?.artifact.map { (key, $0.action) } })
    let actions = try remoteActions(Array(Set(actionKeys.values)))
    let cache = cache
    func node(_ key: Digest) -> String? {
      let own = cache.plan(key)?.artifact.action
      return actionKeys[key].flatMap { actions[$0]?.node } ?? own.flatMap { cache.action($0)?.node }
    }
    for (key, standing) in wrong {
      refusals.add(node(key) ?? "the result \(key.hex.prefix(12))", standing, key, name: node)
    }
    return zip(keys, standings).filter { $0.1 == .fits }.map(\.0)
  }

  /// Asks for the results of plan keys, and for what they stand on down to what is here; each only once.
  private mutating func learnResults(_ keys: [Digest]) throws {
    var front = keys.filter { pulledKeys.insert($0).inserted }
    while !front.isEmpty {
      try learnPlans(front)
      let joins = try members(ofJoins: front.filter { remotePlans[$0] == nil })
      var next: [Digest] = []
      for key in front {
        if case .some(.some(let plan)) = remotePlans[key] {
          pulled.given[key] = .init(plan)
          // Before what is here with the same content nothing needs a look.
          if cache.artifact(plan: key)?.content != plan.artifact.content { next += plan.inputs }
        } else if let members = joins[key] {
          let join = ResultComparison.Given(join: members)
          pulled.given[key] = join
          next += join.inputs
        }
      }
      front = next.filter { pulledKeys.insert($0).inserted }
    }
  }

  private func members(ofJoins keys: [Digest]) throws -> [Digest: [ManifestField]] {
    var fields: [Digest: [ManifestField]] = [:]
    for key in keys { fields[key] = cache.join(key) }
    let open = keys.filter { fields[$0] == nil && there[name(.joins, $0)] != nil }
    if !open.isEmpty {
      try withFetched(open.map { name(.joins, $0) }) { intake in
        for key in open { fields[key] = intake.join(name(.joins, key), key) }
      }
    }
    return fields
  }

  // MARK: What is taken

  private mutating func pullBatch(_ keys: [Digest]) throws -> Set<Digest> {
    let plans = keys.compactMap { key in remotePlans[key].flatMap { $0 }.map { (key, $0) } }
    let stage = cache.layout.temporary("pulled")
    try POSIX.makeDirectories(stage)
    defer { POSIX.removeTree(stage) }
    let intake = CacheIntake(cache: cache, stage: stage, formers: formers)
    let actions = Set(plans.map { $0.1.artifact.action }).filter { cache.artifact(action: $0) == nil }
      .sorted()
    try remote.fetch(actions.map { name(.actions, $0) }, into: stage)
    let records = actions.compactMap { intake.action(name(.actions, $0), $0) }
    let joins = Set(plans.flatMap { $0.1.inputs }).filter {
      there[name(.joins, $0)] != nil && cache.join($0) == nil
    }
    try remote.fetch(records.map { name(of: $0.artifact) } + joins.map { name(.joins, $0) }, into: stage)
    let planKeys = Dictionary(grouping: plans, by: \.1.artifact.action).mapValues { $0.map(\.0) }
    for record in records {
      let keys = planKeys[record.artifact.action] ?? []
      if let problem = try intake.take(record, name(of: record.artifact), for: keys) {
        done.refused.append(problem)
      } else {
        done.copied += 1
        done.bytes += record.artifact.size
      }
    }
    var here: Set<Digest> = []
    for (key, record) in plans {
      if try intake.take(record, for: key) { here.insert(key) }
    }
    for key in joins { try intake.takeJoin(name(.joins, key), key) }
    return here
  }
}
