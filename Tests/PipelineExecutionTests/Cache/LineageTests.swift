// A result with other content under the same key: nothing that stands on it counts as up to date, wherever it was made.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

/// The sum of its inputs and of a number in a file that its key knows nothing of.
private enum DriftStage: Stage {
  static let aside = Parameter("aside", .string, changesResult: false, "the file")
  static let declaration = StageDeclaration(
    name: "drift", version: 1, summary: "a number that is in no key", parameters: [aside],
    inputs: [InputDeclaration("terms", accepts: [], .many, "numbers")], fileExtension: "txt")
  static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let terms = try task.inputs.values.joined().map { try toyValue(ofFile: $0.path) }.reduce(0, +)
    let text = "\(terms + (try toyValue(ofFile: task.parameters[aside])))\n"
    try text.write(toFile: task.output, atomically: true, encoding: .utf8)
    return Digest(of: text.utf8)
  }
}

private let types: [any Stage.Type] = [DriftStage.self, NumberStage.self, SumStage.self]
private let registry = StageRegistry(types)

@Suite struct LineageTests {
  private let lab: Lab
  private var aside: String { lab.folder + "/aside" }

  init() throws { lab = try Lab() }

  private func set(_ number: Int) throws {
    try "\(number)\n".write(toFile: aside, atomically: true, encoding: .utf8)
  }

  /// n → a → b → …, where b is made with a parameter; and a gather of a and n under c.
  private func pipeline(_ name: String, _ offset: Int, label: String = "") -> ToyPipeline {
    var pipeline = ToyPipeline(name)
    pipeline.add("n", "number", ["value": .integer(5), "label": .string(label)])
    pipeline.add("a", "drift", ["aside": .string(aside)], from: [("terms", ["n"])])
    pipeline.add("b", "sum", ["offset": .integer(offset)], from: [("terms", ["a"])])
    pipeline.add("c", "sum", ["offset": .integer(2 * offset)], from: [("terms", ["a", "n"])])
    return pipeline
  }

  @discardableResult
  private func run(
    _ pipeline: ToyPipeline, _ wanted: [String] = [], forced: [String] = [],
    _ registry: StageRegistry = registry
  ) throws -> RunSummary {
    let plan = try pipeline.plan(registry)
    var run = Run(
      plan: plan, keys: plan.planKeys(), cache: lab.cache, options: RunOptions(jobs: 1, memory: 1 << 30),
      executor: InlineExecutor(registry: registry), progress: NoProgress())
    let summary = try run.execute(
      wanted.isEmpty ? Array(plan.ids) : wanted.flatMap { plan.nodes(named: $0) },
      forcing: forced.flatMap { plan.nodes(named: $0) })
    run.seal()
    return summary
  }

  /// Takes the result of a away, which comes out otherwise the next time.
  private func lose(_ pipeline: ToyPipeline) throws {
    try set(20)
    try FileManager.default.removeItem(atPath: lab.artifact(pipeline, "a", registry))
  }

  private func ran(_ pipeline: ToyPipeline) throws -> [String] { try run(pipeline).ran.map(\.node).sorted() }

  private func value(_ pipeline: ToyPipeline, _ node: String) throws -> Int {
    try toyValue(ofFile: lab.artifact(pipeline, node, registry))
  }

  /// By other options, and in another pipeline that goes on from the same nodes.
  @Test func forcingReachesOtherQuestionsAndOtherPipelines() throws {
    try set(10)
    let (one, two) = (pipeline("f", 1), pipeline("f", 2))
    var other = pipeline("other", 1)
    other.add("d", "sum", from: [("terms", ["b"])])
    for each in [one, two, other] { try run(each) }
    try set(20)
    #expect(try run(one, ["a"], forced: ["a"]).madeAgain.map(\.isSame) == [false])
    #expect(try ran(other) == ["b", "c", "d"])
    #expect(try ran(two) == ["b", "c"])
    // b and c of the first question are those of the other pipeline.
    #expect(try ran(one).isEmpty)
    #expect(
      try value(one, "b") == 26 && value(two, "b") == 27 && value(two, "c") == 34 && value(other, "d") == 26)
    for each in [one, two, other] { #expect(try run(each).fresh == each.stages.count) }
  }

