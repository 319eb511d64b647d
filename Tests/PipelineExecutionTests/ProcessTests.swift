// Whole schedulers as processes: killed, interrupted, side by side on one cache, and leases of the dead.

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

  private func plant(_ lab: Lab, _ key: Digest, host: String, scope: String, process: Int32) throws -> String
  {
    let path = lab.cache.root + "/leases/" + key.hex
    try FileManager.default.createDirectory(
      atPath: lab.cache.root + "/leases", withIntermediateDirectories: true)
    let owner = LeaseOwner(host: host, scope: scope, process: process, token: "planted")
    try Data(owner.fields.bytes(kind: .lease)).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func lone(_ lab: Lab) throws -> (ToyPipeline, Digest) {
    var pipeline = ToyPipeline("lone")
    pipeline.add("a", "number", ["log": .string(lab.log)])
    let plan = try pipeline.plan()
    var resolver = KeyResolver(plan)
    let key = resolver.actionKey(of: NodeID(0))
    return (pipeline, try #require(key))
  }

  @Test func aSilentLeaseOfAnotherHostLastsItsTime() throws {
    let lab = try Lab()
    let (pipeline, key) = try lone(lab)
    // The process number exists here, and means nothing: it is another host's.
    _ = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    let start = Date()
    let summary = try lab.run(pipeline, lease: 0.6)
    let waited = Date().timeIntervalSince(start)
    #expect(summary.ran.count == 1)
    #expect(waited >= 0.6 && waited < 3)
    #expect(lab.files("leases").isEmpty)
  }

  @Test func aLeaseThatIsRenewedIsRespected() throws {
    let lab = try Lab()
    let (pipeline, key) = try lone(lab)
    let path = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    let renewer = Thread {
      for step in 0..<10 {
        usleep(150_000)
        // A clock that is minutes wrong does no harm, as long as it goes on.
        let past = Date().addingTimeInterval(-600 + Double(step))
        try? FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
      }
    }
    renewer.start()
    let start = Date()
    let summary = try lab.run(pipeline, lease: 0.5)
    #expect(summary.ran.count == 1)
    #expect(Date().timeIntervalSince(start) >= 1.5)
  }

  @Test func aDeadLeaseOfThisHostIsTakenOverAtOnce() throws {
    let lab = try Lab()
    let (pipeline, key) = try lone(lab)
    let dead = try Child(["/bin/true"], lab.folder)
    dead.wait()
    _ = try plant(lab, key, host: "any", scope: LeaseOwner.ownScope, process: dead.id)
    let start = Date()
    #expect(try lab.run(pipeline).ran.count == 1)
    #expect(Date().timeIntervalSince(start) < 2)
    #expect(lab.files("leases").isEmpty)
  }

  /// Hosts whose clocks are minutes apart, and one whose clock runs at another speed: only durations count.
  @Test func clocksNeedNotAgree() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let key = Digest(of: "shared".utf8)
    let path = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    let clock = Clock(600)
    var watcher = LeaseKeeper(cache: lab.cache, duration: 30) { clock.time }
    func isHeld() throws -> Bool {
      if case .held = try watcher.acquire(key) { return true }
      return false
    }
    // The owner's clock is ten minutes behind and its renewals come every 10 s: never dead.
    for step in 0..<20 {
      let theirs = Date(timeIntervalSince1970: 1_000_000 + 10 * Double(step))
      try FileManager.default.setAttributes([.modificationDate: theirs], ofItemAtPath: path)
      clock.time += 10
      #expect(try isHeld())
      let isFree = watcher.isFree(key)
      #expect(!isFree)
    }
    // Nor is it when it is silent for no more than a lease.
    clock.time += 29
    #expect(try isHeld())
    clock.time += 2
    let isFree = watcher.isFree(key)
    #expect(isFree)
    #expect(try !isHeld())
    watcher.releaseAll()
    #expect(lab.files("leases").isEmpty && lab.files("tmp").isEmpty)
  }

  /// FAT and some network file systems have no hard links: exclusive creation takes their place.
  @Test(arguments: [EPERM, EOPNOTSUPP]) func leasesWorkWithoutHardLinks(_ reason: Int32) throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let noLinks: @Sendable (String, String) -> Int32 = { _, _ in
      errno = reason
      return -1
    }
    let key = Digest(of: "shared".utf8)
    var first = LeaseKeeper(cache: lab.cache, duration: 30, link: noLinks)
    var second = LeaseKeeper(cache: lab.cache, duration: 30, link: noLinks)
    func takes(_ keeper: inout LeaseKeeper) throws -> Bool {
      if case .acquired = try keeper.acquire(key) { return true }
      return false
    }
    #expect(try takes(&first) && takes(&first))
    #expect(try !takes(&second))
    first.release(key)
    #expect(try takes(&second))
    second.release(key)
    // A dead one is taken over by one of many.
    let dead = try Child(["/bin/true"], lab.folder)
    dead.wait()
    _ = try plant(lab, key, host: "any", scope: LeaseOwner.ownScope, process: dead.id)
    let winners = Winners()
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      var keeper = LeaseKeeper(cache: lab.cache, duration: 30, link: noLinks)
      if case .acquired? = try? keeper.acquire(key) { winners.add() }
    }
    #expect(winners.count == 1)
    first.releaseAll()
    second.releaseAll()
  }

  /// A process that died while it took over a lease leaves its claim; the next one passes over it in time.
  @Test func aClaimThatWasLeftBehindIsNoObstacle() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let key = Digest(of: "shared".utf8)
    let path = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    try FileManager.default.copyItem(atPath: path, toPath: path + ".planted")
    let clock = Clock(0)
    var watcher = LeaseKeeper(cache: lab.cache, duration: 30) { clock.time }
    var acquired = false
    for _ in 0..<20 where !acquired {
      if case .acquired = try watcher.acquire(key) { acquired = true }
      clock.time += 10
    }
    #expect(acquired)
    #expect(lab.files("leases").count == 1)
  }

  /// Many takers of one dead lease: one gets it.
  @Test func oneOfManyTakersGetsADeadLease() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let dead = try Child(["/bin/true"], lab.folder)
    dead.wait()
    for round in 0..<40 {
      let key = Digest(of: "round \(round)".utf8)
      _ = try plant(lab, key, host: "any", scope: LeaseOwner.ownScope, process: dead.id)
      let winners = Winners()
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        var keeper = LeaseKeeper(cache: lab.cache, duration: 30)
        if case .acquired? = try? keeper.acquire(key) { winners.add() }
      }
      #expect(winners.count == 1, "round \(round)")
    }
  }
}

private final class Winners: @unchecked Sendable {
  private let lock = NSLock()
  private var number = 0
  func add() { lock.withLock { number += 1 } }
  var count: Int { lock.withLock { number } }
}

private final class Clock: @unchecked Sendable {
  private let lock = NSLock()
  private var now: Double
  init(_ now: Double) { self.now = now }
  var time: Double {
    get { lock.withLock { now } }
    set { lock.withLock { now = newValue } }
  }
}
