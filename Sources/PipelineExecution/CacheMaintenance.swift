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
  private func files(in section: String) -> [String] {
    POSIX.list("\(root)/\(section)").flatMap { fan in
      let folder = "\(root)/\(section)/\(fan)"
      return POSIX.facts(folder)?.isDirectory == true ? POSIX.list(folder).map { folder + "/" + $0 } : [folder]
    }
  }

  private func key(of path: String) -> Digest? {
    let name = path.split(separator: "/").last ?? ""
    return Digest(hex: name.prefix { $0 != "." })
  }

  /// The nodes whose last result an action key is.
  private func references() -> [Digest: [String]] {
    var references: [Digest: [String]] = [:]
    for experiment in Experiment.all(in: self) {
      for (node, key) in experiment.lastKeys() {
        if let record = plan(key) { references[record.artifact.action, default: []].append("\(experiment.name)/\(node)") }
      }
    }
    return references.mapValues { $0.sorted() }
  }

  /// All artifacts, the latest first.
  public func entries() -> [CacheEntry] {
    let references = references()
    return files(in: "actions").compactMap { path in
      guard let key = key(of: path), let record = action(key), holds(record.artifact) else { return nil }
      return CacheEntry(record: record, references: references[key] ?? [])
    }.sorted { ($0.record.created, $0.record.node) > ($1.record.created, $1.record.node) }
  }

  /// Compares every file with what its name and its record say. Reads every byte.
  public func verify() throws -> (checked: Int, damage: [CacheDamage]) {
    let references = references()
    var damage: [CacheDamage] = []
    var checked = 0
    func report(_ path: String, _ problem: String, _ key: Digest?) {
      var nodes = key.flatMap { references[$0] } ?? []
      if nodes.isEmpty, let key, let record = action(key) { nodes = ["\(record.pipeline)/\(record.node)"] }
      damage.append(CacheDamage(path: path, problem: problem, nodes: nodes))
    }
    for path in files(in: "artifacts") {
      checked += 1
      guard let key = key(of: path) else {
        report(path, "is not named by a key", nil)
        continue
      }
      guard let record = action(key) else {
        report(path, "has no readable record of how it was made", key)
        continue
      }
      if file(of: record.artifact) != path { report(path, "is not the file that its record names", key) }
      guard let facts = POSIX.facts(path) else { continue }
      if facts.size != record.artifact.size {
        report(path, "has \(facts.size) bytes; its record says \(record.artifact.size)", key)
      } else if try POSIX.digest(ofFile: path) != record.artifact.fileDigest {
        report(path, "has other bytes than when it was made", key)
      }
    }
    for (section, kind) in [("actions", "action"), ("plans", "plan"), ("joins", "join"), ("failures", "failure")] {
      for path in files(in: section) {
        checked += 1
        guard let key = key(of: path), let bytes = try POSIX.read(path), RecordFile(bytes, kind: kind) != nil else {
          report(path, "is not a whole \(kind) record", key(of: path))
          continue
        }
        if section == "actions", let record = action(key), !holds(record.artifact),
          POSIX.facts(file(of: record.artifact)) == nil
        {
          report(file(of: record.artifact), "is missing", key)
        }
      }
    }
    return (checked, damage)
  }

  /// What no pipeline's last results refer to, and what dead processes left behind.
  public func garbage(olderThan seconds: Double = 0) -> [Garbage] {
    let now = Double(time(nil))
    let kept = references()
    var garbage: [Garbage] = []
    func collect(_ path: String, _ record: ActionRecord? = nil) {
      guard let facts = POSIX.facts(path), now - facts.modified >= seconds else { return }
      garbage.append(Garbage(path: path, record: record, size: facts.size))
    }
    for path in files(in: "artifacts") {
      guard let key = key(of: path), kept[key] == nil else { continue }
      // Until it is recorded by its run, a fresh artifact looks like garbage.
      if LeaseKeeper.owners(in: self)[key] != nil { continue }
      collect(path, action(key))
    }
    for path in files(in: "actions") where key(of: path).map({ kept[$0] == nil }) ?? true { collect(path) }
    for path in files(in: "plans") {
      guard let key = key(of: path) else { continue }
      if let record = plan(key), kept[record.artifact.action] != nil { continue }
      collect(path)
    }
    for name in POSIX.list(temporaryFolder) where isAbandoned(name) { collect(temporaryFolder + "/" + name) }
    return garbage
  }

  /// Whether the process that made a temporary file on this host is gone.
  private func isAbandoned(_ name: String) -> Bool {
    let marker = "." + POSIX.hostName + "."
    guard let range = name.firstRange(of: marker) else { return false }
    guard let process = Int32(name[range.upperBound...].prefix { $0 != "." }) else { return false }
    return kill(process, 0) != 0 && errno == ESRCH
  }

  /// Removes what `garbage` found; true if all of it is gone.
  public func remove(_ garbage: [Garbage]) -> Bool {
    // Records first: a record without its artifact reads as absent, an artifact without its record as damage.
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
