// Caches that have two results of one key: each keeps its own, and nothing that was made of the one gets beside the other.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

private let registry = StageRegistry([AsideStage.self, NumberStage.self, SumStage.self])

@Suite struct DifferingResultTests {
  /// a → b → c and a → d by a join with e, which stands on nothing.
  private func pipeline(_ lab: Lab) -> ToyPipeline {
    var pipeline = ToyPipeline("differing")
    pipeline.add("a", "aside", ["aside": .string(lab.folder + "/aside")])
    pipeline.add("e", "number", ["value": .integer(5)])
    pipeline.add("b", "sum", from: [("terms", ["a"])])
    // Without an offset it would be the work of b once more.
    pipeline.add("c", "sum", ["offset": .integer(100)], from: [("terms", ["b"])])
    pipeline.add("d", "sum", from: [("terms", ["a", "e"])])
    pipeline.setAll("log", .string(lab.log))
    return pipeline
  }

  /// A cache in which nodes (all, unless named) were made while a had a value. All values have the same length.
  private func lab(_ value: Int, _ nodes: [String] = []) throws -> Lab {
    let lab = try Lab()
    try Data("\(value)\n".utf8).write(to: URL(fileURLWithPath: lab.folder + "/aside"))
    try lab.run(pipeline(lab), nodes, registry: registry)
    return lab
  }

  private func keys(_ lab: Lab) throws -> [Digest] { try pipeline(lab).plan(registry).planKeys().nodes }

  private func push(_ lab: Lab, _ remote: String) throws -> TransferSummary {
    var transfer = try CacheTransfer(lab.cache, RemoteAddress(remote)!, sends: true)
    try transfer.push(keys(lab))
    return transfer.summary
  }

  private func pull(_ lab: Lab, _ remote: String) throws -> TransferSummary {
    var transfer = try CacheTransfer(lab.cache, RemoteAddress(remote)!)
    try transfer.pull(transfer.remoteKeys)
    return transfer.summary
  }

  private func number(_ lab: Lab, _ node: String) throws -> Int {
    try toyValue(ofFile: lab.artifact(pipeline(lab), node, registry))
  }

  /// Every file of a cache that travels, with its bytes.
  private func content(_ root: String) throws -> [String: Data] {
    var content: [String: Data] = [:]
    for name in FileManager.default.subpaths(atPath: root) ?? [] where name.contains("/") {
      content[name] = try? Data(contentsOf: URL(fileURLWithPath: root + "/" + name))
    }
    return content
  }

  @Test func aPushLeavesARemoteWithOtherBytesAsItIs() throws {
    let (first, second) = (try lab(11), try lab(22))
    let remote = first.folder + "/remote"
    #expect(try push(first, remote).copied == 5)
    let before = try content(remote)
    let summary = try push(second, remote)
    // e is the same; a differs, and nothing that stands on it is sent.
    #expect(summary.copied == 0 && summary.present == 1 && summary.differs)
    #expect(summary.refused.count == 1)
    let refusal = try #require(summary.refused.first)
    #expect(refusal.hasPrefix("a: ") && refusal.contains("another result"), "\(refusal)")
    #expect(try content(remote) == before)
    #expect(try CacheStore(root: remote).verify().damage.isEmpty)
    // The first is at home there, now as before.
    #expect(try push(first, remote).refused.isEmpty)
    let third = try lab(11, ["e"])
    #expect(try pull(third, remote).copied == 4)
    #expect(try third.run(pipeline(third), registry: registry).fresh == 5)
    #expect(try number(third, "c") == 111 && number(third, "d") == 16)
  }

