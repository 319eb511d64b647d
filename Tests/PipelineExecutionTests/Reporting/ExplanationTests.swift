// Explanations: root causes through several levels, joins, and members that come and go.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ExplanationTests {
  private func explain(_ lab: Lab, _ pipeline: ToyPipeline, _ node: String) throws -> (
    levels: [Explainer.Level], causes: [Explainer.Cause]
  ) {
    let plan = try pipeline.plan()
    let id = try #require(plan.nodes(named: node).first)
    return Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache).explain(id)
  }

  @Test func rootCausesAreNamedThroughLevelsAndJoins() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    #expect(try explain(lab, pipeline, "total").levels.isEmpty)
    pipeline["base"].parameters["value"] = .integer(11)
    let (levels, causes) = try explain(lab, pipeline, "total")
    #expect(levels.map(\.node) == ["total", "train[repeat=0]", "base", "train[repeat=1]"])
    #expect(levels.map(\.depth) == [0, 1, 2, 1])
    #expect(causes.map(\.node) == ["base"])
    #expect(causes.first?.reason == .parameterChanged(name: "value", old: "10", new: "11"))

    pipeline["draw"].parameters["seed"] = .integer(5)
    try Data("9\n".utf8).write(to: URL(fileURLWithPath: lab.folder + "/seven.txt"))
    let more = try explain(lab, pipeline, "total").causes
    #expect(Set(more.map(\.node)) == ["base", "draw[repeat=0]", "draw[repeat=1]", "file"])
    #expect(Set(more.map(\.reason.category)) == ["parameter changed", "file changed"])
  }

  /// The thread has a small stack: nothing may go as deep as the chain is long.
  @Test func aLongChainIsFollowedToItsRoot() throws {
    let lab = try Lab()
    let length = 10_000
    var pipeline = ToyPipeline("deep")
    pipeline.add("n0", "number", ["value": .integer(1)])
    for index in 1..<length { pipeline.add("n\(index)", "sum", from: [("terms", ["n\(index - 1)"])]) }
    try lab.run(pipeline)
    pipeline["n0"].parameters["value"] = .integer(2)
    let plan = try pipeline.plan()
    let box = Box()
    let thread = Thread {
      let found = Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache).explain(NodeID(length - 1))
      box.set(found.levels.count, found.causes.map(\.node))
    }
    thread.stackSize = 1 << 17
    thread.start()
    #expect(eventually(within: 60) { box.levels == length })
    #expect(box.causes == ["n0"])
  }

  @Test func membersThatComeAndGoAreNamed() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    for stage in ["draw", "train"] { pipeline[stage].axes[0].values = [0, 1, 2] }
    let added = try explain(lab, pipeline, "total").causes
    #expect(Set(added.map(\.node)) == ["train[repeat=2]"])
    #expect(added.map(\.reason) == [.neverBuilt])
    try lab.run(pipeline)
    for stage in ["draw", "train"] { pipeline[stage].axes[0].values = [0] }
    try lab.run(pipeline, ["train"])
    let removed = try explain(lab, pipeline, "total").causes
    #expect(removed.map(\.node) == ["total", "total"])
    #expect(removed.allSatisfy { $0.reason.description.hasSuffix("removed") })
    #expect(removed.contains { $0.reason.description.contains("train[repeat=1]") })
  }

  @Test func anExplanationWritesNothingAndStaysTrueAfterPartialRuns() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    pipeline["base"].parameters["value"] = .integer(11)
    try lab.run(pipeline, ["train"])
    let before = lab.listing()
    let (_, causes) = try explain(lab, pipeline, "total")
    #expect(causes.map(\.node) == ["base"])
    let plan = try pipeline.plan()
    let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    let total = plan.nodes(named: "total")[0]
    let standings = resolution.standings()
    #expect(standings[total.index] == .stale)
    #expect(standings.filter { $0 != .stale }.count == plan.nodes.count - 1)
    #expect(lab.listing() == before)
  }

  /// One letter, two spellings in Unicode: a key is of bytes, and so is what is said of it.
  @Test func spellingsOfOneLetterAreTwoValues() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("spelling")
    let (one, other) = ("\u{E9}", "e\u{301}")
    pipeline.add("a", "number", ["label": .string(one)])
    try lab.run(pipeline)
    pipeline["a"].parameters["label"] = .string(other)
    let plan = try pipeline.plan()
    let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    #expect(resolution.decisions == [.runs])
    let reasons = try explain(lab, pipeline, "a").causes.map(\.reason)
    guard case .parameterChanged(_, let old?, let new?)? = reasons.first, reasons.count == 1 else {
      Issue.record("\(reasons)")
      return
    }
    #expect(Array(old.utf8) == Array(Value.string(one).json.utf8))
    #expect(Array(new.utf8) == Array(Value.string(other).json.utf8))
    let summary = try lab.run(pipeline)
    #expect(summary.ran.map(\.node) == ["a"] && summary.ran.first?.reasons.count == 1)
  }

  @Test func missingAndFailedAreCauses() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    try FileManager.default.removeItem(atPath: lab.artifact(pipeline, "total"))
    #expect(try explain(lab, pipeline, "total").causes.map(\.reason) == [.artifactMissing])
    pipeline.add("bad", "trouble", from: [("terms", ["total"])])
    try lab.run(pipeline)
    #expect(
      try explain(lab, pipeline, "bad").causes.map(\.reason)
        == [.neverBuilt, .failedBefore(message: "it was told to fail")])
  }
}

private final class Box: @unchecked Sendable {
  private let lock = NSLock()
  private var found = (levels: 0, causes: [String]())
  func set(_ levels: Int, _ causes: [String]) { lock.withLock { found = (levels, causes) } }
  var levels: Int { lock.withLock { found.levels } }
  var causes: [String] { lock.withLock { found.causes } }
}
