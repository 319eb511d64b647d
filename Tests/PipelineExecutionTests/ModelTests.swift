// Random graphs, edits, failures and losses against a reference that recomputes everything.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

/// The engine's rules once more, as plainly as they can be said: everything is recomputed, nothing is
/// scheduled.
private struct Reference {
  /// What was ever made, by stage, parameters and values of inputs.
  var made: [String: Int] = [:]
  /// What each node's full definition (its own and all above) last came to, by a key into `made`.
  var known: [String: String] = [:]

  /// The nodes that run, fail and are blocked, and the values. A node whose definition is known does not look
  /// up.
  mutating func run(_ pipeline: ToyPipeline, _ wanted: [String], failing: Set<String>) -> (
    ran: Set<String>, failed: Set<String>, blocked: Set<String>, values: [String: Int]
  ) {
    var result: (ran: Set<String>, failed: Set<String>, blocked: Set<String>, values: [String: Int]) = (
      [], [], [], [:]
    )
    var definitions: [String: String] = [:]
    for stage in pipeline.stages {
      let inputs = stage.inputs.map { "\($0.slot)=\($0.stages.map { definitions[$0]! })" }
      definitions[stage.name] = "\(stage.type) \(Value.map(stage.parameters).json) \(inputs)"
    }
    var needed: Set<String> = []
    for stage in pipeline.stages.reversed() where wanted.contains(stage.name) || needed.contains(stage.name) {
      if let action = known[definitions[stage.name]!], made[action] != nil { continue }
      for input in stage.inputs { needed.formUnion(input.stages) }
    }
    for stage in pipeline.stages where wanted.contains(stage.name) || needed.contains(stage.name) {
      let definition = definitions[stage.name]!
      if let action = known[definition], let value = made[action] {
        result.values[stage.name] = value
        continue
      }
      let sources = stage.inputs.flatMap(\.stages)
      if sources.contains(where: { result.values[$0] == nil }) {
        result.blocked.insert(stage.name)
        continue
      }
      let labels = stage.inputs.map { input in
        "\(input.slot)=\(input.stages.map { (input.stages.count > 1 ? $0 : "") + ":\(result.values[$0]!)" })"
      }
      let action = "\(stage.type) \(Value.map(stage.parameters).json) \(labels)"
      if let value = made[action] {
        result.values[stage.name] = value
        known[definition] = action
      } else if failing.contains(stage.name) {
        result.failed.insert(stage.name)
      } else {
        func integer(_ name: String, _ other: Int) -> Int {
          if case .integer(let value)? = stage.parameters[name] { value } else { other }
        }
        let sum = sources.map { result.values[$0]! }.reduce(0, +)
        let value =
          stage.type == "number" ? integer("value", 0) : (sum + integer("offset", 0)) / integer("divisor", 1)
        result.ran.insert(stage.name)
        result.values[stage.name] = value
        made[action] = value
        known[definition] = action
      }
    }
    return result
  }

}

/// Runs in place, and fails the nodes that it is told to.
final class FailingExecutor: TaskExecutor {
  private let inner = InlineExecutor(registry: toyStages)
  private let failing: Set<String>
  private var events: [ExecutorEvent] = []
  init(_ failing: Set<String>) { self.failing = failing }
  func start(_ id: NodeID, _ task: StageTask) {
    if failing.contains(task.node) {
      events.append(.finished(id, .failure(StageFailure("as told"))))
    } else {
      inner.start(id, task)
    }
  }
  func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    defer { events = [] }
    return events.isEmpty ? inner.wait(seconds: seconds, wake: wake) : events.shuffled()
  }
  func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent] { [] }
  func shutdown() {}
}

