// What can't be read is not taken for what is not there: a collection and an audit do nothing then, and say what it is.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct UnreadableTests {
  private func pipeline(_ name: String, _ lab: Lab) -> ToyPipeline {
    var pipeline = ToyPipeline(name, folder: lab.folder)
    pipeline.add("a", "number", ["value": .integer(3)])
    pipeline.add("b", "sum", from: [("terms", ["a"])])
    return pipeline
  }

  /// Puts a link that leads to itself in the place of a file or a folder: nobody can read that, not even root.
  private func spoil(_ path: String) throws {
    try FileManager.default.moveItem(atPath: path, toPath: path + ".aside")
    #expect(symlink(path, path) == 0)
  }

  private func mend(_ path: String) throws {
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: path + ".aside", toPath: path)
  }

  private func refuses(_ path: String, _ body: () throws -> Void) {
    #expect {
      try body()
    } throws: { error in
      guard let error = error as? UnreadableCache else { return false }
      return error.failures.contains { $0.path.hasPrefix(path) } && "\(error)".contains("nothing was removed")
    }
  }

  @Test func aCollectionRemovesNothingThatItCantJudge() throws {
    let lab = try Lab()
    try lab.run(pipeline("mine", lab))
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30)
    _ = try keeper.acquire(Digest(of: "a key".utf8))
    let before = lab.files()
    let policy = CollectionPolicy(olderThan: 0)
    #expect(try CacheCollector.garbage(in: lab.cache, policy).isEmpty)
    let root = lab.cache.root
    let log = try lab.history()
    let lease = try #require(lab.files("leases").first { $0.hasSuffix(Digest(of: "a key".utf8).hex) })
    for path in [log, lab.files("plans")[0], lease]
      + ["experiments", "plans", "leases", "tmp"].map({ root + "/" + $0 })
    {
      try spoil(path)
      refuses(path) { _ = try CacheCollector.garbage(in: lab.cache, policy) }
      try mend(path)
    }
    #expect(lab.files() == before)
    #expect(try CacheCollector.garbage(in: lab.cache, policy).isEmpty)
  }

  /// A file that its owner alone can read is no damage, and is not moved.
  @Test func anAuditMovesNothingThatItCantRead() throws {
    let lab = try Lab()
    let mine = pipeline("mine", lab)
    try lab.run(mine)
    for path in [
      try lab.artifact(mine, "b"), lab.files("actions")[0], lab.files("plans")[0], try lab.history(),
    ] {
      try spoil(path)
      refuses(path) { _ = try CacheAudit(lab.cache) }
      try mend(path)
    }
    #expect(try lab.cache.verify().damage.isEmpty && lab.run(mine).ran.isEmpty)
  }

  @Test func whatCouldNotBeRemovedIsTold() throws {
    let lab = try Lab()
    try lab.run(pipeline("mine", lab))
    for name in ["experiments", "runs"] {
      try FileManager.default.removeItem(atPath: lab.cache.root + "/" + name)
    }
    var garbage = try CacheCollector.garbage(in: lab.cache, CollectionPolicy(olderThan: 0))
    #expect(garbage.count > 2, "without logs nothing refers to anything")
    // Nobody can remove this one.
    garbage[1].path = "/proc/self/status"
    let removed = CacheCollector.remove(garbage, from: lab.cache)
    #expect(removed.count == garbage.count && removed.enumerated().allSatisfy { $1 == ($0 != 1) })
  }
}