  /// The same work under another plan key, since its input has the same content.
  @Test func forcingReachesOtherKeysOfTheSameWork() throws {
    try set(10)
    let (one, two) = (pipeline("f", 1), pipeline("g", 2, label: "other"))
    try run(one)
    #expect(try run(two).cutOff == 1, "a is the same work")
    try set(20)
    try run(one, ["a"], forced: ["a"])
    #expect(try ran(two) == ["b", "c"])
    #expect(try value(two, "b") == 27)
  }

  /// What was gone is made again as something needs it; what stood on the former bytes is made again in the same run.
  @Test func aLostResultThatComesOutOtherwise() throws {
    try set(10)
    let (one, two) = (pipeline("f", 1), pipeline("f", 2))
    for each in [one, two] { try run(each) }
    try lose(one)
    var more = one
    more.add("e", "sum", ["offset": .integer(7)], from: [("terms", ["a"])])
    #expect(try run(more, ["b", "c", "e"]).ran.map(\.node).sorted() == ["a", "b", "c", "e"])
    #expect(try value(more, "b") == 26 && value(more, "e") == 32)
    #expect(try ran(two) == ["b", "c"] && ran(more).isEmpty)
  }

  /// b is found up to date before a turns out to be lost, and r is ready by then: it must not stay with the former b.
  @Test func whatWasReadyIsMadeOfWhatComesOfItsInput() throws {
    try set(10)
    let one = pipeline("f", 1)
    try run(one)
    try lose(one)
    var more = one
    more.add("e", "sum", ["offset": .integer(7)], from: [("terms", ["a"])])
    more.add("r", "sum", ["offset": .integer(9)], from: [("terms", ["b"])])
    more.add("s", "sum", ["offset": .integer(3)], from: [("terms", ["r"])])
    let made = Set(try run(more, ["c", "e", "s"]).ran.map(\.node))
    #expect(made == ["a", "b", "c", "e", "r", "s"], "\(made)")
    #expect(try value(more, "b") == 26 && value(more, "r") == 35 && value(more, "s") == 38)
    #expect(try ran(more).isEmpty)
  }

  /// Lost under one plan key, made again under another of the same action.
  @Test func aLostResultMadeAgainUnderAnotherKey() throws {
    try set(10)
    let (one, two) = (pipeline("f", 1), pipeline("g", 1, label: "other"))
    for each in [one, two] { try run(each) }
    try lose(one)
    let third = pipeline("h", 1, label: "third")
    #expect(try ran(third).contains("a"))
    #expect(try ran(one) == [] && value(one, "b") == value(third, "b"))
    #expect(try ran(two) == [] && value(two, "b") == value(third, "b"))
  }

  /// Another kernel variant is no reason to make anything anew: only the last bits differ.
  @Test func anotherVariantLeavesWhatStandsOnIt() throws {
    try set(10)
    let one = pipeline("f", 1)
    try run(one)
    try lose(one)
    #expect(
      try run(one, [], forced: [], StageRegistry(types, variant: "other")).ran.map(\.node) == ["a"])
    #expect(try value(one, "b") == 16)
  }

  /// A collection keeps the manifests by which a result of long ago is reached.
  @Test func aCollectionLeavesTheWay() throws {
    try set(10)
    let (one, two) = (pipeline("f", 1), pipeline("f", 1, label: "other"))
    for each in [two, one] { try run(each) }
    let old = Date(timeIntervalSinceNow: -7200)
    for path in lab.files("joins") {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
    }
    #expect(lab.cache.remove(lab.cache.garbage()) && lab.files("joins").count == 2)
    try set(20)
    try run(one, ["a"], forced: ["a"])
    #expect(try ran(one) == ["b", "c"])
    // Its c is found by its inputs' contents, not by a record of before.
    #expect(try ran(two) == ["n"] && value(two, "c") == 32)
  }
}
