// The log of a node at work: a file that grows while the node prints, and that is kept with the node's action at its end.

import Glibc
import PipelineCore

/// The log of one attempt at an action.
///
/// While the node runs, the log stands among the temporary files, where `pipeline logs --follow` reads it and where the
/// log of a killed run still is. A log that can't be written, as on a full disk, fails nothing.
final class NodeLog {
  private let cache: CacheStore
  private let key: Digest
  private let path: String
  private var log = KeptLog()
  private var descriptor: Int32 = -1
  /// What has been printed since the last `flush`.
  private var pending: [UInt8] = []
  private var mustBeWrittenAnew = false

  init(of key: Digest, in cache: CacheStore) {
    self.cache = cache
    self.key = key
    path = cache.layout.temporary(CacheStore.liveLogHint(key))
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Takes what the node has printed.
  func add(_ bytes: [UInt8]) {
    if log.add(bytes) { mustBeWrittenAnew = true }
    pending += bytes
  }

  /// Writes what was taken.
  func flush() {
    guard !pending.isEmpty else { return }
    if mustBeWrittenAnew {
      // A reader sees the file before or after.
      try? write(log)
      mustBeWrittenAnew = false
    } else {
      if descriptor < 0 { descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666) }
      if descriptor >= 0 { try? POSIX.writeAll(descriptor, pending, path: path) }
    }
    pending = []
  }

  private func write(_ log: KeptLog) throws(SystemError) {
    let new = path + ".new"
    try POSIX.create(new, log.bytes)
    try POSIX.move(new, to: path)
    if descriptor >= 0 { close(descriptor) }
    descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
  }

  /// Keeps the log as that of the action.
  func keep() {
    flush()
    let leftOut = log.leftOut
    log.shorten()
    do throws(SystemError) {
      if log.leftOut > leftOut { try write(log) }
      try POSIX.move(path, to: cache.layout.path(.logs, key))
    } catch {
      unlink(path)
    }
  }

  /// Drops the log.
  func drop() { unlink(path) }
}

extension CacheStore {
  private static let liveLogEnding = ".log"

  static func liveLogHint(_ key: Digest) -> String { key.hex.prefix(12) + liveLogEnding }

  /// The file of what a node printed in the last attempt at an action that has ended; nil where it printed nothing.
  public func keptLog(_ key: Digest) -> String? {
    let path = layout.path(.logs, key)
    return POSIX.facts(path) == nil ? nil : path
  }

  /// Forgets the log of an earlier attempt.
  func dropLog(_ key: Digest) { unlink(layout.path(.logs, key)) }

  /// The file of what a node has printed so far in an attempt that has not ended, or that a kill has cut.
  public func liveLog(_ key: Digest) -> String? {
    let ending = "-" + Self.liveLogHint(key)
    let names = POSIX.list(layout[.temporary]).filter { $0.hasSuffix(ending) }
    let name = names.first { CacheLayout.ownerIsGone($0) == false } ?? names.first
    return name.map { layout[.temporary] + "/" + $0 }
  }

  /// Whether a process is at work on an action.
  public func isBeingMade(_ key: Digest) -> Bool { LeaseKeeper.owners(in: self)[key] != nil }

  /// Whether a run of a pipeline is in progress.
  public func isInProgress(_ plan: Plan) -> Bool {
    pipelinesInProgress().contains(PipelineIdentity(of: plan, in: layout))
  }

  /// The action of the last failed attempt at a plan key; nil where none has failed, or that is not known.
  public func failedAction(_ key: Digest) -> Digest? { failureRecord(key)?.digest("action") }
}
