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
  /// The run is over.
  func end()
}

/// The display for people and logs.
public final class ConsoleProgress: ProgressDisplay {
  private struct Work {
    var start: Double
    var fraction = 0.0
    var message = ""
    var threads: Int
  }

  private let isTerminal: Bool
  private var plan: Plan?
  private var total = 0
  private var done = 0
  private var cutOffs = 0
  private var failures = 0
  private var start = 0.0
  private var work: [NodeID: Work] = [:]
  private var waiting: [NodeID: String] = [:]
  /// Core-seconds and count of finished nodes, by stage of the file.
  private var costs: [Int: (sum: Double, count: Int)] = [:]
  /// Nodes that have not started, by stage of the file.
  private var remaining: [Int: Int] = [:]
  private var drawnLines = 0
  private var lastDraw = 0.0
  private let jobs: Int

  /// A display on standard error.
  public init(jobs: Int) {
    self.jobs = jobs
    isTerminal = isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
  }

  /// Takes stock of what there is to do.
  public func begin(plan: Plan, unfinished: [NodeID]) {
    self.plan = plan
    total = unfinished.count
    for id in unfinished { remaining[plan.nodes[id.index].stage, default: 0] += 1 }
    start = POSIX.monotonicSeconds
    write("\(plan.name): \(total) of \(plan.nodes.count) nodes to bring up to date, \(jobs) jobs\n")
  }

  /// Remembers the start; on a terminal the block shows it.
  public func started(_ id: NodeID, reasons: [RunReason], threads: Int) {
    waiting[id] = nil
    leave(id)
    work[id] = Work(start: POSIX.monotonicSeconds, threads: threads)
  }

  /// Remembers the latest word of the node.
  public func progress(_ id: NodeID, fraction: Double, message: String) {
    work[id]?.fraction = fraction
    work[id]?.message = message
  }

  /// Prints the line.
  public func log(_ id: NodeID, _ text: String) { line("  \(name(id)): \(text)") }

  /// Says whose work is being waited for.
  public func waits(for id: NodeID, owner: String) {
    if waiting.updateValue(owner, forKey: id) == nil { line("  \(name(id)): waits for \(owner)") }
  }

  /// Counts, and prints a line where there is no terminal.
  public func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
    let threads = work.removeValue(forKey: id)?.threads ?? 1
    if let stage = plan?.nodes[id.index].stage {
      let cost = costs[stage] ?? (0, 0)
      costs[stage] = (cost.sum + seconds * Double(threads), cost.count + 1)
    }
    done += 1
    let why = reasons.first.map { "  (\($0.description))" } ?? ""
    line("[\(done)/\(total)] \(name(id))  \(duration(seconds))\(why)")
  }

  /// Counts.
  public func cutOff(_ id: NodeID) {
    waiting[id] = nil
    leave(id)
    done += 1
    cutOffs += 1
  }

  /// Prints what happened at once, above the block.
  public func failed(_ id: NodeID, _ message: String) {
    work[id] = nil
    done += 1
    failures += 1
    line("[\(done)/\(total)] \(name(id))  FAILED: \(message)")
  }

  /// Draws the block, at most ten times a second.
  public func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {
    // What heals is counted again.
    total = max(total, done + unfinished)
    let now = POSIX.monotonicSeconds
    guard isTerminal, now - lastDraw >= 0.1 else { return }
    lastDraw = now
    draw(running: running, now: now)
  }

  /// Clears the block.
  public func end() { if isTerminal { erase() } }

  private func leave(_ id: NodeID) {
    if let stage = plan?.nodes[id.index].stage { remaining[stage]? -= 1 }
  }

  private func name(_ id: NodeID) -> String { plan?.nodes[id.index].name ?? "" }

  private func line(_ text: String) {
    if isTerminal { erase() }
    write(text + "\n")
  }

  private func erase() {
    guard drawnLines > 0 else { return }
    write("\r\u{1B}[\(drawnLines)A\u{1B}[J")
    drawnLines = 0
  }

  private func draw(running: [NodeID], now: Double) {
    let width = terminalWidth()
    let filled = total == 0 ? 0 : 24 * done / total
    var head = "▕" + String(repeating: "█", count: filled) + String(repeating: " ", count: 24 - filled) + "▏"
    head += " \(done)/\(total) nodes"
    if cutOffs > 0 { head += ", \(cutOffs) unchanged" }
    if failures > 0 { head += ", \(failures) failed" }
    head += "  \(duration(now - start))"
    if let left = timeLeft(now: now) { head += ", about \(duration(left)) left" }
    var lines = [head]
    for id in running.prefix(8) {
      guard let work = work[id] else { continue }
      let percent = work.fraction > 0 ? " \(Int(work.fraction * 100)) %" : ""
      lines.append("  \(name(id))  \(duration(now - work.start))\(percent)  \(work.message)")
    }
    erase()
    write(lines.map { String($0.prefix(width - 1)) + "\n" }.joined())
    drawnLines = lines.count
  }

  /// From the mean cost of the finished nodes of each stage. A stage of which none is finished is reckoned by
  /// the progress of those that run, if they tell; without even that, nothing can be said.
  private func timeLeft(now: Double) -> Double? {
    guard let plan, now - start > 3 else { return nil }
    var left = 0.0
    var expected: [Int: Double] = costs.mapValues { $0.sum / Double($0.count) }
    for (id, work) in work {
      let stage = plan.nodes[id.index].stage
      let spent = (now - work.start) * Double(work.threads)
      let whole = work.fraction > 0.02 ? spent / work.fraction : expected[stage]
      guard let whole else { return nil }
      if expected[stage] == nil { expected[stage] = whole }
      left += max(0, whole - spent)
    }
    for (stage, count) in remaining where count > 0 {
      guard let cost = expected[stage] else { return nil }
      left += Double(count) * cost
    }
    return left / Double(max(1, jobs))
  }

  private func terminalWidth() -> Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 100
  }

  private func write(_ text: String) {
    // Progress that nobody can read any more is no reason to stop.
    try? POSIX.writeAll(STDERR_FILENO, Array(text.utf8), path: "standard error")
  }
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
