// Keeps the live record of a run beside its display, so that others can watch the run by its cache alone.

import FoundationEssentials
import Glibc
import PipelineCore

/// A display that hands everything on to another one, and writes the live record about once a second.
///
/// The record is a temporary file of this process. It is gone at the end of the run; after a kill it stays until
/// `pipeline cache gc`. A record that can't be written, as on a full disk, fails nothing.
public final class LiveRecorder: ProgressDisplay {
  /// Seconds after which the record is written though nothing has changed.
  public static let heartbeat = 10.0
  /// Seconds between two writings, and before the first: shorter runs leave no trace.
  private static let pause = 0.9

  private struct Work {
    var start: Double
    var threads: Int
    var fraction = 0.0
    var message = ""
  }

  private let display: any ProgressDisplay
  private let cache: CacheStore
  private let clock: () -> Double
  private let path: String
  private var record: LiveRecord
  private var plan: Plan?
  private var work: [NodeID: Work] = [:]
  private var start = 0.0
  private var lastWrite = 0.0
  private var hasChanged = false
  private var isWritten = false

  /// A recorder before another display.
  ///
  /// - Parameters:
  ///   - file: The pipeline file.
  ///   - overrides: The `--set` options.
  ///   - clock: Seconds from any moment on.
  public init(
    _ display: any ProgressDisplay, cache: CacheStore, file: String, overrides: [String], jobs: Int,
    clock: (() -> Double)? = nil
  ) {
    self.display = display
    self.cache = cache
    self.clock = clock ?? { POSIX.monotonicSeconds }
    path = cache.layout.temporary(CacheStore.liveHint)
    record = LiveRecord(
      pipeline: "", file: POSIX.absolute(file), overrides: overrides, owner: .current, started: "",
      seconds: 0,
      jobs: jobs, total: 0, done: 0, failed: 0, remaining: [:], nodes: [], waits: [:])
  }

  /// Takes stock of what there is to do.
  public func begin(plan: Plan, unfinished: [NodeID]) {
    self.plan = plan
    start = clock()
    lastWrite = start
    record.pipeline = plan.name
    record.started = POSIX.timestamp()
    record.total = unfinished.count
    for id in unfinished { record.remaining[plan.stage(of: id).name, default: 0] += 1 }
    hasChanged = true
    display.begin(plan: plan, unfinished: unfinished)
  }

  /// Remembers the start.
  public func started(_ id: NodeID, reasons: [RunReason], threads: Int) {
    work[id] = Work(start: clock(), threads: threads)
    leave(id)
    display.started(id, reasons: reasons, threads: threads)
  }

  /// Remembers the latest word of the node.
  public func progress(_ id: NodeID, fraction: Double, message: String) {
    work[id]?.fraction = fraction
    work[id]?.message = message
    hasChanged = true
    display.progress(id, fraction: fraction, message: message)
  }

  /// Hands the line on.
  public func log(_ id: NodeID, _ text: String) { display.log(id, text) }

  /// Remembers whose work is being waited for.
  public func waits(for id: NodeID, owner: String) {
    record.waits[name(id)] = owner
    hasChanged = true
    display.waits(for: id, owner: owner)
  }

  /// Counts.
  public func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
    settle(id)
    display.finished(id, seconds: seconds, reasons: reasons)
  }

  /// Counts.
  public func cutOff(_ id: NodeID) {
    leave(id)
    settle(id)
    display.cutOff(id)
  }

  /// Counts.
  public func failed(_ id: NodeID, _ message: String) {
    if work[id] == nil { leave(id) }
    settle(id)
    record.failed += 1
    display.failed(id, message)
  }

  /// Writes the record if it is time.
  public func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {
    // What runs again is counted again; one that is neither running nor done has been taken back.
    record.total = max(record.total, record.done + unfinished)
    for id in work.keys where !running.contains(id) {
      work[id] = nil
      if let stage = plan?.stage(of: id).name { record.remaining[stage, default: 0] += 1 }
    }
    let now = clock()
    if now - lastWrite >= (hasChanged ? Self.pause : Self.heartbeat) { write(now) }
    display.update(running: running, waiting: waiting, unfinished: unfinished)
  }

  /// Takes the record away; a run that stood still writes it again.
  public func end() {
    if isWritten { unlink(path) }
    isWritten = false
    hasChanged = true
    display.end()
  }

  private func name(_ id: NodeID) -> String { plan?[id].name ?? "" }

  /// A node does not wait for its start any more.
  private func leave(_ id: NodeID) {
    record.waits[name(id)] = nil
    if let stage = plan?.stage(of: id).name { record.remaining[stage]? -= 1 }
    hasChanged = true
  }

  private func settle(_ id: NodeID) {
    work[id] = nil
    record.done += 1
    hasChanged = true
  }

  private func write(_ now: Double) {
    lastWrite = now
    hasChanged = false
    record.seconds = now - start
    record.nodes = work.sorted { $0.key < $1.key }.map { id, work in
      LiveRecord.Node(
        name: name(id), seconds: now - work.start, threads: work.threads, fraction: work.fraction,
        message: work.message)
    }
    guard let data = try? JSONEncoder().encode(record) else { return }
    // A reader sees the record before or after.
    isWritten =
      (try? POSIX.writeAtomically([UInt8](data), to: path, temporary: path + ".new", sync: false)) != nil
  }
}
