// Only a cache is ever cleaned, and in it only what the cache itself can have made.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct MarkTests {
  private func write(_ path: String, daysAgo: Int = 60) throws {
    try FileManager.default.createDirectory(
      atPath: String(path[..<path.lastIndex(of: "/")!]), withIntermediateDirectories: true)
    try Data("mine\n".utf8).write(to: URL(fileURLWithPath: path))
    var times = timeval(tv_sec: time(nil) - daysAgo * 86400, tv_usec: 0)
    withUnsafePointer(to: &times) { first in
      [first.pointee, first.pointee].withUnsafeBufferPointer { _ = utimes(path, $0.baseAddress!) }
    }
  }

  /// Users' files in the places where a cache has folders, or beside them.
  static let foreign = [
    "keep.txt", "tmp/keep.txt", "tmp/1-2-3-4", "artifacts/ab/keep.txt", "artifacts/keep.h5",
    "actions/ab/notes",
    "plans/notes", "joins/x", "failures/ab/f", "experiments/data.csv", "runs/run.json", "leases/x",
    "sections/s/x",
    "features/x", "damaged/keep.txt", ".git/config",
  ]

  @Test(arguments: foreign) func aFolderWithOtherThingsIsNoCache(_ name: String) throws {
    let lab = try Lab()
    let path = lab.cache.root + "/" + name
    try write(path)
    var pipeline = ToyPipeline("p", folder: lab.folder)
    pipeline.add("a", "number")
    func refuses(_ body: () throws -> Void) {
      let error = #expect(throws: NotACache.self, "\(name)") { try body() }
      #expect(error.map { name.hasPrefix($0.found) } == true, "\(name): \(String(describing: error))")
    }
    refuses { try lab.run(pipeline) }
    refuses { _ = try lab.cache.verify() }
    refuses { _ = try CacheCollector.garbage(in: lab.cache, CollectionPolicy(olderThan: 0)) }
    #expect(lab.files() == [path], "nothing was written")
  }

  @Test func aNewOrEmptyFolderBecomesACache() throws {
    for hasFolder in [false, true] {
      let lab = try Lab()
      if hasFolder { try write(lab.cache.root + "/.gitkeep") }
      #expect(lab.cache.garbage().isEmpty)
      #expect(try lab.cache.verify().checked == 0)
      #expect(lab.files().count == (hasFolder ? 1 : 0), "who only looks leaves no mark")
      var pipeline = ToyPipeline("p", folder: lab.folder)
      pipeline.add("a", "number")
      try lab.run(pipeline)
      #expect(lab.files().contains(lab.cache.root + "/.pipeline-cache"))
    }
  }

  @Test func aCacheWithoutAMarkGetsOne() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let mark = lab.cache.root + "/.pipeline-cache"
    let text = try Data(contentsOf: URL(fileURLWithPath: mark))
    // As earlier versions left it, and as a power cut may leave it.
    for leave in [{ _ = unlink(mark) }, { _ = truncate(mark, 0) }] as [() -> Void] {
      leave()
      #expect(lab.cache.garbage().isEmpty)
      #expect(try Data(contentsOf: URL(fileURLWithPath: mark)) == text)
    }
    unlink(mark)
    try write(lab.cache.root + "/actions/ab/notes.txt")
    #expect(throws: NotACache.self) { try CacheCollector.garbage(in: lab.cache) }
  }

  @Test func whatIsForeignInACacheStays() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let paths = Self.foreign.map { lab.cache.root + "/" + $0 }
    for path in paths { try write(path) }
    for policy in [
      CollectionPolicy(olderThan: 0), CollectionPolicy(olderThan: 0, maxSize: 1),
      CollectionPolicy(olderThan: 1),
    ] {
      let garbage = lab.cache.garbage(policy)
      #expect(Set(garbage.map(\.path)).isDisjoint(with: paths))
      #expect(lab.cache.remove(garbage))
    }
    let damage = try lab.cache.verify().damage
    #expect(damage.contains { paths.contains($0.path) }, "they are named")
    let moved = zip(damage, lab.cache.setAside(damage)).filter(\.1).map(\.0.path)
    #expect(Set(moved).isDisjoint(with: paths))
    for path in paths {
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine\n".utf8), "\(path)")
    }
  }
}
