// Looks after a cache folder: what is in it, whether its bytes are whole, and what nobody refers to any more.

import Glibc
import PipelineCore

/// An artifact with its record, as `pipeline cache list` shows it.
public struct CacheEntry: Sendable {
  /// How it was made.
  public var record: ActionRecord
  /// The pipelines and nodes that it is the current artifact of, as `pipeline/node`.
  public var references: [String]
}

/// Something in the cache that is not as it should be.
public struct CacheDamage: Sendable {
  /// The file.
  public var path: String
  /// What is wrong with it.
  public var problem: String
  /// The nodes that it concerns, as `pipeline/node`.
  public var nodes: [String]
  /// Whether a run that needs it makes it again, or does without, once it is out of the way.
  public var isReplaceable = false
}

/// What a collection removes.
public struct Garbage: Sendable {
  /// The file.
  public var path: String
  /// What it is: a record of how it was made where there is one.
  public var record: ActionRecord?
  /// Its size in bytes.
  public var size: Int
}

extension Cache {
  func files(in section: String) -> [String] {
    POSIX.list("\(root)/\(section)").flatMap { fan in
      let folder = "\(root)/\(section)/\(fan)"
      return POSIX.facts(folder)?.isDirectory == true
        ? POSIX.list(folder).map { folder + "/" + $0 } : [folder]
    }
  }

  func key(of path: String) -> Digest? {
    let name = path.split(separator: "/").last ?? ""
    return Digest(hex: name.prefix { $0 != "." })
  }

  /// What the pipelines' last results are: plan keys with nodes, and what those keys stand for.
  private struct References {
    var plans: [Digest: [String]] = [:]
    var actions: [Digest: [String]] = [:]
    var joins: [Digest: [String]] = [:]
    var artifacts: [Digest: Artifact] = [:]

    init(_ cache: Cache, alsoKeeping more: RunKeys = RunKeys()) {
      for experiment in Experiment.all(in: cache) {
        let keys =
          more.pipelines.contains(experiment.name) ? experiment.allKeys() : Array(experiment.lastKeys())
        for (node, key) in keys { plans[key, default: []].append("\(experiment.name)/\(node)") }
      }
      for (action, node) in more.actions { actions[action, default: []].append(node) }
      for (key, nodes) in plans {
        guard let record = cache.plan(key) else { continue }
        actions[record.artifact.action, default: []] += nodes
        artifacts[record.artifact.action] = record.artifact
        for field in record.manifest where field.name.hasPrefix("inputs.") {
          if let input = Digest(hex: field.value) { joins[input, default: []] += nodes }
        }
      }
      actions = actions.mapValues { $0.sorted() }
    }

    func nodes(_ section: String, _ key: Digest) -> [String] {
      switch section {
      case "plans", "failures": plans[key] ?? []
      case "joins": joins[key] ?? []
      default: actions[key] ?? []
      }
    }
  }

  /// All artifacts, the latest first.
  public func entries() -> [CacheEntry] {
    let references = References(self)
    return files(in: "actions").compactMap { path in
      guard let key = key(of: path), let record = action(key), holds(record.artifact) else { return nil }
      return CacheEntry(record: record, references: references.actions[key] ?? [])
    }.sorted { ($0.record.created, $0.record.node) > ($1.record.created, $1.record.node) }
  }

