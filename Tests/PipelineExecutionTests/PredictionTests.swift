// What `plan` says a run will do is what the run then does: random graphs with losses, cut-offs, twins and failures.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct PredictionTests {
  /// Sources, sums over one node or over all of a stage (a join), axes, and stages that do just the same as another.
  private func randomPipeline(_ random: inout SeededGenerator) -> ToyPipeline {
    var pipeline = ToyPipeline("prediction")
    for index in 0..<Int.random(in: 3...12, using: &random) {
      let axes = Int.random(in: 0..<3, using: &random) == 0 ? [(name: "i", values: [0, 1, 2])] : []
      let earlier = pipeline.stages.map(\.name)
      if index == 0 || Int.random(in: 0..<4, using: &random) == 0 {
        pipeline.add(
          "n\(index)", Bool.random(using: &random) ? "number" : "random",
          ["value": .integer(Int.random(in: 0..<4, using: &random))], axes: axes)
        continue
      }
      let sources = Array(earlier.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random)))
      var inputs = [(slot: "terms", stages: sources)]
      if Bool.random(using: &random) { inputs.append(("more", [earlier.randomElement(using: &random)!])) }
      pipeline.add(
        "n\(index)", "sum",
        ["divisor": .integer([1, 3, 1_000_000].randomElement(using: &random)!)], axes: axes, from: inputs)
    }
    return pipeline
  }

  private func edit(_ pipeline: inout ToyPipeline, _ random: inout SeededGenerator) {
    let name = pipeline.stages.map(\.name).randomElement(using: &random)!
    switch pipeline[name].type {
    case "number": pipeline[name].parameters["value"] = .integer(Int.random(in: 0..<4, using: &random))
    case "random": pipeline[name].parameters["seed"] = .integer(Int.random(in: 1..<4, using: &random))
    default:
      pipeline[name].parameters["divisor"] = .integer(
        [1, 3, 1_000_000].randomElement(using: &random)!)
    }
  }

  /// Takes away what a plan can see: artifacts, whole or in part, and records.
  private func lose(_ lab: Lab, _ random: inout SeededGenerator) throws {
    for section in ["artifacts", "plans", "actions"] {
      for path in lab.files(section) where Int.random(in: 0..<8, using: &random) == 0 {
        if Bool.random(using: &random) {
          try FileManager.default.removeItem(atPath: path)
        } else {
          let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
          try FileManager.default.removeItem(atPath: path)
          try bytes.dropLast().write(to: URL(fileURLWithPath: path))
        }
      }
    }
  }

  private func usableActions(_ lab: Lab) -> Set<Digest> {
    Set(
      lab.files("actions").compactMap { Digest(hex: $0.split(separator: "/").last ?? "") }.filter {
        lab.cache.artifact(action: $0) != nil
      })
  }

  private struct Outcome {
    var ran: Set<String>
    var failed: Set<String>
    var blocked: Set<String>
  }

  @Test(arguments: 0..<50)
  func theRunDoesWhatThePlanSays(_ seed: Int) throws {
    var random = SeededGenerator(state: UInt64(seed) &* 2_654_435_761 &+ 3)
    let lab = try Lab()
    var pipeline = randomPipeline(&random)
    for round in 0..<6 {
      if round > 0 {
        edit(&pipeline, &random)
        try lose(lab, &random)
      }
      let plan = try pipeline.plan()
      let keys = plan.planKeys()
      let stages = pipeline.stages.map(\.name)
      let wanted = Bool.random(using: &random) ? [] : [stages.randomElement(using: &random)!]
      let ids = wanted.isEmpty ? Array(plan.ids) : plan.nodes(named: wanted[0])
      let failing = Set(plan.nodes.map(\.name).filter { _ in Int.random(in: 0..<10, using: &random) == 0 })
      let usable = usableActions(lab)
      let listing = lab.listing()
      let resolution = Resolution(plan: plan, keys: keys, cache: lab.cache, wanted: ids)
      #expect(lab.listing() == listing, "a plan writes nothing")

      let summary = try lab.run(
        pipeline, wanted, jobs: Int.random(in: 1...3, using: &random), keepGoing: true,
        executor: FailingExecutor(failing))
      let outcome = Outcome(
        ran: Set(summary.ran.map(\.node)), failed: Set(summary.failures.map(\.node)),
        blocked: Set(summary.blocked))
      #expect(summary.ran.count == outcome.ran.count && summary.notStarted == 0)
      let place: Comment = "seed \(seed), round \(round)"
      check(resolution, plan, lab, usable, failing, outcome, place)
      let fresh = resolution.decisions.count { if case .fresh = $0 { true } else { false } }
      #expect(summary.fresh == fresh, place)
      let settled = plan.ids.count { id in
        resolution.decisions[id.index] != .ignores && !outcome.blocked.contains(plan[id].name)
          && lab.cache.artifact(plan: keys[id]) != nil
      }
      #expect(summary.cutOff == settled - fresh - outcome.ran.count, place)
    }
  }

  /// Holds each decision to what became of the node.
  private func check(
    _ resolution: Resolution, _ plan: Plan, _ lab: Lab, _ usable: Set<Digest>, _ failing: Set<String>,
    _ outcome: Outcome, _ place: Comment
  ) {
    var resolver = KeyResolver(plan)
    for id in plan.ids {
      if let artifact = lab.cache.artifact(plan: resolution.keys[id]) {
        resolver.learn(artifact.content, of: id)
      }
    }
    /// The nodes that waited, by what they came to be asked to do.
    var byAction: [Digest: [String]] = [:]
    for id in plan.ids {
      let name = plan[id].name
      let started = outcome.ran.contains(name) || outcome.failed.contains(name)
      let isDone = lab.cache.artifact(plan: resolution.keys[id]) != nil
      switch resolution.decisions[id.index] {
      case .fresh(let artifact), .unchanged(let artifact):
        #expect(!started && !outcome.blocked.contains(name), place)
        #expect(lab.cache.artifact(plan: resolution.keys[id]) == artifact, place)
      case .runs:
        #expect(failing.contains(name) ? outcome.failed.contains(name) : outcome.ran.contains(name), place)
      case .follows(let maker):
        #expect(!started, place)
        let made = outcome.ran.contains(plan[maker].name)
        #expect(made != outcome.blocked.contains(name) && (!made || isDone), place)
      case .waits:
        guard let key = resolver.actionKey(of: id) else {
          #expect(outcome.blocked.contains(name), "\(name) waits for what failed; \(place)")
          continue
        }
        if usable.contains(key) {
          #expect(!started && isDone, place)
        } else {
          byAction[key, default: []].append(name)
        }
      case .ignores: #expect(!started && !outcome.blocked.contains(name), place)
      }
    }
    // Nobody says which of several nodes with one key does the work, but one does.
    for names in byAction.values {
      let started = names.filter { outcome.ran.contains($0) || outcome.failed.contains($0) }
      let makers = plan.ids.filter { id in
        if case .runs = resolution.decisions[id.index] { return true }
        return false
      }
      let madeByOther = makers.contains {
        resolver.actionKey(of: $0) == resolver.actionKey(of: plan.nodes(named: names[0])[0])
      }
      #expect(started.count == (madeByOther ? 0 : 1), "\(names); \(place)")
    }
  }

  /// Damage that no plan can see, since the size is right, makes its node run besides, and says so.
  @Test(arguments: 0..<30)
  func unseenDamageAddsOnlyTheDamaged(_ seed: Int) throws {
    var random = SeededGenerator(state: UInt64(seed) &* 97 &+ 11)
    let lab = try Lab()
    var pipeline = randomPipeline(&random)
    try lab.run(pipeline)
    for _ in 0..<4 {
      edit(&pipeline, &random)
      for path in lab.files("artifacts") where Int.random(in: 0..<5, using: &random) == 0 {
        try flipBit(path)
      }
      let damaged = Set(try lab.cache.verify().damage.map(\.path))
      let plan = try pipeline.plan()
      let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache)
      let summary = try lab.run(pipeline, jobs: 2, keepGoing: true)
      #expect(summary.failures.isEmpty && summary.blocked.isEmpty)
      let reasons = Dictionary(summary.ran.map { ($0.node, $0.reasons) }) { first, _ in first }
      for id in plan.ids {
        let ran = reasons[plan[id].name]
        switch resolution.decisions[id.index] {
        case .fresh(let artifact), .unchanged(let artifact):
          guard let ran else { continue }
          // Of two nodes with one artifact, the second may find that the first has removed it.
          #expect(ran == [.artifactDamaged] || ran == [.artifactMissing], "seed \(seed)")
          #expect(damaged.contains(lab.cache.file(of: artifact)), "seed \(seed)")
        case .runs: #expect(ran != nil, "seed \(seed)")
        case .follows, .waits, .ignores: break
        }
      }
    }
  }
}
