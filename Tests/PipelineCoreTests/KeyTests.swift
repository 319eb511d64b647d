// What is in a key and what is not: each field of a node and of its ancestors, and nothing else.

import PipelineCore
import Testing

/// SplitMix64 (Steele, Lea and Flood 2014): the same graphs on every machine.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private let term = Parameter("term", .number(0...), default: 0, "what is added")
private let ceiling = Parameter("ceiling", .integer(0...), default: 0, changesResult: false, "memory")

/// A stage type that adds integers.
private func adder(random: Bool = false, version: Int = 1, name: String = "add") -> StageDeclaration {
  StageDeclaration(
    name: name, version: version, summary: "Adds.",
    parameters: [term, ceiling], takesAnyInput: true, isRandom: random)
}

private func values(
  term: Double = 0, ceiling: Int = 0, seed: Int = 1, purpose: String? = nil, random: Bool
) -> ParameterValues {
  var values: [String: Value] = ["term": .number(term), "ceiling": .integer(ceiling)]
  if random { values["seed"] = .integer(seed) }
  if let purpose, random { values["purpose"] = .string(purpose) }
  return try! ParameterValues(values, of: adder(random: random))
}

/// A random graph: every second stage random, each node with up to three inputs among those before, some joined.
private func randomPlan(_ random: inout SeededGenerator) -> Plan {
  let count = Int.random(in: 2...25, using: &random)
  var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: [])
  for index in 0..<count {
    let isRandom = Bool.random(using: &random)
    plan.stages.append(
      PlannedStage(
        name: "s\(index)", declaration: adder(random: isRandom), axes: ["a"], nodes: index..<index + 1))
    var inputs: [PlannedInput] = []
    for slot in 0..<Int.random(in: 0...3, using: &random) where index > 0 {
      let node = NodeID(Int.random(in: 0..<index, using: &random))
      if Bool.random(using: &random) {
        inputs.append(PlannedInput(slot: "i\(slot)", source: .node(node)))
      } else if let join = plan.joins.indices.randomElement(using: &random),
        plan.joins[join].members.allSatisfy({ $0.node.index < index }), Bool.random(using: &random)
      {
        inputs.append(PlannedInput(slot: "i\(slot)", source: .join(JoinID(join))))
      } else {
        let other = NodeID(Int.random(in: 0..<index, using: &random))
        let members = [JoinMember(label: "x", node: node), JoinMember(label: "y", node: other)]
        plan.joins.append(Join(members: members))
        inputs.append(PlannedInput(slot: "i\(slot)", source: .join(JoinID(plan.joins.count - 1))))
      }
    }
    plan.nodes.append(
      PlannedNode(
        name: "s\(index)[a=1]", stage: index,
        parameters: values(term: Double(index), random: isRandom),
        axes: [AxisValue("a", .integer(1))], inputs: inputs,
        files: [ExternalFile(path: "f", digest: Digest(of: [UInt8(index)]))]))
  }
  return plan
}

/// The node and all that follow from it.
private func descendants(of root: Int, in plan: Plan) -> Set<Int> {
  var found: Set<Int> = [root]
  for id in plan.ids where plan.predecessors(of: id).contains(where: { found.contains($0.index) }) {
    found.insert(id.index)
  }
  return found
}

@Suite struct KeyTests {
  private static let changes: [(String, @Sendable (inout Plan, Int) -> Void)] = [
    ("parameter", { $0.nodes[$1].parameters = values(term: 99, random: isRandom($0, $1)) }),
    (
      "version",
      { plan, index in
        plan.stages[index].declaration = adder(random: isRandom(plan, index), version: 2)
      }
    ),
    (
      "type",
      { plan, index in
        plan.stages[index].declaration = adder(random: isRandom(plan, index), name: "sum")
      }
    ),
    ("file content", { $0.nodes[$1].files[0].digest = Digest(of: [255]) }),
    ("file path", { $0.nodes[$1].files[0].path = "g" }),
    ("file", { $0.nodes[$1].files = [] }),
    (
      "slot",
      { plan, index in plan.nodes[index].inputs.append(PlannedInput(slot: "z", source: .node(NodeID(0)))) }
    ),
  ]

