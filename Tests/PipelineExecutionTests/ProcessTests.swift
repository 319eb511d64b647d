// Whole schedulers as processes: killed, interrupted, and side by side on one cache.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ProcessTests {
  /// The artifacts of an undisturbed run, to compare with.
  private func undisturbed(_ width: Int) throws -> [String: Data] {
    let lab = try Lab()
    try lab.run(.fan(width: width, seconds: 0, log: ""))
    return try lab.artifacts()
  }

  @Test func aKilledSchedulerLosesOnlyWhatWasRunning() throws {
    let lab = try Lab()
    let expected = try undisturbed(12)
    var random = SeededGenerator(state: 42)
    for round in 0..<6 {
      let child = try lab.startScheduler(jobs: 2, width: 12, seconds: 0.02)
      usleep(UInt32.random(in: 20_000...250_000, using: &random))
      let workers = child.descendants()
      kill(child.id, SIGKILL)
      child.wait()
      #expect(
        eventually(within: 2) { workers.allSatisfy { kill($0, 0) != 0 || isZombie($0) } }, "round \(round)")
      #expect(try lab.cache.verify().damage.isEmpty)
      for (name, bytes) in try lab.artifacts() { #expect(expected[name] == bytes, "\(name) is partial") }
    }
    let finished = Set(try lab.artifacts().keys)
    let last = try lab.startScheduler(jobs: 2, width: 12, seconds: 0)
    #expect(last.wait() == 0)
    #expect(try lab.artifacts() == expected)
    // What had been published was not made again by the last run.
    let made = lab.executions().values.reduce(0, +)
    #expect(made <= expected.count + 6 * 2 && finished.isSubset(of: expected.keys))
    // Dead processes' temporaries and leases are garbage, and nothing else is.
    let garbage = lab.cache.garbage()
    #expect(garbage.allSatisfy { $0.path.contains("/tmp/") || $0.path.contains("/leases/") })
    #expect(lab.cache.remove(garbage))
    #expect(lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
  }

  @Test func killedWorkersFailTheirNodesAndARerunCompletes() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 10, seconds: 0.1)
    #expect(eventually { lab.executions().count > 1 })
    let workers = child.descendants()
    #expect(!workers.isEmpty)
    for worker in workers { kill(worker, SIGKILL) }
    #expect(child.wait() == 1)
    #expect(child.errors.contains("signal 9"))
    #expect(lab.files("tmp").isEmpty)
    #expect(try lab.startScheduler(jobs: 2, width: 10, seconds: 0).wait() == 0)
    #expect(try lab.artifacts() == undisturbed(10))
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalInterruptsCleanly(_ signal: Int32) throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 10, seconds: 0.2)
    #expect(eventually { lab.executions().count > 1 })
    let workers = child.descendants()
    kill(child.id, signal)
    #expect(child.wait() == 130)
    #expect(workers.allSatisfy { kill($0, 0) != 0 || isZombie($0) })
    #expect(lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
    #expect(try lab.cache.verify().damage.isEmpty)
    #expect(try lab.startScheduler(jobs: 2, width: 10, seconds: 0).wait() == 0)
    #expect(try lab.artifacts() == undisturbed(10))
  }

  @Test func closedStandardStreamsDoNoHarm() throws {
    let lab = try Lab()
    let command = "\(toyWorker) run \(lab.cache.root) \(lab.log) 2 30 6 0"
    let child = try Child(["/bin/sh", "-c", "\(command) <&- >&- 2>&-"], lab.folder)
    #expect(child.wait() == 0)
    #expect(try lab.artifacts() == undisturbed(6))
    #expect(try lab.cache.verify().damage.isEmpty)
    let head = try Child(["/bin/sh", "-c", "rm -r \(lab.cache.root); \(command) 2>&1 | true"], lab.folder)
    #expect(head.wait() == 0)
    #expect(eventually { (try? lab.artifacts()) == (try? undisturbed(6)) })
  }

  @Test func schedulersSideBySideRunEachKeyOnce() throws {
    let lab = try Lab()
    let children = try (0..<3).map { _ in try lab.startScheduler(jobs: 2, width: 15, seconds: 0.03) }
    for child in children { #expect(child.wait() == 0) }
    let executions = lab.executions()
    #expect(executions.count == 1 + 15 + 15 + 1)
    #expect(executions.values.allSatisfy { $0 == 1 }, "\(executions.filter { $0.value != 1 })")
    #expect(try lab.artifacts() == undisturbed(15))
    #expect(lab.files("leases").isEmpty && lab.files("tmp").isEmpty)
  }

  @Test func theSurvivorTakesOverFromAKilledOne() throws {
    let lab = try Lab()
    let first = try lab.startScheduler(jobs: 2, lease: 30, width: 8, seconds: 0.1)
    #expect(eventually { lab.executions().count > 1 })
    let second = try lab.startScheduler(jobs: 2, lease: 30, width: 8, seconds: 0.1)
    usleep(100_000)
    kill(first.id, SIGKILL)
    first.wait()
    let start = Date()
    #expect(second.wait() == 0)
    #expect(Date().timeIntervalSince(start) < 10, "a dead owner on this host is seen at once")
    #expect(try lab.artifacts() == undisturbed(8))
    let executions = lab.executions()
    #expect(executions.values.allSatisfy { $0 <= 2 } && executions.values.filter { $0 == 2 }.count <= 2)
  }
}
