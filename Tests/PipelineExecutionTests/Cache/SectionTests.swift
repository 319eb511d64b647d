// Sections of the cache: stages keep what they like, and the engine looks after it without knowing what it is.

import Foundation
import PipelineCore
import PipelineExecution
import Synchronization
import Testing
import ToyStages

@Suite struct SectionTests {
  /// Squares of 0 … `count` - 1, by nodes of a label.
  private func squares(_ lab: Lab, _ label: String, count: Int = 1, seconds: Double = 0) -> ToyPipeline {
    var pipeline = ToyPipeline("squares-\(label)", folder: lab.folder)
    for value in 0..<count {
      pipeline.add("square\(value)", "memory", ["value": .integer(value)])
    }
    for (name, value) in [
      ("label", .string(label)), ("log", .string(lab.log)), ("seconds", .number(seconds)),
    ] as [(String, Value)] { pipeline.setAll(name, value) }
    return pipeline
  }

  private func section(_ lab: Lab) -> any CacheSection { lab.cache.section("squares", of: ["toy", "1"]) }

  private func computed(_ lab: Lab) -> Int { lab.executions().values.reduce(0, +) }

  @Test func whatOneNodeKeepsAnotherFinds() throws {
    let lab = try Lab()
    try lab.run(squares(lab, "a", count: 5))
    #expect(computed(lab) == 5 && section(lab).names().count == 5)
    let other = squares(lab, "b", count: 5)
    #expect(try lab.run(other).ran.count == 5)
    #expect(computed(lab) == 5, "another node's work was not found")
    #expect(try lab.value(other, "square4") == 16)
    #expect(lab.cache.section("squares", of: ["toy1", ""]).names().isEmpty, "identities are apart")
  }

  @Test func processesDivideTheWork() throws {
    let lab = try Lab()
    var both = squares(lab, "a", count: 3, seconds: 0.2)
    for value in 0..<3 {
      both.add(
        "again\(value)", "memory",
        ["value": .integer(value), "label": .string("b"), "log": .string(lab.log), "seconds": .number(0.2)])
    }
    let pool = lab.workers()
    #expect(try lab.run(both, jobs: 6, executor: pool).ran.count == 6)
    #expect(lab.executions().values.allSatisfy { $0 == 1 })
    #expect(lab.files("sections").count == 3, "locks are gone")
  }

  @Test func aLockIsHeldByOneAtATime() throws {
    let lab = try Lab()
    let inside = Atomic(0)
    let section = section(lab)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<200 {
        let done = try? section.withLock("x", waits: true) {
          #expect(inside.add(1, ordering: .relaxed).newValue == 1)
          inside.subtract(1, ordering: .relaxed)
        }
        #expect(done == true)
      }
    }
    var second: Bool?
    #expect(try section.withLock("x", waits: true) { second = try section.withLock("x", waits: false) {} })
    #expect(second == false, "two hold it")
  }

  @Test func damageIsFoundAndComputedAnew() throws {
    let lab = try Lab()
    try lab.run(squares(lab, "a", count: 4))
    for (number, path) in lab.files("sections").enumerated() {
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      if number % 2 == 0 { try flipBit(path, at: number * 40 % (8 * whole.count)) }
      if number % 2 == 1 { try whole.dropLast(1).write(to: URL(fileURLWithPath: path)) }
      let damage = try lab.cache.verify().damage
      #expect(damage.map(\.path) == [path] && damage[0].isReplaceable)
      #expect(section(lab).names().count == 4 && section(lab).read("\(number).square") == nil)
      if number < 2 {
        #expect(lab.cache.setAside(damage) == [true])
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
      #expect(try lab.cache.verify().damage.isEmpty)
      #expect(try lab.run(squares(lab, "b\(number)", count: 4)).ran.count == 4)
      #expect(computed(lab) == 5 + number, "the damaged one, and no other")
    }
    #expect(lab.files("damaged").count == 2)
    #expect(lab.cache.remove(lab.cache.garbage()) && lab.files("damaged").isEmpty)
    #expect(section(lab).names().count == 4, "a collection by reference takes no entries")
  }

  /// Writes entries that served last 3, 2 and 1 days ago, and what a killed process left.
  private func writeOldEntries(_ lab: Lab) throws -> [String] {
    for days in 1...3 { try section(lab).write([UInt8](repeating: UInt8(days), count: 968), as: "\(days)") }
    let folder = String(lab.files("sections")[0].dropLast(2))
    try Data([1]).write(to: URL(fileURLWithPath: folder + "/2.lock"))
    let paths = [3, 2, 1].map { "\(folder)/\($0)" } + [folder + "/2.lock"]
    for (path, days) in zip(paths, [3, 2, 1, 2]) {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: Double(-86400 * days))], ofItemAtPath: path)
    }
    return paths
  }

  @Test func entriesGoByAgeAndSize() throws {
    let lab = try Lab()
    let paths = try writeOldEntries(lab)
    func taken(_ policy: CollectionPolicy) -> [String] { lab.cache.garbage(policy).map(\.path).sorted() }
    #expect(taken(CollectionPolicy()) == [paths[3]])
    #expect(taken(CollectionPolicy(olderThan: 1.5 * 86400)) == [paths[3], paths[1], paths[0]].sorted())
    #expect(taken(CollectionPolicy(maxSize: 3000)) == [paths[3]])
    #expect(taken(CollectionPolicy(maxSize: 2000)) == [paths[0], paths[3]].sorted())
    #expect(taken(CollectionPolicy(maxSize: 1)) == paths.sorted())
    section(lab).markUsed("3")
    #expect(taken(CollectionPolicy(olderThan: 1.5 * 86400)) == [paths[3], paths[1]].sorted(), "3 has served")
    #expect(lab.cache.sizes().first { $0.folder == "sections/squares" }?.files == 4)
  }

  @Test func sectionsOfEarlierVersionsStayOfUse() throws {
    let lab = try Lab()
    let old = lab.cache.section("features", of: ["x"])
    try old.write([1, 2, 3], as: "0-1-ab.shard")
    try FileManager.default.moveItem(
      atPath: lab.cache.root + "/sections/features", toPath: lab.cache.root + "/features")
    #expect(old.names().isEmpty)
    try lab.run(squares(lab, "a"))
    #expect(old.read("0-1-ab.shard") == [1, 2, 3])
  }
}
