// Nodes that are made again though their results are there: what is said of them, and what becomes of what stands on them.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

private let registry = StageRegistry([AsideStage.self, NumberStage.self, SumStage.self])

@Suite struct ForceTests {
  private let lab: Lab
  private var aside: String { lab.folder + "/aside" }

  init() throws { lab = try Lab() }

  /// a → sum → top, and number → other, which has nothing to do with a.
  private func pipeline() -> ToyPipeline {
    var pipeline = ToyPipeline("force")
    pipeline.add("a", "aside", ["aside": .string(aside)])
    pipeline.add("number", "number", ["value": .integer(5)])
    pipeline.add("sum", "sum", [:], from: [("terms", ["a", "number"])])
    pipeline.add("top", "sum", ["divisor": .integer(10)], from: [("terms", ["sum"])])
    pipeline.add("other", "sum", [:], from: [("terms", ["number"])])
    pipeline.setAll("log", .string(lab.log))
    return pipeline
  }

  private func set(_ number: Int?) throws {
    try Data((number.map { "\($0)\n" } ?? "").utf8).write(to: URL(fileURLWithPath: aside))
  }

  private func force(_ names: [String], wanted: [String] = []) throws -> RunSummary {
    let plan = try pipeline().plan(registry)
    let forced = names.flatMap { plan.nodes(named: $0) }
    var run = Run(
      plan: plan, keys: plan.planKeys(), cache: lab.cache, options: RunOptions(jobs: 1, memory: 1 << 30),
      executor: InlineExecutor(registry: registry), progress: NoProgress())
    let summary = try run.execute(
      wanted.isEmpty ? Array(plan.ids) : wanted.flatMap { plan.nodes(named: $0) }, forcing: forced)
    run.seal()
    return summary
  }

  private func value(_ node: String) throws -> Int {
    try toyValue(ofFile: lab.artifact(pipeline(), node, registry))
  }

  @Test func whatComesToTheSameChangesNothing() throws {
    try set(1)
    #expect(try force([]).ran.count == 5)
    let before = try lab.artifacts()
    let again = try force(["a"])
    #expect(again.ran.map(\.node) == ["a"] && again.ran[0].reasons == [.forced])
    #expect(again.madeAgain.map(\.isSame) == [true] && again.madeAgain[0].former == nil)
    // What stands on it is looked up by contents; the rest is not looked at twice.
    #expect(again.cutOff == 2 && again.fresh == 2)
    #expect(try lab.artifacts() == before)
    #expect(try force([]).fresh == 5)
    #expect(lab.files("tmp").isEmpty)
  }

  @Test func whatDiffersReachesWhatStandsOnIt() throws {
    try set(1)
    _ = try force([])
    try set(31)
    #expect(try force([]).ran.isEmpty, "the key knows nothing of it")
    let again = try force(["a"])
    #expect(again.ran.map(\.node) == ["a", "sum", "top"] && again.fresh == 2)
    let former = try #require(again.madeAgain.first?.former)
    #expect(try toyValue(ofFile: former) == 1, "the former file is there to be compared")
    #expect(try value("sum") == 36 && value("top") == 3)
    #expect(try force([]).fresh == 5)
  }

  /// Only the node itself runs, but what stands on it is not taken for up to date.
  @Test func whatIsNotWantedNowIsStaleLater() throws {
    try set(1)
    _ = try force([])
    try set(31)
    #expect(try force(["a"], wanted: ["a"]).ran.map(\.node) == ["a"])
    let plan = try pipeline().plan(registry)
    let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    let explainer = Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    let stale = plan.ids.filter { resolution.artifact($0) == nil }
    #expect(stale.map { plan[$0].name } == ["sum", "top"])
    #expect(explainer.reasons(for: stale[0]) == [.inputMadeAgain])
    #expect(try force([]).ran.map(\.node) == ["sum", "top"])
    // Back again: the old results of the old contents are still known.
    try set(1)
    let back = try force(["a"])
    #expect(back.ran.map(\.node) == ["a"] && back.cutOff == 2)
    #expect(try value("top") == 0)
  }

  @Test func aFailureLeavesTheFormerResult() throws {
    try set(1)
    _ = try force([])
    try set(nil)
    let failed = try force(["a"])
    #expect(failed.failures.map(\.node) == ["a"] && failed.blocked == ["sum", "top"])
    #expect(try force([]).fresh == 5 && value("a") == 1)
  }

  @Test func aDryRunSaysTheSame() throws {
    try set(1)
    _ = try force([])
    let plan = try pipeline().plan(registry)
    let a = plan.nodes(named: "a")
    let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache, forced: a)
    #expect(plan.ids.filter { resolution.decisions[$0.index] == .runs } == a)
    #expect(
      plan.ids.filter { resolution.decisions[$0.index] == .waits }.map { plan[$0].name } == ["sum", "top"])
    #expect(plan.downstream(of: a).map { $0 } == [true, false, true, true, false])
    #expect(plan.upstream(of: plan.nodes(named: "other")) == [false, true, false, false, true])
  }
}
