// Real worker processes that crash, exit, hang, flood and are killed.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct WorkerTests {
  @Test func workersGiveTheSameArtifactsAsInPlace() throws {
    let (inPlace, pooled) = (try Lab(), try Lab())
    let pipeline = try study(inPlace)
    _ = try study(pooled)
    try inPlace.run(pipeline)
    let summary = try pooled.run(pipeline, executor: pooled.workers())
    #expect(summary.ran.count == studyNodes.count)
    #expect(try inPlace.artifacts() == pooled.artifacts())
    #expect(pooled.files("tmp").isEmpty && pooled.files("leases").isEmpty)
  }

  private func failure(
    _ mode: String, timeout: Double? = nil, _ lab: Lab, then follow: Bool = true
  ) throws -> StageFailure? {
    var pipeline = ToyPipeline("trouble")
    let marker = lab.folder + "/marker"
    pipeline.add(
      "bad", "trouble", ["mode": .string(mode), "until": .string(marker), "log": .string(lab.log)],
      timeout: timeout)
    pipeline.add("good", "number", ["value": .integer(1)], axes: [("i", [0])])
    let pool = lab.workers()
    let summary = try lab.run(pipeline, jobs: 1, keepGoing: true, executor: pool)
    #expect(summary.ran.contains { $0.node == "good[i=0]" })
    #expect(lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
    if follow {
      try Data().write(to: URL(fileURLWithPath: marker))
      #expect(try lab.run(pipeline, executor: lab.workers()).failures.isEmpty)
    }
    return summary.failures.first?.failure
  }

  @Test func aCrashFailsItsNodeOnly() throws {
    let message = try #require(try failure("crash", Lab())).message
    #expect(message.contains("signal 11") && message.contains("about to crash"))
  }

  @Test func aKillIsExplained() throws {
    let message = try #require(try failure("kill", Lab())).message
    #expect(message.contains("signal 9") && message.contains("memory"))
  }

  @Test func anExitIsToldWithTheLastWords() throws {
    let message = try #require(try failure("exit", Lab())).message
    #expect(message.contains("status 7") && message.contains("giving up"))
  }

  @Test func aHangEndsAtItsTimeout() throws {
    let start = Date()
    let message = try #require(try failure("hang", timeout: 0.3, Lab())).message
    #expect(message.contains("timeout"))
    #expect(Date().timeIntervalSince(start) < 5)
  }

  /// The last words may have no end of line; a failure keeps twenty lines, where `status` and `log` find them.
  @Test func lastWordsAreKept() throws {
    let lab = try Lab()
    let lines = Lines()
    var pipeline = ToyPipeline("mutter")
    pipeline.add("bad", "trouble", ["mode": .string("mutter")])
    let message = try #require(
      try lab.run(pipeline, executor: lab.workers(), progress: lines).failures.first
    ).failure.message
    let told = (7...25).map { "    line \($0)\n" }.joined()
    #expect(message == "it was told to fail; its last lines:\n\(told)    last words")
    #expect(lines.texts == (1...25).map { "line \($0)" } + ["last words"])
    let plan = try pipeline.plan()
    #expect(lab.cache.failure(plan.planKeys()[NodeID(0)]) == message)
    #expect(RunHistory(cache: lab.cache).find("mutter")?.nodes.last?.failure == message)
  }

  @Test func lastWordsOfAHangAreKept() throws {
    let message = try #require(try failure("mutterAndHang", timeout: 0.4, Lab())).message
    #expect(message.contains("timeout of 0.4 seconds") && message.hasSuffix("    half a line"))
  }

  /// What a node's programs leave behind ends with it, even in a session of its own, and speaks under no other node.
  @Test func programsOfOneNodeAreSilentUnderTheNext() throws {
    let lab = try Lab()
    let lines = Lines()
    var pipeline = ToyPipeline("leave")
    pipeline.add("leaver", "trouble", ["mode": .string("leave"), "log": .string(lab.log)])
    pipeline.add("next", "sum", ["seconds": .number(0.8)], from: [("terms", ["leaver"])])
    #expect(try lab.run(pipeline, jobs: 1, executor: lab.workers(), progress: lines).failures.isEmpty)
    #expect(
      lines.texts == ["ended 1 process that it had left behind"]
        || lines.texts == ["ended 2 processes that it had left behind"])
    let text = try String(contentsOfFile: lab.log + ".child", encoding: .utf8)
    let left = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(left, 0) != 0 || isZombie(left))
  }

  @Test(arguments: ["flood", "noNewline", "closeErrors"])
  func noiseDoesNoHarm(_ mode: String) throws {
    #expect(try failure(mode, Lab(), then: false) == nil)
  }

  @Test func aLongMessageArrivesWhole() throws {
    #expect(try failure("long", Lab())?.message.count == 1 << 20)
  }

  @Test func aWorkerThatClosesItsAnswersDoesNotHangTheRun() throws {
    #expect(try failure("closeOutput", timeout: 20, Lab())?.message.contains("worker") == true)
  }

  @Test func halfWrittenFilesAreRemoved() throws {
    let lab = try Lab()
    #expect(try failure("partial", lab) != nil)
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  @Test func programsThatAStageLeftBehindAreEnded() throws {
    let lab = try Lab()
    #expect(try failure("child", timeout: 1, lab) != nil)
    let text = try String(contentsOfFile: lab.log + ".child", encoding: .utf8)
    let child = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(eventually { kill(child, 0) != 0 || isZombie(child) })
  }

  @Test func aTaskLargerThanAPipePasses() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("large")
    pipeline.add(
      "a", "number", ["label": .string(String(repeating: "ä", count: 1 << 20))], axes: [("i", [0, 1])])
    pipeline.add("b", "random", axes: [("i", Array(0..<300))])
    pipeline.add("c", "sum", ["offset": .integer(1)], from: [("terms", ["a", "b"])])
    #expect(try lab.run(pipeline, executor: lab.workers()).failures.isEmpty)
  }

  @Test func anIdleWorkerMayDie() throws {
    let lab = try Lab()
    let pool = lab.workers()
    let killer = IdleKiller()
    var pipeline = ToyPipeline("idle")
    pipeline.add("a", "number", ["log": .string(lab.log)])
    for index in 1..<6 {
      pipeline.add(
        "a\(index)", "sum", ["log": .string(lab.log)], from: [("terms", [index == 1 ? "a" : "a\(index - 1)"])]
      )
      pipeline["a\(index)"].parameters["offset"] = .integer(1)
    }
    killer.log = lab.log
    let summary = try lab.run(pipeline, executor: pool, progress: killer)
    #expect(summary.failures.isEmpty && summary.ran.count == 6)
    #expect(killer.kills > 0)
  }

  @Test func aProgramThatIsNoWorkerFailsItsNode() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("none")
    pipeline.add("a", "number")
    for program in ["/bin/true", "/bin/echo"] {
      let summary = try lab.run(pipeline, executor: WorkerPool(command: [program, "x"]))
      #expect(summary.failures.count == 1)
    }
    #expect(throws: SystemError.self) {
      try lab.run(pipeline, executor: WorkerPool(command: ["/no/such/program"]))
    }
  }

  @Test func noDescriptorLeaks() throws {
    let lab = try Lab()
    func run() throws {
      var pipeline = ToyPipeline("leak")
      pipeline.add("bad", "trouble", ["mode": .string("kill")], axes: [("i", [0, 1, 2])])
      #expect(try lab.run(pipeline, keepGoing: true, executor: lab.workers()).failures.count == 1)
    }
    try run()
    func pipes() -> Int {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      return names.filter {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix(
          "pipe:") == true
      }.count
    }
    // Other tests of this program run at the same time and have pipes of their own, so a leak shows only in
    // the many.
    let before = pipes()
    for _ in 0..<30 { try run() }
    #expect(pipes() < before + 60)
  }
}