  /// Compares every file with what its name and its record say. Reads every byte.
  ///
  /// Where something is damaged, the shortcuts of runs without work are removed, so that the next run of a
  /// pipeline looks at each of its records.
  ///
  /// What can't be checked, by its nature: downloads (their stage checks them at each use), temporary files,
  /// whether whole lines are missing from the end of a log, and an artifact without a record, which a kill
  /// between the two steps of publishing leaves and which nothing ever reads.
  public func verify() throws -> (checked: Int, damage: [CacheDamage]) {
    let references = References(self)
    var damage: [CacheDamage] = []
    var checked = 0
    func report(_ path: String, _ problem: String, _ nodes: [String], isReplaceable: Bool = false) {
      damage.append(CacheDamage(path: path, problem: problem, nodes: nodes, isReplaceable: isReplaceable))
    }
    func nodes(madeBy key: Digest) -> [String] {
      if let nodes = references.actions[key] { return nodes }
      return action(key).map { ["\($0.pipeline)/\($0.node)"] } ?? []
    }
    for path in files(in: "artifacts") {
      checked += 1
      guard let key = key(of: path) else {
        report(path, "is not named by a key", [])
        continue
      }
      // Where its own record is lost, a plan record that still leads here knows its digest.
      guard let artifact = action(key)?.artifact ?? references.artifacts[key] else { continue }
      if file(of: artifact) != path {
        report(path, "is not the file that its record names", nodes(madeBy: key))
      } else if let facts = POSIX.facts(path), facts.size != artifact.size {
        report(
          path, "has \(facts.size) bytes; its record says \(artifact.size)", nodes(madeBy: key),
          isReplaceable: true)
      } else if POSIX.facts(path) != nil, !isWhole(artifact) {
        report(path, "has other bytes than when it was made", nodes(madeBy: key), isReplaceable: true)
      }
    }
    for path in shards {
      checked += 1
      if try !isWholeShard(path) {
        report(path, "has other bytes than when it was made", [], isReplaceable: true)
      }
    }
    for section in ["actions", "plans", "joins", "failures"] {
      for file in files(in: section) {
        checked += 1
        guard let key = key(of: file), file == path(section, key) else {
          report(file, "is not named by a key", [])
          continue
        }
        guard let bytes = try POSIX.read(file) else { continue }
        if !isRecord(bytes, section, key) {
          report(
            file, "is not the whole record that its name promises", references.nodes(section, key),
            isReplaceable: true)
        } else if section == "actions", let record = action(key),
          POSIX.facts(self.file(of: record.artifact)) == nil
        {
          report(self.file(of: record.artifact), "is missing", nodes(madeBy: key))
        }
      }
    }
    for name in POSIX.list(leases) where POSIX.facts(leases + "/" + name) != nil {
      checked += 1
      let path = leases + "/" + name
      if LeaseOwner(file: path) == nil, POSIX.facts(path) != nil { report(path, "is not a whole lease", []) }
    }
    for experiment in Experiment.all(in: self) {
      checked += 1
      report(linesOf: experiment.log, of: experiment.name) { Experiment.parse($0) != nil }
      guard POSIX.facts(experiment.index) != nil else { continue }
      checked += 1
      if CompletionIndex(file: experiment.index) == nil {
        report(experiment.index, "is not the whole index that it was written as", [experiment.name])
      }
    }
    for name in POSIX.list(root + "/runs") {
      checked += 1
      report(linesOf: root + "/runs/" + name, of: name) { RunLog.isWhole($0) }
    }
    if !damage.isEmpty {
      for experiment in Experiment.all(in: self)
      where !damage.contains(where: { $0.path == experiment.index }) {
        unlink(experiment.index)
      }
    }
    return (checked, damage)

    func report(linesOf path: String, of name: String, _ isWhole: (ArraySlice<UInt8>) -> Bool) {
      guard let bytes = (try? POSIX.read(path)) ?? nil else { return }
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      for (number, line) in lines.enumerated() where !line.isEmpty {
        // A writer that was killed leaves a cut last line, and the next one goes on below it: neither is
        // damage. A cut line is shorter than a whole one; a line that only lost its end to a flipped bit is
        // not.
        let isLast = number == lines.count - 1
        if isLast ? isWhole(line.dropLast()) : !isWhole(line) {
          report(path, "has a damaged line \(number + 1)", [name])
        }
      }
    }
  }

  /// Whether bytes are a whole record, and that of a key: the keys of plans and joins can be computed anew.
  private func isRecord(_ bytes: [UInt8], _ section: String, _ key: Digest) -> Bool {
    let kind = String(section.dropLast())
    guard let record = RecordFile(bytes, kind: kind) else { return false }
    switch section {
    case "actions": return action(key) != nil
    case "plans", "joins":
      let fields = section == "joins" ? record.fields : plan(key)?.manifest ?? []
      var manifest = HashingManifest(kind: kind)
      for field in fields { manifest.field(field.name, field.value) }
      return manifest.finish() == key
    default: return true
    }
  }

  /// What no pipeline's last results refer to, and what dead processes left behind.
  ///
  /// Never what a process is at work on, nor the temporary files of a process that lives; those of other
  /// hosts, whose processes can't be seen from here, only after a week without a change.
  public func garbage(olderThan seconds: Double = 0) -> [Garbage] { garbage(olderThan: seconds, RunKeys()) }

