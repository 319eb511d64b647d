// A process that was stopped for longer than a lease lasts does not publish over what another has made.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Synchronization
import Testing
import ToyStages

@Suite struct LostLeaseTests {
  /// The lease of a process on another host, in the place of ours.
  private func plant(_ lab: Lab, _ key: Digest) throws -> String {
    let path = lab.cache.root + "/leases/" + key.hex
    let owner = LeaseOwner(host: "elsewhere", scope: "s", process: 1, token: "planted")
    try Data(owner.fields.bytes(kind: .lease)).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func aLostLeaseIsNeitherRenewedNorReleased() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let key = Digest(of: "a key".utf8)
    let clock = Mutex(0.0)
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30, clock: { clock.withLock { $0 } })
    guard case .acquired = try keeper.acquire(key) else { Issue.record("the lease is free"); return }
    #expect(keeper.holds(key))
    let path = lab.cache.root + "/leases/" + key.hex
    let old = Date(timeIntervalSinceNow: -1000)
    func age() throws {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
    }
    func isRenewed() throws -> Bool {
      let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      return try #require(date).timeIntervalSince(old) > 500
    }
    // Each third of its time, and not before.
    try age()
    clock.withLock { $0 = 9 }
    keeper.renew()
    #expect(try !isRenewed())
    clock.withLock { $0 = 11 }
    keeper.renew()
    #expect(try isRenewed())
    unlink(path)
    _ = try plant(lab, key)
    try age()
    clock.withLock { $0 = 60 }
    keeper.renew()
    #expect(try !isRenewed() && !keeper.holds(key))
    keeper.releaseAll()
    #expect(FileManager.default.fileExists(atPath: path), "it is another's")
  }

  /// Between the look at the cache and the lease, another process may have made the node.
  @Test func whatAnotherHasMadeMeanwhileIsNotMadeAgain() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("two")
    // The first has the longer way before it, and there is one core.
    pipeline.add("first", "number", ["value": .integer(1)])
    pipeline.add("last", "sum", from: [("terms", ["first"])])
    pipeline.add("second", "number", ["value": .integer(2)])
    pipeline.setAll("log", .string(lab.log))
    var other = ToyPipeline("other")
    other.add("second", "number", ["value": .integer(2), "log": .string(lab.log)])
    let executor = MeddlingExecutor { waits in
      if waits == 1 {
        #expect(lab.executions() == ["first": 1], "the other is ready and not begun")
        let summary = try lab.run(other)
        #expect(summary.ran.count == 1)
      }
    }
    let summary = try lab.run(pipeline, jobs: 1, executor: executor)
    #expect(Set(summary.ran.map(\.node)) == ["first", "last"] && summary.cutOff == 1)
    #expect(lab.executions()["second"] == 1)
    #expect(lab.files("leases").isEmpty)
  }

  /// Whether the other process is done when this one goes on, or a little later.
  @Test(arguments: [true, false]) func whoLostTheLeaseDropsItsResult(_ isDone: Bool) throws {
    let (lab, other) = (try Lab(), try Lab())
    var pipeline = ToyPipeline("lone")
    pipeline.add("a", "number")
    var resolver = KeyResolver(try pipeline.plan())
    let known = resolver.actionKey(of: NodeID(0))
    let key = try #require(known)
    try other.run(pipeline)
    var lease = ""
    // The other's result, in the place where ours would go.
    func publishOther() throws {
      unlink(lease)
      for section in ["artifacts", "actions"] {
        let file = try #require(other.files(section).first)
        let target = lab.cache.root + file.dropFirst(other.cache.root.count)
        try FileManager.default.createDirectory(
          atPath: String(target[..<target.lastIndex(of: "/")!]), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: file, toPath: target)
      }
    }
    let executor = MeddlingExecutor { waits in
      if waits == 1 {
        // Not in place: the name is one of the run's own file.
        unlink(lab.cache.root + "/leases/" + key.hex)
        lease = try self.plant(lab, key)
      }
      if waits == (isDone ? 1 : 3) { try publishOther() }
    }
    let summary = try lab.run(pipeline, executor: executor)
    #expect(summary.ran.isEmpty && summary.cutOff == 1)
    #expect(lab.files("tmp").isEmpty && lab.files("leases").isEmpty)
    let (ours, theirs) = (lab.files("actions")[0], other.files("actions")[0])
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: ours)) == Data(contentsOf: URL(fileURLWithPath: theirs)))
    #expect(try lab.cache.verify().damage.isEmpty)
  }
}
