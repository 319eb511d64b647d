// One key, one execution: a lease file that its owner renews and that anyone may take over once it is dead.

import Glibc
import PipelineCore

/// Who holds a lease.
package struct LeaseOwner: Equatable {
  var host: String
  /// Where the process number means anything: one boot of one machine, and one process namespace in it.
  var scope: String
  var process: Int32
  /// Unique to this one run.
  var token: String
  /// The batch job that the process belongs to.
  var job: String?

  /// This process's own scope.
  package static var ownScope: String { POSIX.scope }

  static let unknown = LeaseOwner(host: "?", scope: "", process: 0, token: "unknown")

  /// Whether the owner is certainly gone; a process that can't be seen from here never is.
  var isGone: Bool { scope == POSIX.scope && process > 0 && kill(process, 0) != 0 && errno == ESRCH }

  package var fields: RecordFile {
    RecordFile(
      [
        ManifestField(name: "host", value: host), ManifestField(name: "scope", value: scope),
        ManifestField(name: "process", value: String(process)), ManifestField(name: "token", value: token),
      ] + (job.map { [ManifestField(name: "job", value: $0)] } ?? []))
  }

  /// Who it is, for people: `job 123_4 on n1`, or `process 77 on n1`.
  var description: String { (job.map { "job \($0)" } ?? "process \(process)") + " on \(host)" }

  package init(host: String, scope: String, process: Int32, token: String, job: String? = nil) {
    (self.host, self.scope, self.process, self.token) = (host, scope, process, token)
    self.job = job
  }

  /// The owner that a lease file names; nil where there is no whole one.
  init?(file path: String) {
    guard let bytes = try? POSIX.read(path) else { return nil }
    self.init(bytes)
  }

  fileprivate init?(_ bytes: [UInt8]) {
    guard let file = RecordFile(bytes, kind: .lease),
      let host = file["host"], let scope = file["scope"],
      let process = file["process"].flatMap({ Int32($0) }),
      let token = file["token"], !token.contains("/")
    else { return nil }
    self.init(host: host, scope: scope, process: process, token: token, job: file["job"])
  }
}

