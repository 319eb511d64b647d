// One key, one owner: leases that are taken, renewed, lost and taken over.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct LeaseTests {
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

  /// A process number says nothing on another host, and so nothing if no process has it here.
  @Test func aDeadNumberOfAnotherHostIsNoDeadOwner() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let key = Digest(of: "shared".utf8)
    let dead = try Child(["/bin/true"], lab.folder)
    dead.wait()
    let path = try plant(lab, key, host: "elsewhere", scope: "other", process: dead.id)
    var watcher = LeaseKeeper(cache: lab.cache, duration: 30) { 0 }
    guard case .held(let owner) = try watcher.acquire(key) else {
      Issue.record("it took the lease of a process that it can't see")
      return
    }
    let planted = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(owner.fields.bytes(kind: .lease).elementsEqual(planted))
    watcher.releaseAll()
    #expect(lab.files("leases") == [path])
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

  private func modified(_ path: String) throws -> Date {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
  }

  /// A lease that is renewed too late is taken over, and long nodes run twice.
  @Test func aLeaseIsRenewedInTime() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let clock = Clock(0)
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30) { clock.time }
    let key = Digest(of: "mine".utf8)
    _ = try keeper.acquire(key)
    let path = try #require(lab.files("leases").first)
    let past = Date(timeIntervalSince1970: 1_000_000)
    for _ in 0..<20 {
      try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
      // Ten seconds and a bit: a third of the duration has passed, and a watcher's patience has not.
      for _ in 0..<11 {
        clock.time += 1
        keeper.renew()
      }
      #expect(try modified(path) > past)
    }
    keeper.releaseAll()
  }

  /// Between the look at a dead lease and the take-over, another process may have been quicker.
  @Test func aLiveLeaseIsNotStolen() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let key = Digest(of: "shared".utf8)
    let path = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    let live = Data(
      LeaseOwner(host: "third", scope: "another", process: 1, token: "quicker").fields.bytes(kind: .lease))
    let clock = Clock(0)
    var watcher = LeaseKeeper(
      cache: lab.cache, duration: 30, clock: { clock.time },
      link: { source, target in
        if target.hasSuffix(".planted") { try? live.write(to: URL(fileURLWithPath: path), options: .atomic) }
        return link(source, target)
      })
    for step in 0..<2 {
      clock.time = Double(step) * 31
      guard case .held = try watcher.acquire(key) else {
        Issue.record("it took a lease that another process holds")
        break
      }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == live)
    #expect(lab.files("leases").count == 1, "no claim is left")
  }

  /// Whoever lost a lease neither renews nor releases that of its successor.
  @Test func aLostLeaseIsLeftAlone() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let clock = Clock(0)
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30) { clock.time }
    let key = Digest(of: "lost".utf8)
    _ = try keeper.acquire(key)
    #expect(keeper.holds(key))
    let path = try #require(lab.files("leases").first)
    try FileManager.default.removeItem(atPath: path)
    #expect(!keeper.holds(key), "it may have been taken over and released already")
    _ = try plant(lab, key, host: "elsewhere", scope: "other", process: 1)
    #expect(!keeper.holds(key))
    let past = Date(timeIntervalSince1970: 1_000_000)
    try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
    clock.time += 20
    keeper.renew()
    #expect(try modified(path) == past)
    keeper.release(key)
    #expect(lab.files("leases") == [path])
    keeper.releaseAll()
    #expect(lab.files("leases") == [path] && lab.files("tmp").isEmpty)
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
