// Damaged and hostile records: every reader answers or passes over, and none crashes or hangs.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct RecordFuzzTests {
  private func chain(_ lab: Lab) -> ToyPipeline {
    var pipeline = ToyPipeline("fuzz", folder: lab.folder)
    let axes = [(name: "i", values: [0, 1])]
    pipeline.add("a", "number", ["value": .integer(3)], axes: axes)
    pipeline.add("b", "sum", from: [("terms", ["a"])])
    pipeline.add("bad", "trouble", from: [("terms", ["b"])])
    return pipeline
  }

  /// All that reads a cache.
  private func readAll(_ lab: Lab, _ pipeline: ToyPipeline) throws {
    let plan = try pipeline.plan()
    let keys = plan.planKeys()
    let resolution = Resolution(plan: plan, keys: keys, cache: lab.cache)
    let explainer = Explainer(plan: plan, keys: keys, cache: lab.cache)
    for id in plan.ids where resolution.artifact(id) == nil { _ = explainer.explain(id) }
    _ = lab.cache.entries()
    _ = try lab.cache.verify()
    _ = lab.cache.garbage(CollectionPolicy(keepRuns: 2, maxSize: 1))
    for run in RunHistory(cache: lab.cache).runs() { _ = Timeline(run).svg }
  }

  @Test(arguments: ["actions", "plans", "joins", "failures", "experiments", "runs", "leases"])
  func anyBytesAreAnsweredOrPassedOver(_ section: String) throws {
    let lab = try Lab()
    let pipeline = chain(lab)
    try lab.run(pipeline, keepGoing: true)
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30)
    _ = try keeper.acquire(Digest(of: "a key".utf8))
    let files = lab.files(section)
    #expect(!files.isEmpty)
    var random = SeededGenerator(state: UInt64(section.utf8.count) << 8 | UInt64(section.utf8.first!))
    for number in 0..<150 {
      let path = files.randomElement(using: &random)!
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      var bytes = mutate(whole, &random)
      // Records end with the digest of themselves: half of the mutations bring one that fits.
      let tail = 72
      if number % 2 == 0, whole.count > tail, whole.suffix(tail).starts(with: "digest ".utf8) {
        let body = mutate(Array(whole.dropLast(tail)), &random)
        bytes = body + Array("digest \(Digest(of: body).hex)\n".utf8)
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      try readAll(lab, pipeline)
      if number % 10 == 0, section != "leases" {
        let summary = try lab.run(pipeline, keepGoing: true)
        #expect(summary.failures.map(\.node) == ["bad"], "mutation \(number)")
        #expect(try lab.value(pipeline, "b") == 6)
      }
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data(whole).write(to: URL(fileURLWithPath: path))
    }
  }

  /// A file system that was repaired may hand out one file under another's name: a record counts under its own key only.
  @Test func aRecordUnderAnotherNameIsNone() throws {
    let lab = try Lab()
    try lab.run(chain(lab), keepGoing: true)
    let records = lab.files("actions")
    #expect(records.count > 1)
    for (path, other) in zip(records, records.dropFirst() + records.prefix(1)) {
      let own = try Data(contentsOf: URL(fileURLWithPath: path))
      let key = try #require(Digest(hex: (path as NSString).lastPathComponent))
      #expect(lab.cache.artifact(action: key) != nil)
      try Data(contentsOf: URL(fileURLWithPath: other)).write(to: URL(fileURLWithPath: path))
      #expect(lab.cache.action(key) == nil && lab.cache.artifact(action: key) == nil)
      try own.write(to: URL(fileURLWithPath: path))
    }
  }
}
