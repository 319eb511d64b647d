// What a signal ends is no failure: workers and runs that are asked to end, to finish or to stand still.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct SignalTests {
  private func state(_ process: pid_t) -> Character? {
    let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    return text.lastIndex(of: ")").flatMap { text[text.index($0, offsetBy: 2)...].first }
  }

  private func finishes(_ lab: Lab, _ width: Int) throws {
    #expect(try lab.startScheduler(jobs: 2, width: width, seconds: 0).wait() == 0)
    #expect(lab.files("failures").isEmpty && lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  /// A batch system ends all processes of a job at once, in any order.
  @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGUSR1]) func aWorkerThatIsAskedToEndFailsNothing(
    _ signal: Int32
  ) throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 8, seconds: 0.1)
    #expect(eventually { lab.executions().count > 1 })
    for worker in child.descendants() { kill(worker, signal) }
    #expect(child.wait() == 0, "\(child.errors)")
    try finishes(lab, 8)
  }

  @Test func aJobThatIsEndedAsAWholeFailsNothing() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 8, seconds: 0.2)
    #expect(eventually { lab.executions().count > 1 })
    for worker in child.descendants() { kill(worker, SIGTERM) }
    usleep(20_000)
    kill(child.id, SIGTERM)
    #expect(child.wait() == 130)
    #expect(lab.files("failures").isEmpty)
    try finishes(lab, 8)
  }

  /// A node that always ends itself so is no victim of a signal.
  @Test func whatEndsItselfAgainAndAgainFails() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("terminate")
    pipeline.add("bad", "trouble", ["mode": .string("terminate"), "log": .string(lab.log)])
    let summary = try lab.run(pipeline, executor: lab.workers())
    #expect(summary.failures.map(\.node) == ["bad"])
    #expect(lab.executions()["bad"] == 4)
  }

  /// SIGUSR1 says that time is nearly up: what runs is finished, and nothing more is started.
  @Test func usr1FinishesWhatRuns() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 12, seconds: 0.2)
    #expect(eventually { lab.executions().count > 2 })
    kill(child.id, SIGUSR1)
    #expect(child.wait() == 130)
    let log = try String(contentsOfFile: lab.log, encoding: .utf8).split(separator: "\n")
    let (started, ended) = (
      log.filter { $0.hasPrefix("start ") }.count, log.filter { $0.hasPrefix("end ") }.count
    )
    #expect(started == ended && started < 26)
    #expect(try lab.artifacts().count == ended, "all that was finished is kept")
    try finishes(lab, 12)
  }

  @Test func ctrlZStopsTheWorkersToo() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 6, seconds: 0.3)
    #expect(eventually { lab.executions().count > 1 })
    kill(child.id, SIGTSTP)
    #expect(eventually { state(child.id) == "T" })
    let workers = child.descendants()
    #expect(!workers.isEmpty && workers.allSatisfy { state($0) == "T" })
    let before = try String(contentsOfFile: lab.log, encoding: .utf8)
    usleep(700_000)
    #expect(try String(contentsOfFile: lab.log, encoding: .utf8) == before, "all stands still")
    kill(child.id, SIGCONT)
    #expect(child.wait() == 0)
    try finishes(lab, 6)
  }

  @Test func aRunThatIsKilledWhileItStandsStillLeavesNothingBehind() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 6, seconds: 0.3)
    #expect(eventually { lab.executions().count > 1 })
    kill(child.id, SIGTSTP)
    #expect(eventually { state(child.id) == "T" })
    let workers = child.descendants()
    kill(child.id, SIGKILL)
    child.wait()
    #expect(eventually { workers.allSatisfy { kill($0, 0) != 0 || isZombie($0) } })
  }

  /// Who stood still for longer than its lease drops what it made: the result of whoever took over counts.
  @Test func aResultWithoutItsLeaseIsDropped() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("fence")
    pipeline.add("a", "number", ["value": .integer(7), "log": .string(lab.log), "seconds": .number(0.2)])
    let thief = Watcher()
    thief.onStart = {
      guard thief.starts == 1, let lease = lab.files("leases").first else { return }
      let owner = LeaseOwner(host: "elsewhere", scope: "other", process: 1, token: "thief")
      try? Data(owner.fields.bytes(kind: .lease)).write(to: URL(fileURLWithPath: lease), options: .atomic)
    }
    let start = Date()
    let summary = try lab.run(pipeline, lease: 0.6, executor: lab.workers(), progress: thief)
    #expect(thief.lines.contains { $0.contains("has taken over this node") })
    // The thief never finishes, so its lease runs out and the node runs again.
    #expect(summary.ran.map(\.node) == ["a"] && thief.starts == 2)
    #expect(Date().timeIntervalSince(start) >= 0.6)
    #expect(try lab.value(pipeline, "a") == 7)
    #expect(lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
  }

  /// What failed here and was made by another process meanwhile is no failure, nor is what waited for it.
  @Test(arguments: [true, false]) func aFailureThatAnotherProcessPutRightIsNone(_ keepGoing: Bool) throws {
    let lab = try Lab()
    let marker = lab.folder + "/marker"
    var pipeline = ToyPipeline("forgiven")
    pipeline.add("a", "number", ["value": .integer(1)])
    pipeline.add("bad", "trouble", ["until": .string(marker)], from: [("terms", ["a"])])
    pipeline.add("after", "sum", ["offset": .integer(1)], axes: [("i", [0, 1])], from: [("terms", ["bad"])])
    pipeline.add("gather", "sum", from: [("terms", ["after"]), ("more", ["a"])])
    let other = Watcher()
    other.onUpdate = {
      guard other.failures == 1, !FileManager.default.fileExists(atPath: marker) else { return }
      try? Data().write(to: URL(fileURLWithPath: marker))
      _ = try? lab.run(pipeline, ["bad"])
    }
    let summary = try lab.run(pipeline, keepGoing: keepGoing, progress: other)
    #expect(other.failures == 1)
    #expect(summary.failures.isEmpty && summary.blocked.isEmpty && summary.notStarted == 0)
    #expect(try lab.value(pipeline, "gather") == 2 + 2 + 1)
    #expect(lab.files("failures").isEmpty)
    #expect(RunHistory(cache: lab.cache).runs(of: "forgiven").contains { $0.ending == "done" })
  }
}

/// Looks on, and does something at times.
private final class Watcher: ProgressDisplay {
  var onStart: () -> Void = {}
  var onUpdate: () -> Void = {}
  private(set) var starts = 0
  private(set) var failures = 0
  private(set) var lines: [String] = []
  func begin(plan: Plan, unfinished: [NodeID]) {}
  func started(_ id: NodeID, reasons: [RunReason], threads: Int) {
    starts += 1
    onStart()
  }
  func progress(_ id: NodeID, fraction: Double, message: String) {}
  func log(_ id: NodeID, _ text: String) { lines.append(text) }
  func waits(for id: NodeID, owner: String) {}
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {}
  func cutOff(_ id: NodeID) {}
  func failed(_ id: NodeID, _ message: String) { failures += 1 }
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int) { onUpdate() }
  func end() {}
}
