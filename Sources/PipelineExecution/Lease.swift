// One key, one execution: a lease file that its owner renews and that anyone may take over once it is dead.

import Glibc
import PipelineCore

/// Who holds a lease.
package struct LeaseOwner: Equatable {
  var host: String
  /// Where the process number means anything: one boot of one machine, and one process namespace in it.
  var scope: String
  var process: Int32
  var node: String
  /// Unique to this one lease.
  var token: String

  /// This process's own scope.
  package static var ownScope: String { POSIX.scope }

  static let unknown = LeaseOwner(host: "?", scope: "", process: 0, node: "?", token: "unknown")

  /// Whether the owner is certainly gone; a process that can't be seen from here never is.
  var isGone: Bool { scope == POSIX.scope && process > 0 && kill(process, 0) != 0 && errno == ESRCH }

  package var fields: RecordFile {
    RecordFile([
      ManifestField(name: "host", value: host), ManifestField(name: "scope", value: scope),
      ManifestField(name: "process", value: String(process)), ManifestField(name: "node", value: node),
      ManifestField(name: "token", value: token),
    ])
  }

  package init(host: String, scope: String, process: Int32, node: String, token: String) {
    (self.host, self.scope, self.process, self.node, self.token) = (host, scope, process, node, token)
  }

  /// The owner that a lease file names; nil where there is no whole one.
  init?(file path: String) {
    guard let bytes = try? POSIX.read(path), let file = RecordFile(bytes, kind: "lease"),
      let host = file["host"], let scope = file["scope"],
      let process = file["process"].flatMap({ Int32($0) }),
      let node = file["node"], let token = file["token"], !token.contains("/")
    else { return nil }
    self.init(host: host, scope: scope, process: process, node: node, token: token)
  }
}

/// The leases of one run.
///
/// A lease is taken by `link(2)` of a unique file onto the key's name, which is atomic on NFS too (where the
/// answer can be lost, so the link count decides). The owner touches it every third of its duration. Another
/// process takes it over when the owner's process is gone from this host, or when the lease has not been
/// touched for a whole duration *on the watcher's own clock*, so that clocks of two hosts need not agree.
///
/// A take-over must hit the dead lease and no other: of several that saw it dead, only the one that links the
/// name `KEY.TOKEN-OF-THE-DEAD` may rename its own lease onto the key, and only if the dead one is still
/// there. A plain unlink or rename could hit the live lease of whoever was quicker.
package struct LeaseKeeper {
  private let cache: Cache
  private let duration: Double
  private var held: [Digest: (token: String, renewed: Double)] = [:]
  private var watched: [String: (seen: FileFacts, since: Double)] = [:]

  package init(cache: Cache, duration: Double) {
    self.cache = cache
    self.duration = duration
  }

  package enum Answer {
    case acquired
    case held(LeaseOwner)
  }

  private enum Verdict {
    case absent
    case alive(LeaseOwner)
    case dead(LeaseOwner)
  }

  private func path(_ key: Digest) -> String { cache.leases + "/" + key.hex }

  package mutating func acquire(_ key: Digest, node: String) throws(SystemError) -> Answer {
    if held[key] != nil { return .acquired }
    let name = path(key)
    let owner = LeaseOwner(
      host: POSIX.hostName, scope: POSIX.scope, process: getpid(), node: node,
      token: String(UInt64.random(in: .min ... .max), radix: 16))
    let bytes = owner.fields.bytes(kind: "lease")
    let own = cache.temporaryName("lease")
    try POSIX.create(own, bytes)
    defer { unlink(own) }
    for _ in 0..<3 {
      var taken = try place(own, bytes, at: name)
      if !taken {
        switch judge(name) {
        case .absent: continue
        case .alive(let other): return .held(other)
        case .dead(let other): taken = try takeOver(name, from: other, own, bytes)
        }
      }
      guard taken else { break }
      held[key] = (owner.token, POSIX.monotonicSeconds)
      watched[name] = nil
      return .acquired
    }
    return .held(LeaseOwner(file: name) ?? .unknown)
  }

  /// Whether nobody alive holds a key that another process held.
  mutating func isFree(_ key: Digest) -> Bool {
    if case .alive = judge(path(key)) { return false }
    return true
  }

  /// Gives a file a second name, unless that name is taken.
  private func place(_ own: String, _ bytes: [UInt8], at name: String) throws(SystemError) -> Bool {
    if link(own, name) == 0 { return true }
    let reason = errno
    var info = stat()
    if stat(own, &info) == 0, info.st_nlink == 2 { return true }
    switch reason {
    case EEXIST: return false
    case ENOENT:
      try POSIX.makeDirectories(POSIX.parent(of: name))
      return link(own, name) == 0
    case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
      // No hard links here. Exclusive creation is as good on one host; a reader that comes between it and the
      // writing sees an unreadable lease, which it takes for a live one.
      do throws(SystemError) {
        try POSIX.create(name, bytes)
        return true
      } catch {
        if error.code == EEXIST { return false }
        throw error
      }
    default: throw SystemError("take the lease", name, code: reason)
    }
  }

  private func takeOver(
    _ name: String, from dead: LeaseOwner, _ own: String, _ bytes: [UInt8]
  ) throws(SystemError) -> Bool {
    let claim = name + "." + dead.token
    guard try place(own, bytes, at: claim) else {
      // Another process is at it, unless it died in these few microseconds.
      if let other = LeaseOwner(file: claim), other.isGone { unlink(claim) }
      if let facts = POSIX.facts(claim), Double(time(nil)) - facts.modified > 10 * max(duration, 60) {
        unlink(claim)
      }
      return false
    }
    defer { unlink(claim) }
    guard (LeaseOwner(file: name) ?? .unknown) == dead else { return false }
    return rename(own, name) == 0
  }

  private mutating func judge(_ name: String) -> Verdict {
    guard let facts = POSIX.facts(name) else { return .absent }
    let owner = LeaseOwner(file: name) ?? .unknown
    if owner.isGone { return .dead(owner) }
    let now = POSIX.monotonicSeconds
    if let watch = watched[name], watch.seen == facts {
      return now - watch.since > duration ? .dead(owner) : .alive(owner)
    }
    watched[name] = (facts, now)
    return .alive(owner)
  }

  mutating func release(_ key: Digest) {
    guard let lease = held.removeValue(forKey: key) else { return }
    if LeaseOwner(file: path(key))?.token == lease.token { unlink(path(key)) }
  }

  mutating func releaseAll() {
    for key in Array(held.keys) { release(key) }
  }

  /// Touches the leases that are due; to be called at least a few times each duration.
  mutating func renew() {
    let now = POSIX.monotonicSeconds
    for (key, lease) in held where now - lease.renewed > duration / 3 {
      utimes(path(key), nil)
      held[key]?.renewed = now
    }
  }

  /// Who works at which keys right now; owners that are certainly gone are left out.
  static func owners(in cache: Cache) -> [Digest: LeaseOwner] {
    var owners: [Digest: LeaseOwner] = [:]
    for name in POSIX.list(cache.leases) {
      guard let key = Digest(hex: name), let owner = LeaseOwner(file: cache.leases + "/" + name) else {
        continue
      }
      if !owner.isGone { owners[key] = owner }
    }
    return owners
  }
}
