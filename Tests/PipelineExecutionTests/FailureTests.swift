// Nodes that fail, artifacts that are lost or damaged, and what happens to those that depend on them.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

/// Flips one bit of a file.
func flipBit(_ path: String, at bit: Int? = nil) throws {
  var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
  let bit = bit ?? bytes.count * 4
  bytes[bit / 8] ^= 1 << UInt8(bit % 8)
  let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  try handle.write(contentsOf: bytes)
  try handle.close()
}

@Suite struct FailureTests {
  @Test func aDeletedArtifactIsMadeAgain() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    try FileManager.default.removeItem(atPath: lab.artifact(pipeline, "total"))
    let summary = try lab.run(pipeline)
    #expect(summary.ran.map(\.node) == ["total"])
    #expect(summary.ran.first?.reasons == [.artifactMissing])
  }

  @Test func aConsumerHealsADamagedInput() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    let before = try lab.artifacts()
    try flipBit(lab.artifact(pipeline, "base"))
    #expect(try lab.run(pipeline).ran.isEmpty, "nothing needs the damaged file")
    pipeline["train"].parameters["offset"] = .integer(1)
    let summary = try lab.run(pipeline)
    #expect(summary.failures.isEmpty)
    #expect(Set(summary.ran.map(\.node)) == ["base", "train[repeat=0]", "train[repeat=1]", "total"])
    #expect(summary.ran.first { $0.node == "base" }?.reasons == [.artifactDamaged])
    let after = try lab.artifacts()
    #expect(before.allSatisfy { after[$0.key] == $0.value })
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  /// Waiting and ready consumers have counted the damaged node as done; one waits besides for another node.
  @Test func healingReachesConsumersInEveryState() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("heal")
    pipeline.add("root", "number", ["value": .integer(1)])
    pipeline.add("d", "sum", ["offset": .integer(1)], from: [("terms", ["root"])])
    try lab.run(pipeline)
    try flipBit(lab.artifact(pipeline, "d"))
    try FileManager.default.removeItem(atPath: lab.artifact(pipeline, "root"))
    pipeline.add("c", "sum", axes: [("i", Array(0..<5))], from: [("terms", ["d"])])
    for index in 0..<5 { pipeline.add("own\(index)", "number", ["value": .integer(100 + index)]) }
    for index in 0..<5 {
      pipeline.add(
        "c\(index)", "sum", ["offset": .integer(index)], from: [("terms", ["d"]), ("more", ["own\(index)"])])
    }
    pipeline.add("group", "sum", from: [("terms", ["d", "own0"])])
    pipeline.add("end", "sum", from: [("terms", ["c", "c0", "c1", "c2", "c3", "c4", "group"])])
    let summary = try lab.run(pipeline, ["end"])
    #expect(summary.failures.isEmpty && summary.blocked.isEmpty && summary.notStarted == 0)
    #expect(summary.ran.filter { $0.node == "d" }.count == 1)
    #expect(summary.ran.filter { $0.node == "root" }.count == 1)
    let c = 5 * 2
    let cs = (0..<5).map { 2 + 100 + $0 + $0 }.reduce(0, +)
    #expect(try lab.value(pipeline, "end") == c + cs + 2 + 100)
  }

  /// What heals needs a node that failed before in the same run: all that wait for it are blocked, and the
  /// run ends.
  @Test func healingThatMeetsAFailureBlocks() throws {
    let lab = try Lab()
    let marker = lab.folder + "/marker"
    try Data().write(to: URL(fileURLWithPath: marker))
    var pipeline = ToyPipeline("blocked")
    pipeline.add("bad", "trouble", ["until": .string(marker)])
    pipeline.add("e", "sum", ["offset": .integer(1)], from: [("terms", ["bad"])])
    pipeline.add("d", "sum", ["offset": .integer(2)], from: [("terms", ["e"])])
    try lab.run(pipeline)
    for node in ["bad", "e"] { try FileManager.default.removeItem(atPath: lab.artifact(pipeline, node)) }
    try flipBit(lab.artifact(pipeline, "d"))
    try FileManager.default.removeItem(atPath: marker)
    pipeline.add("c", "sum", ["offset": .integer(4)], from: [("terms", ["d"])])
    pipeline.add("f", "sum", from: [("terms", ["c"])])
    let summary = try lab.run(pipeline, ["bad", "f"], keepGoing: true)
    #expect(summary.failures.map(\.node) == ["bad"])
    #expect(Set(summary.blocked) == ["e", "d", "c", "f"])
    #expect(summary.notStarted == 0)
  }

  @Test func aFailureBlocksWhatDependsOnIt() throws {
    let lab = try Lab()
    let marker = lab.folder + "/marker"
    var pipeline = ToyPipeline("failing")
    pipeline.add("a", "number", ["value": .integer(1)])
    pipeline.add("bad", "trouble", ["until": .string(marker)], from: [("terms", ["a"])])
    pipeline.add("after", "sum", axes: [("i", [0, 1])], from: [("terms", ["bad"])])
    pipeline.add("gather", "sum", from: [("terms", ["after"])])
    pipeline.add("aside", "sum", ["offset": .integer(9)], from: [("terms", ["a"])])
    pipeline.add("aside2", "sum", ["offset": .integer(9)], from: [("terms", ["aside"])])
    let summary = try lab.run(pipeline, keepGoing: true)
    #expect(summary.failures.map(\.node) == ["bad"])
    #expect(summary.blocked == ["after[i=0]", "after[i=1]", "gather"])
    #expect(Set(summary.ran.map(\.node)) == ["a", "aside", "aside2"])

    let stopping = try lab.run(pipeline, ["bad", "gather"])
    #expect(stopping.failures.first?.failure.message == "it was told to fail")

    try Data().write(to: URL(fileURLWithPath: marker))
    let resumed = try lab.run(pipeline)
    #expect(resumed.failures.isEmpty)
    // Both of "after" do the same, and so run once.
    #expect(resumed.ran.map(\.node).first == "bad" && resumed.ran.count == 3)
    #expect(
      resumed.ran.first?.reasons == [.neverBuilt, .failedBefore(message: "it was told to fail")])
    #expect(try lab.value(pipeline, "gather") == 2)
  }

  /// Whether or not the run goes on after it, what can't run any more is told from what was not reached yet.
  @Test(arguments: [true, false]) func whatFollowsAFailureIsBlocked(_ keepGoing: Bool) throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("blocked")
    pipeline.add("bad", "trouble")
    pipeline.add("twin", "trouble")
    pipeline.add("apart", "number", ["value": .integer(2)])
    pipeline.add("next", "sum", from: [("terms", ["bad"])])
    pipeline.add(
      "afterTwin", "sum", ["offset": .integer(3)], from: [("terms", ["twin"]), ("more", ["apart"])])
    pipeline.add("gather", "sum", from: [("terms", ["next", "apart"])])
    pipeline.add("end", "sum", ["offset": .integer(1)], axes: [("i", [0, 1])], from: [("terms", ["gather"])])
    pipeline.add("later", "sum", ["offset": .integer(5)], from: [("terms", ["apart"])])
    let summary = try lab.run(pipeline, jobs: 1, keepGoing: keepGoing)
    #expect(summary.failures.count == 1)
    // Of two nodes that would do the same, one fails and the other is blocked.
    let failed = try #require(summary.failures.first).node
    let blocked = ["bad", "twin", "next", "afterTwin", "gather", "end[i=0]", "end[i=1]"].filter {
      $0 != failed
    }
    #expect(summary.blocked == blocked)
    #expect(summary.ran.count + summary.notStarted == 2)
    if keepGoing { #expect(summary.notStarted == 0) }
  }

  @Test func withoutKeepGoingNothingMoreStarts() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("stop")
    pipeline.add("bad", "trouble")
    pipeline.add("next", "number", axes: [("i", Array(0..<20))])
    let summary = try lab.run(pipeline, jobs: 1)
    #expect(summary.failures.count == 1)
    #expect(summary.ran.count + summary.fresh + summary.cutOff + summary.notStarted == 20)
    #expect(summary.notStarted > 0)
  }

  @Test func anArtifactThatIsNotWrittenIsAFailure() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("unavailable")
    pipeline.add("bad", "trouble", ["mode": .string("unavailable")])
    let summary = try lab.run(pipeline)
    #expect(summary.failures.first?.failure.kind == .unavailable)
    #expect(lab.files("tmp").isEmpty)
  }

  @Test func aCacheThatCantBeWrittenIsOneClearError() throws {
    let lab = try Lab()
    try Data().write(to: URL(fileURLWithPath: lab.cache.root))
    #expect(throws: SystemError.self) { try lab.run(study(lab)) }
  }

  /// As root permissions don't bind, so the folders that would be written are replaced by files.
  @Test func aFreshCacheNeedsNoWriting() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    for section in ["tmp", "leases", "runs"] {
      try? FileManager.default.removeItem(atPath: lab.cache.root + "/" + section)
      try Data().write(to: URL(fileURLWithPath: lab.cache.root + "/" + section))
    }
    #expect(try lab.run(pipeline).fresh == studyNodes.count)
  }

  @Test func recordsWithCutTailsReadAsAbsent() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let before = try lab.artifacts()
    for section in ["actions", "plans", "joins"] {
      for path in lab.files(section) {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in [0, 1, bytes.count / 2, bytes.count - 1] {
          try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
        }
      }
    }
    let summary = try lab.run(pipeline)
    #expect(summary.ran.count == studyNodes.count && summary.failures.isEmpty)
    #expect(try lab.artifacts() == before)
  }

  @Test func aCutLineOfTheLogDoesNotSwallowTheNext() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    let log = try lab.history()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: log))
    try bytes.dropLast(5).write(to: URL(fileURLWithPath: log))
    pipeline["base"].parameters["value"] = .integer(11)
    try lab.run(pipeline)
    pipeline["base"].parameters["value"] = .integer(12)
    let summary = try lab.run(pipeline)
    #expect(
      summary.ran.first { $0.node == "base" }?.reasons == [
        .parameterChanged(name: "value", old: "11", new: "12")
      ])
  }

  /// Another cache is of no help where a file of the user's can't be read.
  @Test(arguments: [
    ("open", EACCES, "can't open /x: Permission denied; make it readable"),
    ("stat", EACCES, "can't stat /x: Permission denied; make it readable"),
    ("create", EACCES, "can't create /x: Permission denied; make it writable or choose another --cache"),
    ("read", EIO, "can't read /x: Input/output error"),
    (
      "write", ENOSPC,
      "can't write /x: No space left on device; "
        + "free some space (pipeline cache gc) or choose another --cache, and run again"
    ),
  ]) func adviceFitsTheFailure(_ operation: String, _ code: Int32, _ words: String) {
    #expect("\(SystemError(operation, "/x", code: code))" == words)
  }
}