  @Test func whatStandsOnADifferingResultDoesNotArriveAsFresh() throws {
    let (first, second) = (try lab(11, ["a"]), try lab(22))
    let remote = first.folder + "/remote"
    #expect(try push(first, remote).copied == 1)
    let summary = try push(second, remote)
    #expect(summary.copied == 1 && summary.present == 0, "e has nothing to do with a")
    #expect(
      summary.refused.count == 1 && summary.refused[0].hasPrefix("a: ")
        && summary.refused[0].hasSuffix(": b, c, d"), "\(summary.refused)")
    #expect(try CacheStore(root: remote).verify().damage.isEmpty)
    // Whoever takes the remote as a cache makes b, c and d of the a that is there.
    try FileManager.default.removeItem(atPath: first.cache.root)
    try FileManager.default.moveItem(atPath: remote, toPath: first.cache.root)
    let run = try first.run(pipeline(first), registry: registry)
    #expect(run.fresh == 2 && Set(run.ran.map(\.node)) == ["b", "c", "d"])
    #expect(try number(first, "c") == 111 && number(first, "d") == 16)
  }

  @Test func aPullTakesNothingThatStandsOnOtherBytesThanAreHere() throws {
    let (first, second) = (try lab(11), try lab(22, ["a"]))
    let remote = first.folder + "/remote"
    _ = try push(first, remote)
    let summary = try pull(second, remote)
    #expect(summary.copied == 1 && summary.present == 1 && summary.differs)
    #expect(
      summary.refused.count == 1 && summary.refused[0].hasPrefix("a: ")
        && summary.refused[0].hasSuffix(": b, c, d"), "\(summary.refused)")
    let run = try second.run(pipeline(second), registry: registry)
    #expect(run.fresh == 2 && Set(run.ran.map(\.node)) == ["b", "c", "d"])
    #expect(try number(second, "c") == 122 && number(second, "d") == 27)
    #expect(try second.cache.verify().damage.isEmpty)
  }

  @Test func aRunThatPullsMakesWhatDoesNotFit() throws {
    let (first, second) = (try lab(11), try lab(22, ["a"]))
    let remote = first.folder + "/remote"
    _ = try push(first, remote)
    let plan = try pipeline(second).plan(registry)
    var transfer = try CacheTransfer(second.cache, RemoteAddress(remote)!)
    try transfer.pull(for: plan.nodes(named: "c"), of: plan, plan.planKeys())
    #expect(transfer.summary.copied == 0 && transfer.summary.differs)
    try second.run(pipeline(second), ["c"], registry: registry)
    #expect(try number(second, "c") == 122)
    // What stands on nothing that is here fits, whatever else is there.
    let third = try lab(22, ["e"])
    var other = try CacheTransfer(third.cache, RemoteAddress(remote)!)
    try other.pull(for: plan.nodes(named: "d"), of: plan, plan.planKeys())
    #expect(other.summary.copied == 1 && !other.summary.differs)
    #expect(try number(third, "d") == 16)
  }

  @Test func whatWasMadeOfALostResultDoesNotStayFreshBesideAnother() throws {
    let (first, second) = (try lab(11, ["a"]), try lab(22, ["b"]))
    let remote = first.folder + "/remote"
    _ = try push(first, remote)
    try FileManager.default.removeItem(atPath: second.artifact(pipeline(second), "a", registry))
    let summary = try pull(second, remote)
    #expect(summary.copied == 1 && summary.refused.isEmpty)
    try second.run(pipeline(second), ["b"], registry: registry)
    #expect(try number(second, "b") == number(second, "a"))
  }

  /// A cache with 11 for a that has lost its plan records of a, b and d.
  private func giver() throws -> Lab {
    let lab = try lab(11)
    let plan = try pipeline(lab).plan(registry)
    for node in ["a", "b", "d"] {
      let key = plan.planKeys()[plan.nodes(named: node)[0]].hex
      for path in lab.files("plans") where path.hasSuffix(key) {
        try FileManager.default.removeItem(atPath: path)
      }
    }
    return lab
  }

  @Test func whereTheGiverKnowsNothingOfAnInputTheActionKeyDecides() throws {
    let first = try giver()
    #expect(first.files("plans").count == 2)
    let remote = first.folder + "/remote"
    #expect(try push(first, remote).copied == 2)
    let second = try lab(22, ["b"])
    let refused = try pull(second, remote)
    #expect(refused.copied == 1 && refused.differs, "\(refused.refused)")
    #expect(try second.run(pipeline(second), ["c"], registry: registry).ran.map(\.node) == ["c"])
    #expect(try number(second, "c") == 122)
    let third = try lab(11, ["b"])
    let taken = try pull(third, remote)
    #expect(taken.copied == 2 && !taken.differs, "\(taken.refused)")
    #expect(try third.run(pipeline(third), ["c"], registry: registry).ran.isEmpty)
    // The same the other way.
    let other = second.folder + "/other"
    #expect(try push(second, other).copied == 4)
    let sent = try push(first, other)
    #expect(sent.copied == 0 && sent.differs, "\(sent.refused)")
  }

  @Test func aRecordOnTheRemoteThatIsDamagedIsSentAnew() throws {
    let first = try lab(11)
    let remote = first.folder + "/remote"
    _ = try push(first, remote)
    let names = try content(remote).keys.filter { $0.hasPrefix("plans/") }
    #expect(names.count == 5)
    for name in names {
      var bytes = try Data(contentsOf: URL(fileURLWithPath: remote + "/" + name))
      bytes[bytes.count / 2] ^= 8
      // Over ssh and in folders records may be read-only.
      try FileManager.default.removeItem(atPath: remote + "/" + name)
      try bytes.write(to: URL(fileURLWithPath: remote + "/" + name))
    }
    #expect(try push(first, remote).refused.isEmpty)
    #expect(try CacheStore(root: remote).verify().damage.isEmpty)
  }

  @Test func aClosureWithAnotherResultIsRefusedWithItsReason() throws {
    let (first, second) = (try lab(11), try lab(22, ["a"]))
    let plan = try pipeline(first).plan(registry)
    let keys = plan.planKeys()
    let path = first.folder + "/closure"
    _ = try ClosureWriter.write(
      plan.ids.map { (name: plan[$0].name, key: keys[$0]) }, of: plan.name, in: first.cache, to: path)
    let before = try content(second.cache.root)
    var text = "it was taken"
    do { _ = try ClosureReader.take(path, into: second.cache) } catch { text = "\(error)" }
    #expect(text.contains("another result of a than") && text.contains("--cache"), "\(text)")
    #expect(text.contains("nothing of it was taken"))
    #expect(try content(second.cache.root) == before)
    // Beside results that are the same it is taken.
    let third = try lab(22, ["e"])
    #expect(try ClosureReader.take(path, into: third.cache).taken == 4)
    #expect(try third.run(pipeline(third), registry: registry).fresh == 5)
  }
}