/// The leases of one run.
///
/// A lease is taken by `link(2)` of the run's own file onto the key's name, which is atomic on NFS too (where the
/// answer can be lost, so what stands under the name decides). The owner touches it every third of its
/// duration. Another process takes it over when the owner's process is gone from this host, or when the lease
/// has not been touched for a whole duration *on the watcher's own clock*: the clocks of two hosts are never
/// compared.
///
/// A take-over must hit the dead lease and no other: of several that saw it dead, only the one that links the
/// name `KEY.TOKEN-OF-THE-DEAD` may rename that onto the key, and only if the dead one is still there. A plain
/// unlink or rename could hit the live lease of whoever was quicker.
package struct LeaseKeeper {
  private let cache: CacheStore
  private let duration: Double
  private let clock: @Sendable () -> Double
  private let link: @Sendable (String, String) -> Int32
  private let own: String
  private let owner: LeaseOwner
  private let bytes: [UInt8]
  /// The inode of the own file; nil while there is none. No other file has its number as long as a lease is a name of it.
  private var ownInode: UInt64?
  /// When each held lease was last touched.
  private var held: [Digest: Double] = [:]
  private var watched: [String: (seen: FileFacts, since: Double)] = [:]

  /// A keeper whose clock, in seconds, need agree with no other, but must go on; `link` is that of the file
  /// system.
  package init(
    cache: CacheStore, duration: Double, clock: @escaping @Sendable () -> Double = { POSIX.monotonicSeconds },
    link: @escaping @Sendable (String, String) -> Int32 = { Glibc.link($0, $1) }
  ) {
    self.cache = cache
    self.duration = duration
    self.clock = clock
    self.link = link
    own = cache.layout.temporary("lease")
    owner = LeaseOwner(
      host: POSIX.hostName, scope: POSIX.scope, process: getpid(),
      token: String(UInt64.random(in: .min ... .max), radix: 16), job: BatchJob.current)
    bytes = owner.fields.bytes(kind: .lease)
  }

  package enum Answer {
    case acquired
    case held(LeaseOwner)
  }

  private enum Verdict {
    case absent
    /// This run's: the answer to its link was lost.
    case own
    case alive(LeaseOwner)
    case dead(LeaseOwner)
  }

  private func path(_ key: Digest) -> String { cache.layout.lease(key) }

  package mutating func acquire(_ key: Digest) throws(SystemError) -> Answer {
    if held[key] != nil { return .acquired }
    let name = path(key)
    for _ in 0..<3 {
      var taken = try place(at: name)
      if !taken {
        switch judge(name) {
        case .absent: continue
        case .own: taken = true
        case .alive(let other): return .held(other)
        case .dead(let other): taken = try takeOver(name, from: other)
        }
      }
      guard taken else { break }
      held[key] = clock()
      watched[name] = nil
      return .acquired
    }
    return .held(LeaseOwner(file: name) ?? .unknown)
  }

  /// Whether a key's lease is still this run's. Another process takes over one that was silent for too long, as
  /// that of a stopped process is; who has lost it must not publish over what the other makes.
  package func holds(_ key: Digest) -> Bool { held[key] != nil && isOwn(path(key)) }

  /// Whether anyone has a lease of a key.
  package func isTaken(_ key: Digest) -> Bool { POSIX.facts(path(key)) != nil }

  /// Whether nobody alive holds a key that another process held.
  package mutating func isFree(_ key: Digest) -> Bool {
    if case .alive = judge(path(key)) { return false }
    return true
  }

  /// Gives the own file one more name, unless that name is taken; whose it then is, `judge` says.
  private mutating func place(at name: String) throws(SystemError) -> Bool {
    for isLast in [false, true] {
      if ownInode == nil {
        try POSIX.create(own, bytes)
        ownInode = POSIX.facts(own)?.inode
      }
      if link(own, name) == 0 { return true }
      let reason = errno
      switch reason {
      case EEXIST: return false
      case ENOENT where !isLast:
        // The folder is made when it is first needed; the own file may have been tidied away.
        try POSIX.makeDirectories(cache.layout[.leases])
        ownInode = POSIX.facts(own)?.inode
      case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
        // No hard links here. Exclusive creation is as good on one host; a reader that comes between it and the
        // writing sees an unreadable lease, which it takes for a live one.
        try POSIX.makeDirectories(cache.layout[.leases])
        do throws(SystemError) {
          try POSIX.create(name, bytes)
          return true
        } catch {
          if error.code == EEXIST { return false }
          throw error
        }
      default:
        if isOwn(name) { return true }
        throw SystemError("take the lease", name, code: reason)
      }
    }
    return false
  }

  /// Whether a name is one of the own file, or has its content where there are no hard links.
  private func isOwn(_ name: String) -> Bool {
    guard let there = POSIX.facts(name) else { return false }
    return there.inode == ownInode || LeaseOwner(file: name) == owner
  }

  private mutating func takeOver(_ name: String, from dead: LeaseOwner) throws(SystemError) -> Bool {
    let claim = name + "." + dead.token
    if try !place(at: claim) {
      switch judge(claim) {
      case .own: break
      // Another process is at it, unless it died in these few microseconds.
      case .dead:
        unlink(claim)
        return false
      case .absent, .alive: return false
      }
    }
    watched[claim] = nil
    guard (LeaseOwner(file: name) ?? .unknown) == dead, rename(claim, name) == 0 else {
      unlink(claim)
      return false
    }
    return true
  }

  private mutating func judge(_ name: String) -> Verdict {
    // Opened before its time is asked for: on NFS an open asks the server, and the time alone may be a minute old.
    let there = (try? POSIX.readWithFacts(name)) ?? nil
    guard let facts = there?.facts ?? POSIX.facts(name) else { return .absent }
    let owner = there.flatMap { LeaseOwner($0.bytes) } ?? .unknown
    if owner == self.owner { return .own }
    if owner.isGone { return .dead(owner) }
    let now = clock()
    if let watch = watched[name], watch.seen == facts {
      return now - watch.since > duration ? .dead(owner) : .alive(owner)
    }
    watched[name] = (facts, now)
    return .alive(owner)
  }

  package mutating func release(_ key: Digest) {
    guard held.removeValue(forKey: key) != nil else { return }
    if isOwn(path(key)) { unlink(path(key)) }
  }

  package mutating func releaseAll() {
    for key in Array(held.keys) { release(key) }
    if ownInode != nil { unlink(own) }
    ownInode = nil
  }

  /// Touches the leases that are due; to be called at least a few times each duration.
  package mutating func renew() {
    let now = clock()
    for (key, renewed) in held where now - renewed > duration / 3 {
      // Another's lease must not be kept alive.
      if isOwn(path(key)) { utimes(path(key), nil) }
      held[key] = now
    }
  }

  /// Who works at which keys right now; owners that are certainly gone are left out.
  static func owners(in cache: CacheStore) -> [Digest: LeaseOwner] {
    var owners: [Digest: LeaseOwner] = [:]
    for name in POSIX.list(cache.layout[.leases]) {
      guard let key = Digest(hex: name), let owner = LeaseOwner(file: cache.layout.lease(key)) else {
        continue
      }
      if !owner.isGone { owners[key] = owner }
    }
    return owners
  }
}