  private static func isRandom(_ plan: Plan, _ index: Int) -> Bool { plan.stages[index].declaration.isRandom }

  @Test(arguments: changes.indices) func changesReachDescendantsOnly(change: Int) {
    var random = SeededGenerator(state: UInt64(change) + 1)
    for _ in 0..<60 {
      let plan = randomPlan(&random)
      let index = Int.random(in: change == 6 ? 1..<plan.nodes.count : 0..<plan.nodes.count, using: &random)
      var changed = plan
      Self.changes[change].1(&changed, index)
      let (before, after) = (plan.planKeys(), changed.planKeys())
      let different = plan.nodes.indices.filter { before.nodes[$0] != after.nodes[$0] }
      #expect(Set(different) == descendants(of: index, in: plan), "\(Self.changes[change].0)")
    }
  }

  /// An axis value is in the key of a random stage, and of no other; so are the seed and the random stream.
  @Test func axisValuesInKeysOfRandomStagesOnly() {
    var random = SeededGenerator(state: 7)
    for _ in 0..<60 {
      var plan = randomPlan(&random)
      // A join's labels name its members' axes, so here nothing is joined.
      for index in plan.nodes.indices {
        plan.nodes[index].inputs.removeAll { if case .join = $0.source { true } else { false } }
      }
      let index = Int.random(in: plan.nodes.indices, using: &random)
      var changed = plan
      changed.nodes[index].axes = [AxisValue("a", .integer(2))]
      let (before, after) = (plan.planKeys(), changed.planKeys())
      let different = Set(plan.nodes.indices.filter { before.nodes[$0] != after.nodes[$0] })
      let isRandom = Self.isRandom(plan, index)
      #expect(different == (isRandom ? descendants(of: index, in: plan) : []))
      #expect((plan.streamKey(of: NodeID(index)) != changed.streamKey(of: NodeID(index))) == isRandom)
    }
  }