func isZombie(_ process: pid_t) -> Bool {
  guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
  return text[(text.lastIndex(of: ")") ?? text.startIndex)...].hasPrefix(") Z")
}

/// Keeps the lines of the log.
private final class Lines: ProgressDisplay {
  private(set) var texts: [String] = []
  func begin(plan: Plan, unfinished: [NodeID]) {}
  func started(_ id: NodeID, reasons: [RunReason], threads: Int) {}
  func progress(_ id: NodeID, fraction: Double, message: String) {}
  func log(_ id: NodeID, _ text: String) { texts.append(text) }
  func waits(for id: NodeID, owner: String) {}
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {}
  func cutOff(_ id: NodeID) {}
  func failed(_ id: NodeID, _ message: String) {}
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {}
  func end() {}
}

/// Kills the worker after each node, by the process number that the toy stages write down.
private final class IdleKiller: ProgressDisplay {
  var log = ""
  var kills = 0
  func begin(plan: Plan, unfinished: [NodeID]) {}
  func started(_ id: NodeID, reasons: [RunReason], threads: Int) {}
  func progress(_ id: NodeID, fraction: Double, message: String) {}
  func log(_ id: NodeID, _ text: String) {}
  func waits(for id: NodeID, owner: String) {}
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    guard let last = text.split(separator: "\n").last, let worker = pid_t(last.split(separator: " ")[2])
    else { return }
    kills += kill(worker, SIGKILL) == 0 ? 1 : 0
    usleep(20_000)
  }
  func cutOff(_ id: NodeID) {}
  func failed(_ id: NodeID, _ message: String) {}
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {}
  func end() {}
}
