// Progress on standard error: a live block on a terminal, plain lines elsewhere.

import Glibc
import PipelineCore
import Wording

/// The display for people and logs.
///
/// On a terminal the lines of the log and the block below them are written together, a few times a second: a stage that
/// says much neither makes the block flicker nor keeps it away.
public final class ConsoleProgress: ProgressDisplay {
  private struct Work {
    var start: Double
    var fraction = 0.0
    var message = ""
    var threads: Int
    /// When it was last spoken of where there is no terminal.
    var told: Double
  }

  /// Seconds after which a node that goes on says where it stands in a log.
  private static let silence = 30.0

  /// The size of a terminal, in characters.
  public struct Size: Sendable {
    /// Columns.
    public var columns: Int
    /// Rows.
    public var rows: Int

    /// A size.
    public init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }
  }

  private let jobs: Int
  /// The size of the terminal now; nil where there is none.
  private let size: () -> Size?
  private let write: (String) -> Void
  private let clock: () -> Double
  private let isTerminal: Bool
  private let costs: () -> [String: Double]
  private var plan: Plan?
  private var total = 0
  private var done = 0
  private var cutOffs = 0
  private var failures = 0
  private var start = 0.0
  private var work: [NodeID: Work] = [:]
  private var waiting: [NodeID: String] = [:]
  private var forecast: Forecast
  private var drawnLines = 0
  private var lastDraw = 0.0
  /// Lines of the log that are not written yet.
  private var pending: [String] = []

  /// A display on standard error.
  ///
  /// - Parameter costs: What a node of each stage took in earlier runs, in core-seconds, by the stage's name; asked for
  ///   once there is something to do and a terminal to tell it.
  public convenience init(jobs: Int, costs: @escaping () -> [String: Double] = { [:] }) {
    let isTerminal = isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    self.init(
      jobs: jobs, costs: costs, size: { isTerminal ? Self.terminalSize() : nil },
      write: { text in
        // Progress that nobody can read any more is no reason to stop.
        try? POSIX.writeAll(STDERR_FILENO, Array(text.utf8), path: "standard error")
      })
  }

  /// A display on anything.
  package init(
    jobs: Int, costs: @escaping () -> [String: Double], size: @escaping () -> Size?,
    write: @escaping (String) -> Void,
    clock: @escaping () -> Double = { POSIX.monotonicSeconds }
  ) {
    self.jobs = jobs
    self.size = size
    self.write = write
    self.clock = clock
    isTerminal = size() != nil
    self.costs = costs
    forecast = Forecast(jobs: jobs, earlier: [:])
  }

  private static func terminalSize() -> Size {
    var size = winsize()
    // Each by itself: some terminals tell their width and no height. Where the call fails, both are 0.
    _ = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
    return Size(
      columns: size.ws_col > 0 ? Int(size.ws_col) : 80, rows: size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  // MARK: What happens

  /// Takes stock of what there is to do.
  public func begin(plan: Plan, unfinished: [NodeID]) {
    self.plan = plan
    total = unfinished.count
    if isTerminal { forecast = Forecast(jobs: jobs, earlier: costs()) }
    forecast.expect(unfinished.map { plan.stage(of: $0).name })
    start = clock()
    line(
      "\(plan.name): \(total) of \(counted(plan.nodes.count, "node")) to bring up to date, \(counted(jobs, "job"))"
    )
  }

  /// Remembers the start; on a terminal the block shows it.
  public func started(_ id: NodeID, reasons: [RunReason], threads: Int) {
    waiting[id] = nil
    forecast.leave(stage(id))
    let now = clock()
    work[id] = Work(start: now, threads: threads, told: now)
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

  /// Counts, and prints a line.
  public func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
    let threads = work.removeValue(forKey: id)?.threads ?? 1
    forecast.learn(stage(id), cost: seconds * Double(threads))
    done += 1
    let why = reasons.first.map { "  (\($0.description))" } ?? ""
    line("[\(done)/\(total)] \(name(id))  \(duration(seconds))\(why)")
  }

  /// Counts.
  public func cutOff(_ id: NodeID) {
    waiting[id] = nil
    forecast.leave(stage(id))
    done += 1
    cutOffs += 1
  }

  /// Prints what happened.
  public func failed(_ id: NodeID, _ message: String) {
    work[id] = nil
    done += 1
    failures += 1
    line("[\(done)/\(total)] \(name(id))  FAILED: \(message)")
  }

  /// Draws the block, at most ten times a second; without a terminal, lines of the nodes that have been at work for long.
  public func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {
    // What runs again is counted again.
    total = max(total, done + unfinished)
    let now = clock()
    guard isTerminal else { return tell(running, now: now) }
    guard now - lastDraw >= 0.1 else { return }
    lastDraw = now
    write(erasure + takePending() + block(running: running, now: now))
  }

  /// A line for each node that has said nothing in a log for some time, if it says where it stands.
  private func tell(_ running: [NodeID], now: Double) {
    for id in running {
      guard let state = work[id], !state.message.isEmpty, now - state.told >= Self.silence else { continue }
      work[id]?.told = now
      line("  \(name(id))  \(duration(now - state.start)) \(Int(state.fraction * 100)) %  \(state.message)")
    }
  }

  /// Clears the block.
  public func end() {
    if isTerminal { write(erasure + takePending()) }
  }

  // MARK: What is shown

  private func stage(_ id: NodeID) -> String { plan?.stage(of: id).name ?? "" }

  private func name(_ id: NodeID) -> String { plan?[id].name ?? "" }

  private func line(_ text: String) {
    if isTerminal { pending.append(text + "\n") } else { write(text + "\n") }
  }

  private func takePending() -> String {
    defer { pending = [] }
    return pending.joined()
  }

  /// What clears the block that was drawn last.
  private var erasure: String {
    defer { drawnLines = 0 }
    return drawnLines > 0 ? "\r\u{1B}[\(drawnLines)A\u{1B}[J" : ""
  }

  private func block(running: [NodeID], now: Double) -> String {
    let size = size() ?? Size(columns: 80, rows: 24)
    // A bar only where something besides it fits.
    let cells = max(0, min(24, size.columns - 40))
    let filled = total == 0 ? 0 : cells * done / total
    var head = ""
    if cells > 0 {
      let bar = String(repeating: "█", count: filled) + String(repeating: " ", count: cells - filled)
      head = "▕\(bar)▏ "
    }
    head += "\(done)/\(counted(total, "node"))"
    if failures > 0 { head += ", \(failures) failed" }
    if cutOffs > 0 { head += ", \(cutOffs) unchanged" }
    head += "  \(duration(now - start))"
    let spent = work.map { id, work in
      Forecast.Running(
        stage: stage(id), spent: (now - work.start) * Double(work.threads), fraction: work.fraction)
    }
    if let left = forecast.timeLeft(spent, after: now - start) { head += ", \(left)" }
    var lines = [head]
    for id in running.prefix(max(1, min(8, size.rows - 2))) {
      guard let work = work[id] else { continue }
      let percent = work.fraction > 0 ? " \(Int(work.fraction * 100)) %" : ""
      lines.append("  \(name(id))  \(duration(now - work.start))\(percent)  \(work.message)")
    }
    // One column stays free: a full line would wrap on some terminals, and the erasure would miss it.
    drawnLines = lines.count
    return lines.map { TerminalText.fitted($0, columns: size.columns - 1) + "\n" }.joined()
  }
}
