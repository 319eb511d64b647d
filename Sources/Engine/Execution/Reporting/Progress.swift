// Progress on standard error: a live block on a terminal, plain lines elsewhere.

import Glibc
import PipelineCore

/// Shows a run as it goes on.
public protocol ProgressDisplay: AnyObject {
  /// The run has something to do: these nodes are wanted and not up to date.
  func begin(plan: Plan, unfinished: [NodeID])
  /// A node starts.
  func started(_ id: NodeID, reasons: [RunReason], threads: Int)
  /// A running node says how far it is.
  func progress(_ id: NodeID, fraction: Double, message: String)
  /// A node says something for the log.
  func log(_ id: NodeID, _ text: String)
  /// A node is waiting for another process that makes the same artifact.
  func waits(for id: NodeID, owner: String)
  /// A node has run.
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason])
  /// A node need not run after all.
  func cutOff(_ id: NodeID)
  /// A node has failed.
  func failed(_ id: NodeID, _ message: String)
  /// Called a few times a second.
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int)
  /// The run is over, or stands still.
  func end()
}

/// A display that shows nothing.
public final class NoProgress: ProgressDisplay {
  /// A display that shows nothing.
  public init() {}
  /// Nothing.
  public func begin(plan: Plan, unfinished: [NodeID]) {}
  /// Nothing.
  public func started(_ id: NodeID, reasons: [RunReason], threads: Int) {}
  /// Nothing.
  public func progress(_ id: NodeID, fraction: Double, message: String) {}
  /// Nothing.
  public func log(_ id: NodeID, _ text: String) {}
  /// Nothing.
  public func waits(for id: NodeID, owner: String) {}
  /// Nothing.
  public func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {}
  /// Nothing.
  public func cutOff(_ id: NodeID) {}
  /// Nothing.
  public func failed(_ id: NodeID, _ message: String) {}
  /// Nothing.
  public func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {}
  /// Nothing.
  public func end() {}
}

/// Seconds as a person reads them: `23 ms`, `1.2 s`, `12 s`, `3 min 05 s`.
public func duration(_ seconds: Double) -> String {
  if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
  if seconds < 10 { return "\((seconds * 10).rounded() / 10) s" }
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  let rest = whole % 60
  return whole < 3600
    ? "\(whole / 60) min \(rest < 10 ? "0" : "")\(rest) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
}
