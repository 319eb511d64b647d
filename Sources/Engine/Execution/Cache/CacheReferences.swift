// What the pipelines' last results are: what a collection keeps, and what a damaged file means to whom.

import PipelineCore

/// What counts as a pipeline's last results.
struct RunKeys {
  /// Of how many distinct questions of each pipeline the results count, the last first.
  var questions = 1
  /// Pipelines of which a run is in progress: all keys in their logs count.
  var pipelines: Set<PipelineIdentity> = []
  /// Action keys with the nodes that had them.
  var actions: [(Digest, String)] = []
}

/// Keys with the nodes, as `pipeline/node`, whose last results they belong to.
struct CacheReferences {
  private(set) var plans: [Digest: [String]] = [:]
  private(set) var actions: [Digest: [String]] = [:]
  private(set) var joins: [Digest: [String]] = [:]
  /// What the plan keys stand for.
  private(set) var artifacts: [Digest: Artifact] = [:]

  init(_ cache: CacheStore, counting more: RunKeys = RunKeys()) {
    for experiment in Experiment.all(in: cache) {
      let keys =
        more.pipelines.contains(experiment.pipeline)
        ? experiment.allKeys() : experiment.keys(ofLast: more.questions)
      for (node, key) in keys { plans[key, default: []].append("\(experiment.name)/\(node)") }
    }
    for campaign in Campaign.all(in: cache) {
      let pipeline = campaign.facts?.pipeline ?? campaign.id
      for (node, key) in campaign.keys() { plans[key, default: []].append("\(pipeline)/\(node)") }
    }
    for (action, node) in more.actions { actions[action, default: []].append(node) }
    for (key, nodes) in plans {
      guard let record = cache.plan(key) else { continue }
      actions[record.artifact.action, default: []] += nodes
      artifacts[record.artifact.action] = record.artifact
      for input in record.inputs { joins[input, default: []] += nodes }
    }
    actions = actions.mapValues { $0.sorted() }
  }

  /// The nodes that a file of a folder belongs to.
  func nodes(_ folder: CacheLayout.Folder, _ key: Digest) -> [String] {
    switch folder {
    case .plans, .failures: plans[key] ?? []
    case .joins: joins[key] ?? []
    default: actions[key] ?? []
    }
  }
}

/// An artifact with its record, as `pipeline cache list` shows it.
public struct CacheEntry: Sendable {
  /// How it was made.
  public var record: ActionRecord
  /// The pipelines and nodes that it is the current artifact of, as `pipeline/node`.
  public var references: [String]
}

extension CacheStore {
  /// All artifacts, the latest first.
  public func entries() -> [CacheEntry] {
    let references = CacheReferences(self)
    return layout.files(in: .actions).compactMap { path in
      guard let key = layout.key(of: path, in: .actions), let record = action(key), holds(record.artifact)
      else { return nil }
      return CacheEntry(record: record, references: references.actions[key] ?? [])
    }.sorted { ($0.record.created, $0.record.node) > ($1.record.created, $1.record.node) }
  }

  /// Files and bytes by folder of the cache; sections one by one.
  public func sizes() -> [(folder: String, files: Int, bytes: Int)] {
    func total(_ path: String) -> (Int, Int) {
      guard let facts = POSIX.facts(path) else { return (0, 0) }
      if !facts.isDirectory { return (1, facts.size) }
      return POSIX.list(path).reduce((0, 0)) { sum, name in
        let (files, bytes) = total(path + "/" + name)
        return (sum.0 + files, sum.1 + bytes)
      }
    }
    let sections = CacheLayout.Folder.sections.rawValue
    return POSIX.list(root).filter { !$0.hasPrefix(".") }.flatMap { name in
      name == sections ? POSIX.list(layout[.sections]).map { name + "/" + $0 } : [name]
    }.map { name in
      let (files, bytes) = total(root + "/" + name)
      return (name, files, bytes)
    }
  }
}
