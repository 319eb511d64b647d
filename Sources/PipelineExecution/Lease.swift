// One key, one execution: a lease file that its owner renews and that anyone may take over once it is dead.

import Glibc
import PipelineCore

/// Who holds a lease.
struct LeaseOwner: Equatable {
  var host: String
  var process: Int32
  var node: String
  var token: String
}

/// The leases of one process.
///
/// A lease is taken by `link(2)` of a unique file onto the key's name, which is atomic on NFS too (where the answer
/// can be lost, so the link count decides). The owner touches it every third of its duration. Another process takes
/// it over when the owner's process is gone from this host, or when the lease has not been touched for a whole
/// duration *on the watcher's own clock*, so that clocks of two hosts need not agree.
struct LeaseKeeper {
  private let cache: Cache
  private let duration: Double
  private let host = POSIX.hostName
  private let token = String(UInt64.random(in: .min ... .max), radix: 16)
  private var held: [Digest: Double] = [:]
  private var watched: [Digest: (seen: FileFacts, since: Double)] = [:]

  init(cache: Cache, duration: Double) {
    self.cache = cache
    self.duration = duration
  }

  enum Answer {
    case acquired
    case held(LeaseOwner)
  }

  private func path(_ key: Digest) -> String { "\(cache.root)/leases/\(key.hex)" }

  mutating func acquire(_ key: Digest, node: String) throws(SystemError) -> Answer {
    let name = path(key)
    let own = cache.temporaryName("lease")
    var file = RecordFile()
    file.add("host", host)
    file.add("process", String(getpid()))
    file.add("node", node)
    file.add("token", token)
    try POSIX.makeDirectories(POSIX.parent(of: name))
    try POSIX.writeAtomically(file.bytes(kind: "lease"), to: own, temporary: own + ".new", sync: false)
    defer { unlink(own) }
    for _ in 0..<2 {
      if link(own, name) == 0 || hasTwoLinks(own) {
        held[key] = POSIX.monotonicSeconds
        watched[key] = nil
        return .acquired
      }
      guard errno == EEXIST else { throw SystemError("take the lease", name) }
      let (owner, dead) = judge(key)
      if !dead { return .held(owner) }
      evict(key, owner)
    }
    return .held(judge(key).owner)
  }

  private func hasTwoLinks(_ path: String) -> Bool {
    let reason = errno
    defer { errno = reason }
    var info = stat()
    return stat(path, &info) == 0 && info.st_nlink == 2
  }

  private mutating func judge(_ key: Digest) -> (owner: LeaseOwner, dead: Bool) {
    let unknown = LeaseOwner(host: "?", process: 0, node: "?", token: "")
    let now = POSIX.monotonicSeconds
    // A lease that has just gone is nobody's; the next attempt gets it.
    guard let facts = POSIX.facts(path(key)) else { return (unknown, true) }
    let owner = read(path(key)) ?? unknown
    if owner.host == host, owner.process > 0, kill(owner.process, 0) != 0, errno == ESRCH { return (owner, true) }
    if let watch = watched[key], watch.seen == facts { return (owner, now - watch.since > duration) }
    watched[key] = (facts, now)
    return (owner, false)
  }

  private func read(_ path: String) -> LeaseOwner? {
    guard let bytes = try? POSIX.read(path), let file = RecordFile(bytes, kind: "lease") else { return nil }
    return LeaseOwner(
      host: file["host"] ?? "?", process: Int32(file["process"] ?? "") ?? 0, node: file["node"] ?? "?",
      token: file["token"] ?? "")
  }

  /// Moves a dead lease out of the way. If another process was quicker and what was moved is its live lease, that
  /// is put back.
  private mutating func evict(_ key: Digest, _ owner: LeaseOwner) {
    let aside = cache.temporaryName("evicted")
    guard rename(path(key), aside) == 0 else { return }
    if let moved = read(aside), moved != owner { link(aside, path(key)) }
    unlink(aside)
    watched[key] = nil
  }

  mutating func release(_ key: Digest) {
    guard held.removeValue(forKey: key) != nil else { return }
    if read(path(key))?.token == token { unlink(path(key)) }
  }

  mutating func releaseAll() {
    for key in Array(held.keys) { release(key) }
  }

  /// Touches the leases that are due; to be called at least a few times each duration.
  mutating func renew() {
    let now = POSIX.monotonicSeconds
    for (key, renewed) in held where now - renewed > duration / 3 {
      utimes(path(key), nil)
      held[key] = now
    }
  }

  /// Who works at which keys right now, for `pipeline status`; dead owners on this host are left out.
  static func owners(in cache: Cache) -> [Digest: LeaseOwner] {
    let keeper = LeaseKeeper(cache: cache, duration: 0)
    var owners: [Digest: LeaseOwner] = [:]
    for name in POSIX.list(cache.root + "/leases") {
      guard let key = Digest(hex: name), let owner = keeper.read(keeper.path(key)) else { continue }
      if owner.host == keeper.host, kill(owner.process, 0) != 0, errno == ESRCH { continue }
      owners[key] = owner
    }
    return owners
  }
}
