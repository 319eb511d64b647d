// The block on a terminal: it fits, it does not flicker, and it says how long things will take.

import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ConsoleTests {
  /// A terminal of some size that keeps what is written.
  private final class Screen {
    var size: ConsoleProgress.Size?
    var writes: [String] = []
    var time = 0.0
    init(_ size: ConsoleProgress.Size?) { self.size = size }

    func display(costs: [String: Double] = [:]) -> ConsoleProgress {
      ConsoleProgress(
        jobs: 2, costs: { costs }, size: { self.size }, write: { self.writes.append($0) },
        clock: { self.time })
    }

    /// The lines of the last write, without the sequences that clear the block before.
    var lines: [String] {
      (writes.last ?? "").split(separator: "\u{1B}[J").last?.split(separator: "\n").map(String.init) ?? []
    }
  }

  /// Two columns for each of these, none for a joined accent.
  private func columns(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { sum, scalar in
      switch scalar.value {
      case 0x300..<0x370: sum
      case 0x1100..<0x1160, 0x2E80..<0xA4D0, 0xAC00..<0xD7A4, 0xFF00..<0xFF61, 0x1F300..<0x1FA00: sum + 2
      default: sum + 1
      }
    }
  }

  private func plan(_ name: String = "stage", _ count: Int = 12) throws -> Plan {
    var pipeline = ToyPipeline("wide")
    pipeline.add(name, "random", axes: [("i", Array(0..<count))])
    return try pipeline.plan()
  }

  @Test(arguments: [2, 7, 12, 20, 21, 40, 80, 200])
  func everyLineFits(_ width: Int) throws {
    let screen = Screen(.init(columns: width, rows: 10))
    let plan = try plan("学習の段階")
    let display = screen.display(costs: ["学習の段階": 90])
    display.begin(plan: plan, unfinished: Array(plan.ids))
    for id in plan.ids {
      display.started(id, reasons: [], threads: 1)
      display.progress(id, fraction: 0.5, message: "e\u{301}poque 3/6\u{1B}[31m 損失 0.041 👍 \t…")
    }
    screen.time = 10
    display.update(running: Array(plan.ids), waiting: [], unfinished: 12)
    // The first write has the log's lines too, which are the reader's to wrap.
    screen.time = 20
    display.update(running: Array(plan.ids), waiting: [], unfinished: 12)
    #expect(screen.lines.count > 1 && screen.lines.count < 10, "the block fits the rows")
    for line in screen.lines { #expect(columns(line) < max(2, width), "'\(line)'") }
    #expect(!screen.lines.joined().contains("\u{1B}"), "a message can't command the terminal")
  }

  /// However much a stage says, the block is cleared and drawn by one write, a few times a second.
  @Test func aChattyStageMakesNoFlicker() throws {
    let screen = Screen(.init(columns: 80, rows: 24))
    let plan = try plan()
    let display = screen.display()
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 1)
    var said = 0
    for step in 0..<1000 {
      screen.time = Double(step) / 1000
      display.log(NodeID(0), "line \(step)")
      said += 1
      display.update(running: [NodeID(0)], waiting: [], unfinished: 12)
    }
    #expect(screen.writes.count <= 11)
    #expect(screen.writes.dropFirst().allSatisfy { $0.contains("0/12 nodes") }, "never without the block")
    display.end()
    let all = screen.writes.joined()
    #expect((0..<said).allSatisfy { all.contains("line \($0)\n") })
    #expect(all.hasSuffix("line 999\n"), "at the end the block is gone and all lines are there")
  }

  @Test func withoutATerminalThereAreLinesOnly() throws {
    let screen = Screen(nil)
    let plan = try plan()
    let display = screen.display()
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 1)
    display.log(NodeID(0), "a word")
    screen.time = 10
    display.update(running: [NodeID(0)], waiting: [], unfinished: 12)
    display.finished(NodeID(0), seconds: 1, reasons: [.neverBuilt])
    display.end()
    #expect(
      screen.writes == [
        "wide: 12 of 12 nodes to bring up to date, 2 jobs\n", "  stage[i=0]: a word\n",
        "[1/12] stage[i=0]  1.0 s  (never built)\n",
      ])
  }

  /// A log is told where a long node stands, not every word of it; and nothing of one that has not said.
  @Test func withoutATerminalALongNodeSaysWhereItStands() throws {
    let screen = Screen(nil)
    let plan = try plan()
    let display = screen.display()
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 1)
    display.started(NodeID(1), reasons: [], threads: 1)
    for second in 1...95 {
      screen.time = Double(second)
      display.progress(NodeID(0), fraction: Double(second) / 100, message: "image \(second)")
      display.update(running: [NodeID(0), NodeID(1)], waiting: [], unfinished: 12)
    }
    #expect(
      screen.writes.dropFirst() == [
        "  stage[i=0]  30 s 30 %  image 30\n", "  stage[i=0]  1 min 00 s 60 %  image 60\n",
        "  stage[i=0]  1 min 30 s 90 %  image 90\n",
      ])
  }

  /// 12 nodes of 10 s on two cores, by an earlier run; then by what the nodes of this run take.
  @Test func theTimeLeftIsTold() throws {
    let screen = Screen(.init(columns: 100, rows: 24))
    let plan = try plan()
    let display = screen.display(costs: ["stage": 10])
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 1)
    screen.time = 4
    display.update(running: [NodeID(0)], waiting: [], unfinished: 12)
    #expect(screen.lines.contains { $0.contains("about 58 s left") }, "(11 × 10 + 6) / 2")
    display.finished(NodeID(0), seconds: 4, reasons: [])
    screen.time = 5
    display.update(running: [], waiting: [], unfinished: 11)
    #expect(screen.lines.contains { $0.contains("about 22 s left") }, "11 × 4 / 2")
  }

  /// Where nothing is known of a stage, what is known of the others is a lower bound.
  @Test func anUnknownStageMakesItALowerBound() throws {
    let screen = Screen(.init(columns: 100, rows: 24))
    var pipeline = ToyPipeline("two")
    pipeline.add("known", "random", axes: [("i", [0, 1])])
    pipeline.add("unknown", "number")
    let plan = try pipeline.plan()
    let display = screen.display(costs: ["known": 30])
    display.begin(plan: plan, unfinished: Array(plan.ids))
    screen.time = 4
    display.update(running: [], waiting: [], unfinished: 3)
    #expect(screen.lines.contains { $0.contains("more than 30 s left") })
  }
}