  /// A purpose is in key and random stream of a random stage; none is in neither, as before there were any.
  @Test func aPurposeHasDrawsOfItsOwn() throws {
    func plan(_ purpose: String?) -> Plan {
      var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: [])
      for index in 0..<2 {
        let isRandom = index == 0
        plan.stages.append(
          PlannedStage(name: "s", declaration: adder(random: isRandom), axes: [], nodes: index..<index + 1))
        plan.nodes.append(
          PlannedNode(
            name: "s", stage: index, parameters: values(purpose: purpose, random: isRandom),
            axes: [AxisValue("a", .integer(1))], inputs: []))
      }
      return plan
    }
    let plans = [nil, "calibration", "tables"].map(plan)
    #expect(Set(plans.map { $0.planKeys().nodes[0] }).count == 3)
    #expect(Set(plans.map { $0.streamKey(of: NodeID(0)) }).count == 3)
    #expect(Set(plans.map { $0.planKeys().nodes[1] }).count == 1)
    var fields = RecordingManifest()
    plans[0].describe(NodeID(0), to: &fields) { _ in Digest(of: []) }
    #expect(!fields.fields.contains { $0.name.contains("purpose") })
    #expect(
      plans[0].nodes[0].parameters.streamKey(axes: plans[0].nodes[0].axes)
        == plans[0].streamKey(of: NodeID(0)))
  }

  @Test func nothingElseIsInAKey() {
    var random = SeededGenerator(state: 8)
    let plan = randomPlan(&random)
    var changed = plan
    for index in plan.nodes.indices {
      let parameters = plan.nodes[index].parameters
      changed.nodes[index].name = "other"
      changed.nodes[index].parameters = values(
        term: parameters[term], ceiling: 5, random: Self.isRandom(plan, index))
      changed.nodes[index].inputs.reverse()
      changed.stages[index].name = "other"
      changed.stages[index].timeout = 5
      changed.stages[index].declaration.summary = "other"
      changed.stages[index].declaration.parameters.reverse()
    }
    changed.name = "other"
    changed.baseDirectory = "other"
    #expect(plan.planKeys().nodes == changed.planKeys().nodes)
  }

  /// A parameter that a node does not use, by its values or by its slots, is not in its key.
  @Test func unusedParametersAreInNoKey() {
    func keys(term other: Double, connected: Bool) -> [Digest] {
      var declaration = adder()
      declaration.unused = { _, slots in slots.contains("ready") ? [term.name] : [] }
      var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: [])
      for index in 0..<2 {
        plan.stages.append(
          PlannedStage(name: "s", declaration: declaration, axes: [], nodes: index..<index + 1))
        plan.nodes.append(
          PlannedNode(
            name: "s", stage: index,
            parameters: values(term: index == 0 ? 0 : other, random: false), axes: [],
            inputs: index == 1 && connected ? [PlannedInput(slot: "ready", source: .node(NodeID(0)))] : []))
      }
      return plan.planKeys().nodes
    }
    #expect(keys(term: 1, connected: true) == keys(term: 2, connected: true))
    #expect(keys(term: 1, connected: false) != keys(term: 2, connected: false))
    #expect(keys(term: 1, connected: true)[1] != keys(term: 1, connected: false)[1])
  }

  /// Members of a join are told apart by label and by axis values, and their order counts.
  @Test func joinsInKeys() {
    func key(_ members: [JoinMember], axis: Int = 1) -> Digest {
      var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: [Join(members: members)])
      for index in 0..<3 {
        plan.stages.append(PlannedStage(name: "s", declaration: adder(), axes: [], nodes: index..<index + 1))
        plan.nodes.append(
          PlannedNode(
            name: "s", stage: index, parameters: values(term: Double(index), random: false),
            axes: index == 1 ? [AxisValue("a", .integer(axis))] : [],
            inputs: index == 2 ? [PlannedInput(slot: "i", source: .join(JoinID(0)))] : []))
      }
      return plan.planKeys().nodes[2]
    }
    let (a, b) = (JoinMember(label: "a", node: NodeID(0)), JoinMember(label: "b", node: NodeID(1)))
    let keys = [
      key([a, b]), key([b, a]), key([a]), key([b]), key([a, JoinMember(label: "c", node: NodeID(1))]),
      key([a, b], axis: 2),
      key([JoinMember(label: "b", node: NodeID(0)), JoinMember(label: "a", node: NodeID(1))]),
    ]
    #expect(Set(keys).count == keys.count)
    #expect(key([a, b]) == key([a, b]))
  }

  /// The two readers of a manifest see the same fields; the action key replaces digests and nothing else.
  @Test func manifestIsReadTwice() throws {
    var random = SeededGenerator(state: 9)
    let plan = randomPlan(&random)
    let keys = plan.planKeys()
    for id in plan.ids {
      var record = RecordingManifest()
      plan.describe(id, to: &record) { keys[$0] }
      #expect(Digest(of: record.fields, as: .plan) == keys[id])
      #expect(Set(record.fields.map(\.name)).count == record.fields.count)
      #expect(!record.fields.contains { $0.name == "parameters.ceiling" })

      var action = RecordingManifest()
      plan.describe(id, to: &action) { _ in Digest(of: [1]) }
      #expect(action.fields.map(\.name) == record.fields.map(\.name))
      let different = zip(action.fields, record.fields).filter { $0 != $1 }
      #expect(different.allSatisfy { $0.0.name.hasPrefix("inputs.") })
    }
  }

  /// No two sequences of fields have the same bytes, wherever the boundaries lie.
  @Test func manifestsAreUnambiguous() {
    func key(_ kind: ManifestKind, _ fields: [(String, String)]) -> Digest {
      Digest(of: fields.map { ManifestField(name: $0, value: $1) }, as: kind)
    }
    let keys = [
      key(.plan, []), key(.action, []), key(.plan, [("", "")]), key(.plan, [("a", "bc")]),
      key(.plan, [("ab", "c")]), key(.plan, [("a", "b"), ("c", "")]), key(.plan, [("a", "b"), ("", "c")]),
    ]
    #expect(Set(keys).count == keys.count)
  }
}
