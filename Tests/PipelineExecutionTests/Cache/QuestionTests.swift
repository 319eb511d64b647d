// What a collection keeps of each pipeline: the results of its last distinct questions, whoever else has its name.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct QuestionTests {
  /// A base that no question changes, and a sum that each does.
  private func ask(_ lab: Lab, _ value: Int, folder: String = "") throws -> ToyPipeline {
    var pipeline = ToyPipeline("m", folder: lab.folder + folder)
    try FileManager.default.createDirectory(atPath: lab.folder + folder, withIntermediateDirectories: true)
    pipeline.add("base", "number", ["value": .integer(1000)])
    pipeline.add("sum", "sum", ["offset": .integer(value)], from: [("terms", ["base"])])
    try lab.run(pipeline)
    return pipeline
  }

  /// The values of the sums that a collection would leave.
  private func kept(_ lab: Lab, _ policy: CollectionPolicy) throws -> Set<Int> {
    let garbage = Set(lab.cache.garbage(policy).map(\.path))
    let values = try lab.files("artifacts").filter { !garbage.contains($0) }.map { try toyValue(ofFile: $0) }
    return Set(values.map { $0 - 1000 }).subtracting([0])
  }

  @Test func theLastQuestionsStay() throws {
    let lab = try Lab()
    for value in 1...7 { _ = try ask(lab, value) }
    #expect(try kept(lab, CollectionPolicy()) == [3, 4, 5, 6, 7])
    #expect(try kept(lab, CollectionPolicy(keepLast: 1)) == [7])
    // Asked again, an old question is the last one, although nothing has to run.
    #expect(try lab.run(ask(lab, 3)).ran.isEmpty)
    #expect(try kept(lab, CollectionPolicy(keepLast: 2)) == [3, 7])
    #expect(lab.cache.remove(lab.cache.garbage(CollectionPolicy(keepLast: 2))))
    #expect(try lab.run(ask(lab, 7)).ran.isEmpty && lab.run(ask(lab, 3)).ran.isEmpty)
    #expect(try lab.run(ask(lab, 5)).ran.isEmpty, "it was made again by the asking")
  }

  /// Against a list of what was asked.
  @Test(arguments: 0..<10) func randomQuestions(_ seed: UInt64) throws {
    let lab = try Lab()
    var random = SeededGenerator(state: seed)
    var asked: [Int] = []
    for _ in 0..<20 {
      asked.append(Int.random(in: 1...6, using: &random))
      _ = try ask(lab, asked.last!)
    }
    for count in 1...7 {
      var last: [Int] = []
      for value in asked.reversed() where !last.contains(value) && last.count < count { last.append(value) }
      #expect(try kept(lab, CollectionPolicy(keepLast: count)) == Set(last), "\(count) of \(asked)")
    }
  }

  /// Found up to date at the start, and taken before the run has noted it.
  @Test func whatACollectionTakesUnderARunIsMadeAgain() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("p", folder: lab.folder)
    pipeline.add("kept", "number", ["value": .integer(3)])
    pipeline.add("made", "number", ["value": .integer(4)])
    try lab.run(pipeline)
    let (file, made) = (try lab.artifact(pipeline, "kept"), try lab.artifact(pipeline, "made"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    try FileManager.default.removeItem(atPath: made)
    let summary = try lab.run(
      pipeline, executor: MeddlingExecutor { waits in if waits == 1 { unlink(file) } })
    #expect(summary.ran.map(\.node) == ["made", "kept"] && summary.fresh == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == whole)
  }

  @Test func pipelinesOfOneNameInTwoFoldersAreTwo() throws {
    let lab = try Lab()
    let (first, second) = (try ask(lab, 1, folder: "/a"), try ask(lab, 2, folder: "/b"))
    #expect(try kept(lab, CollectionPolicy(keepLast: 1)) == [1, 2])
    _ = try (ask(lab, 3, folder: "/b"), ask(lab, 4, folder: "/b"))
    #expect(try kept(lab, CollectionPolicy(keepLast: 1, keepRuns: 2)) == [1, 3, 4], "two runs of each")
    _ = try ask(lab, 2, folder: "/b")
    var other = second
    other["sum"].parameters["offset"] = .integer(9)
    func reasons(_ pipeline: ToyPipeline) throws -> [RunReason] {
      let plan = try pipeline.plan()
      return Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache).reasons(
        for: plan.nodes(named: "sum")[0])
    }
    #expect(try reasons(other) == [.parameterChanged(name: "offset", old: "2", new: "9")])
    other = first
    other["sum"].parameters["offset"] = .integer(9)
    #expect(try reasons(other) == [.parameterChanged(name: "offset", old: "1", new: "9")])
    other.folder = lab.folder + "/c"
    #expect(try reasons(other) == [.neverBuilt])
  }

  @Test func aProjectThatMovesWithItsCacheKeepsItsHistory() throws {
    let lab = try Lab()
    _ = try ask(lab, 1, folder: "/cache/../p")
    let moved = try Lab()
    try FileManager.default.removeItem(atPath: moved.folder)
    try FileManager.default.copyItem(atPath: lab.folder, toPath: moved.folder)
    _ = try ask(moved, 2, folder: "/p")
    #expect(try kept(moved, CollectionPolicy(keepLast: 1)) == [2], "one history")
  }

  @Test func theLogOfAnEarlierVersionIsTakenOver() throws {
    let lab = try Lab()
    let pipeline = try ask(lab, 1)
    let log = try #require(lab.files("experiments").first { $0.hasSuffix(".log") })
    let former = lab.cache.root + "/experiments/m.log"
    // Earlier versions wrote no questions.
    let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    let nodes = lines.filter { !$0.hasSuffix(" ") }.joined(separator: "\n") + "\n"
    try nodes.write(toFile: former, atomically: true, encoding: .utf8)
    for path in lab.files("experiments") where path != former {
      try FileManager.default.removeItem(atPath: path)
    }
    #expect(try kept(lab, CollectionPolicy(keepLast: 1)) == [1])
    var edited = pipeline
    edited["sum"].parameters["offset"] = .integer(2)
    let summary = try lab.run(edited)
    #expect(summary.ran[0].reasons == [.parameterChanged(name: "offset", old: "1", new: "2")])
    #expect(!FileManager.default.fileExists(atPath: former))
    #expect(try kept(lab, CollectionPolicy(keepLast: 2)) == [1, 2])
  }
}