  func garbage(olderThan seconds: Double, _ more: RunKeys) -> [Garbage] {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let now = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    // Owners first: what a run finishes meanwhile is in its log by the time its lease is released.
    let working = LeaseKeeper.owners(in: self)
    let kept = References(self, alsoKeeping: more)
    var garbage: [Garbage] = []
    func collect(_ path: String, _ record: ActionRecord? = nil, after age: Double = 0) {
      let age = max(seconds, age)
      // A file server's clock may be ahead; age 0 means all.
      guard let facts = POSIX.facts(path), age == 0 || now - facts.modified >= age else { return }
      garbage.append(Garbage(path: path, record: record, size: facts.isDirectory ? 0 : facts.size))
    }
    func isKept(_ action: Digest) -> Bool { kept.actions[action] != nil || working[action] != nil }
    for path in files(in: "artifacts") {
      if let key = key(of: path), !isKept(key) { collect(path, action(key)) }
    }
    for path in files(in: "actions") {
      if let key = key(of: path), !isKept(key) { collect(path) }
    }
    for path in files(in: "plans") {
      guard let key = key(of: path), kept.plans[key] == nil else { continue }
      // Another way to an artifact that stays, such as the parameters of last week.
      if let record = plan(key), isKept(record.artifact.action) { continue }
      collect(path)
    }
    for path in files(in: "joins") {
      if let key = key(of: path), kept.joins[key] == nil { collect(path, after: 3600) }
    }
    for path in outdatedFailures() { collect(path) }
    for path in files(in: "damaged") { collect(path) }
    garbage += shardGarbage(olderThan: seconds, now: now)
    for name in POSIX.list(temporaryFolder) {
      switch ownerIsGone(name) {
      case true?: collect(temporaryFolder + "/" + name)
      case false?: break
      case nil: collect(temporaryFolder + "/" + name, after: 7 * 86400)
      }
    }
    for name in POSIX.list(leases) {
      let path = leases + "/" + name
      if let owner = LeaseOwner(file: path), owner.isGone { collect(path) }
    }
    return garbage
  }

  /// All but the latest failure of each node.
  private func outdatedFailures() -> [String] {
    var latest: [String: (path: String, modified: Double)] = [:]
    var outdated: [String] = []
    for path in files(in: "failures") {
      guard let bytes = (try? POSIX.read(path)) ?? nil, let facts = POSIX.facts(path) else { continue }
      let record = RecordFile(bytes, kind: "failure")
      let node = "\(record?["pipeline"] ?? "")/\(record?["node"] ?? "")"
      if let known = latest[node] {
        outdated.append(known.modified < facts.modified ? known.path : path)
        if known.modified >= facts.modified { continue }
      }
      latest[node] = (path, facts.modified)
    }
    return outdated
  }

  /// Whether the process that made a temporary file is gone; nil where that can't be seen from here.
  func ownerIsGone(_ name: String) -> Bool? {
    let parts = name.split(separator: "-", maxSplits: 2)
    guard parts.count == 3, parts[0] == POSIX.scope, let process = Int32(parts[1]), process > 0 else {
      return nil
    }
    return kill(process, 0) != 0 && errno == ESRCH
  }

  /// Removes what `garbage` found; true if all of it is gone.
  public func remove(_ garbage: [Garbage]) -> Bool {
    // Records first: a record without its artifact is damage, an artifact without its record only waste.
    for item in garbage where !item.path.hasPrefix(root + "/artifacts/") { POSIX.removeTree(item.path) }
    for item in garbage { POSIX.removeTree(item.path) }
    return garbage.allSatisfy { POSIX.facts($0.path) == nil }
  }

  /// Bytes by folder of the cache.
  public func sizes() -> [(section: String, files: Int, bytes: Int)] {
    func total(_ path: String) -> (Int, Int) {
      guard let facts = POSIX.facts(path) else { return (0, 0) }
      if !facts.isDirectory { return (1, facts.size) }
      return POSIX.list(path).reduce((0, 0)) { sum, name in
        let (files, bytes) = total(path + "/" + name)
        return (sum.0 + files, sum.1 + bytes)
      }
    }
    return POSIX.list(root).filter { $0 != ".gitkeep" }.map { section in
      let (files, bytes) = total(root + "/" + section)
      return (section, files, bytes)
    }
  }
}