@Suite struct ModelTests {
  private func randomPipeline(_ random: inout SeededGenerator) -> ToyPipeline {
    var pipeline = ToyPipeline("model")
    for index in 0..<Int.random(in: 3...14, using: &random) {
      let earlier = (0..<index).map { "n\($0)" }
      // The label keeps twins of one graph apart: which of two equal nodes runs is nobody's promise.
      if index == 0 || Int.random(in: 0..<5, using: &random) == 0 {
        pipeline.add(
          "n\(index)", "number",
          ["value": .integer(Int.random(in: 0..<6, using: &random)), "label": .string("n\(index)")])
      } else {
        let first = earlier.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random))
        var inputs = [(slot: "terms", stages: Array(first))]
        if Bool.random(using: &random) { inputs.append(("more", [earlier.randomElement(using: &random)!])) }
        pipeline.add(
          "n\(index)", "sum", ["divisor": .integer([1, 1, 2, 5][Int.random(in: 0..<4, using: &random)])],
          from: inputs)
        pipeline["n\(index)"].parameters["offset"] = .integer(10_000 * index)
      }
    }
    return pipeline
  }

  @Test(arguments: 0..<60)
  func theEngineDoesWhatTheReferenceDoes(_ seed: Int) throws {
    var random = SeededGenerator(state: UInt64(seed) &* 1_000_003 &+ 17)
    let lab = try Lab()
    var reference = Reference()
    var pipeline = randomPipeline(&random)
    for round in 0..<8 {
      let names = pipeline.stages.map(\.name)
      let name = names.randomElement(using: &random)!
      switch Int.random(in: 0..<4, using: &random) {
      case 0 where pipeline[name].type == "number":
        pipeline[name].parameters["value"] = .integer(Int.random(in: 0..<6, using: &random))
      case 1 where pipeline[name].type == "sum":
        pipeline[name].parameters["divisor"] = .integer(Int.random(in: 1..<6, using: &random))
      case 2:
        let fresh = "n\(names.count)"
        pipeline.add(
          fresh, "sum", ["offset": .integer(10_000 * names.count), "divisor": .integer(1)],
          from: [("terms", [name])])
      default: break
      }
      let now = pipeline.stages.map(\.name)
      let wanted = Bool.random(using: &random) ? now : [now.randomElement(using: &random)!]
      let failing = Set(now.filter { _ in Int.random(in: 0..<8, using: &random) == 0 })
      let expected = reference.run(pipeline, wanted, failing: failing)
      let summary = try lab.run(
        pipeline, wanted, jobs: Int.random(in: 1...3, using: &random), keepGoing: true,
        executor: FailingExecutor(failing))
      let place = "seed \(seed), round \(round)"
      #expect(Set(summary.ran.map(\.node)) == expected.ran, "\(place)")
      #expect(summary.ran.count == expected.ran.count, "\(place)")
      #expect(Set(summary.failures.map(\.node)) == expected.failed, "\(place)")
      #expect(Set(summary.blocked) == expected.blocked, "\(place)")
      #expect(summary.notStarted == 0, "\(place)")
      for (node, value) in expected.values where wanted.contains(node) {
        #expect(try lab.value(pipeline, node) == value, "\(place), \(node)")
      }
    }
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  /// The same with artifacts lost and damaged at random before each run: whatever is wanted ends up right.
  @Test(arguments: 0..<40)
  func lossesAndDamageAreHealed(_ seed: Int) throws {
    var random = SeededGenerator(state: UInt64(seed) &* 7_919 &+ 5)
    let lab = try Lab()
    var pipeline = randomPipeline(&random)
    for round in 0..<6 {
      for path in lab.files("artifacts") {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: try flipBit(path)
        case 1: try FileManager.default.removeItem(atPath: path)
        default: break
        }
      }
      let name = pipeline.stages.map(\.name).randomElement(using: &random)!
      if pipeline[name].type == "sum" { pipeline[name].parameters["offset"] = .integer(round) }
      let last = pipeline.stages[pipeline.stages.count - 1].name
      let summary = try lab.run(pipeline, [last], jobs: 3, keepGoing: true)
      #expect(summary.failures.isEmpty && summary.blocked.isEmpty && summary.notStarted == 0, "seed \(seed)")
      var reference = Reference()
      let values = reference.run(pipeline, [last], failing: []).values
      // Fresh by its key, a wanted artifact that was damaged a moment ago is the business of whoever reads
      // it.
      if summary.ran.contains(where: { $0.node == last }) {
        #expect(try lab.value(pipeline, last) == values[last], "seed \(seed), round \(round)")
      }
    }
  }
}
