// What a run says of itself while it goes on, and what a watcher learns of it by the cache alone.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct LiveRecordTests {
  /// A clock that a test sets.
  private final class Clock {
    var time = 100.0
  }

  private func plan(_ count: Int) throws -> Plan {
    var pipeline = ToyPipeline("wide")
    pipeline.add("stage", "random", axes: [("i", Array(0..<count))])
    return try pipeline.plan()
  }

  private func recorder(_ lab: Lab, _ clock: Clock, besides display: any ProgressDisplay = NoProgress())
    throws -> LiveRecorder
  {
    try lab.cache.prepare()
    return LiveRecorder(
      display, cache: lab.cache, file: "/p/wide.yaml", overrides: ["i=4"], jobs: 3, clock: { clock.time })
  }

  @Test func saysWhereARunStands() throws {
    let (lab, clock) = (try Lab(), Clock())
    let plan = try plan(4)
    let display = try recorder(lab, clock)
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 2)
    display.started(NodeID(1), reasons: [], threads: 1)
    display.update(running: [NodeID(0), NodeID(1)], waiting: [], unfinished: 4)
    #expect(lab.cache.liveRuns().isEmpty, "a run of less than a second leaves no trace")
    clock.time += 2
    display.progress(NodeID(0), fraction: 0.25, message: "epoch 1/4, loss 0.5")
    display.finished(NodeID(1), seconds: 2, reasons: [])
    display.failed(NodeID(2), "not started, and failed")
    display.waits(for: NodeID(3), owner: "process 7 on other")
    display.update(running: [NodeID(0)], waiting: [NodeID(3)], unfinished: 2)
    let run = try #require(lab.cache.liveRuns().first)
    let record = run.record
    #expect(!run.isGone && record.pipeline == "wide" && record.file == "/p/wide.yaml")
    #expect(record.overrides == ["i=4"] && record.jobs == 3 && record.seconds == 2)
    #expect(record.owner.process == ProcessInfo.processInfo.processIdentifier)
    #expect(record.total == 4 && record.done == 2 && record.failed == 1 && record.remaining == ["stage": 1])
    let node = try #require(record.nodes.first)
    #expect(record.nodes.count == 1 && node.name == "stage[i=0]" && node.seconds == 2 && node.threads == 2)
    #expect(node.fraction == 0.25 && node.message == "epoch 1/4, loss 0.5")
    #expect(record.waits == ["stage[i=3]": "process 7 on other"])
  }

  @Test func isWrittenOnceASecondAndGoesWithTheRun() throws {
    let (lab, clock) = (try Lab(), Clock())
    let plan = try plan(1)
    let display = try recorder(lab, clock)
    display.begin(plan: plan, unfinished: [NodeID(0)])
    display.started(NodeID(0), reasons: [], threads: 1)
    var stamps: Set<String> = []
    // Ten seconds of a node that says something ten times a second, and ten of silence.
    for step in 0..<200 {
      clock.time += 0.1
      if step < 100 { display.progress(NodeID(0), fraction: Double(step) / 200, message: "\(step)") }
      display.update(running: [NodeID(0)], waiting: [], unfinished: 1)
      stamps.formUnion(lab.cache.liveRuns().map(\.stamp))
    }
    #expect((8...13).contains(stamps.count), "\(stamps.count) writings")
    display.end()
    #expect(lab.cache.liveRuns().isEmpty && lab.files("tmp").isEmpty)
    // A run that stood still comes back.
    clock.time += 5
    display.update(running: [NodeID(0)], waiting: [], unfinished: 1)
    #expect(lab.cache.liveRuns().count == 1)
    display.end()
    #expect(lab.files("tmp").isEmpty)
  }

  /// A node that a signal has ended is not at work any more: it is to start once more.
  @Test func takesBackWhatIsToRunAgain() throws {
    let (lab, clock) = (try Lab(), Clock())
    let plan = try plan(1)
    let display = try recorder(lab, clock)
    display.begin(plan: plan, unfinished: [NodeID(0)])
    display.started(NodeID(0), reasons: [], threads: 1)
    clock.time += 2
    display.update(running: [], waiting: [], unfinished: 1)
    let record = try #require(lab.cache.liveRuns().first).record
    #expect(record.nodes.isEmpty && record.remaining == ["stage": 1] && record.done == 0)
  }

  @Test func hasEverythingHandedOn() throws {
    final class Listener: ProgressDisplay {
      var said: [String] = []
      func begin(plan: Plan, unfinished: [NodeID]) { said.append("begin \(unfinished.count)") }
      func started(_ id: NodeID, reasons: [RunReason], threads: Int) { said.append("started \(threads)") }
      func progress(_ id: NodeID, fraction: Double, message: String) { said.append("progress \(message)") }
      func log(_ id: NodeID, _ text: String) { said.append("log \(text)") }
      func waits(for id: NodeID, owner: String) { said.append("waits \(owner)") }
      func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
        said.append("finished \(seconds)")
      }
      func cutOff(_ id: NodeID) { said.append("cutOff") }
      func failed(_ id: NodeID, _ message: String) { said.append("failed \(message)") }
      func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {
        said.append("update \(unfinished)")
      }
      func end() { said.append("end") }
    }
    let (lab, clock, listener) = (try Lab(), Clock(), Listener())
    let plan = try plan(5)
    let display = try recorder(lab, clock, besides: listener)
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 2)
    display.progress(NodeID(0), fraction: 0.5, message: "half")
    display.log(NodeID(0), "words")
    display.waits(for: NodeID(3), owner: "other")
    display.finished(NodeID(0), seconds: 1.5, reasons: [])
    display.cutOff(NodeID(1))
    display.failed(NodeID(2), "why")
    display.update(running: [], waiting: [], unfinished: 2)
    display.end()
    #expect(
      listener.said == [
        "begin 5", "started 2", "progress half", "log words", "waits other", "finished 1.5", "cutOff",
        "failed why", "update 2", "end",
      ])
  }

  /// Two that wait at 30 s each and half of one of 20 s, by 3 cores.
  @Test func tellsTheTimeThatIsLeft() throws {
    let (lab, clock) = (try Lab(), Clock())
    let plan = try plan(3)
    let display = try recorder(lab, clock)
    display.begin(plan: plan, unfinished: Array(plan.ids))
    display.started(NodeID(0), reasons: [], threads: 1)
    clock.time += 10
    display.progress(NodeID(0), fraction: 0.5, message: "")
    display.update(running: [NodeID(0)], waiting: [], unfinished: 3)
    let record = try #require(lab.cache.liveRuns().first).record
    #expect(record.timeLeft(costs: ["stage": 30]) == "about 23 s left")
    #expect(
      record.timeLeft(costs: [:]) == "about 17 s left", "those that wait are taken to be like the one at work"
    )
  }

  /// What a watcher asks again and again tells whether anything has happened.
  @Test func activityChangesWithEachNode() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("wide")
    pipeline.add("stage", "random", axes: [("i", Array(0..<2))])
    let plan = try pipeline.plan()
    let before = lab.cache.activity(of: plan)
    #expect(lab.cache.activity(of: plan) == before)
    try lab.run(pipeline, ["stage[i=0]"])
    let after = lab.cache.activity(of: plan)
    #expect(after != before && lab.cache.activity(of: plan) == after)
    try lab.run(pipeline)
    #expect(lab.cache.activity(of: plan) != after)
  }

  @Test func aRunsRecordHasItsOptionsAndProcessor() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("wide")
    pipeline.add("stage", "random")
    let plan = try pipeline.plan()
    var options = RunOptions(jobs: 1, memory: 1 << 30)
    options.overrides = ["a=1", "b.c=[x, \"y\"]"]
    var run = Run(
      plan: plan, keys: plan.planKeys(), cache: lab.cache, options: options,
      executor: InlineExecutor(registry: toyStages), progress: NoProgress())
    _ = try run.execute(Array(plan.ids))
    let record = try #require(RunHistory(cache: lab.cache).runs(of: "wide").first)
    #expect(record.overrides == options.overrides && record.processor == Machine.processor)
  }
}
