// Keys as they are on disk, what a resolver forgets, and what a change of a manifest is called.

import PipelineCore
import Testing

private let term = Parameter("term", .number(0...), default: 0, "what is added")

private func adder(_ name: String = "add", version: Int = 1, isRandom: Bool = false) -> StageDeclaration {
  StageDeclaration(
    name: name, version: version, summary: "Adds.", parameters: [term], takesAnyInput: true,
    isRandom: isRandom)
}

/// A plan of stages of one node each, which take what they are given.
private func plan(_ stages: [(StageDeclaration, [InputSource])], joins: [Join] = []) -> Plan {
  var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: joins)
  for (index, (declaration, inputs)) in stages.enumerated() {
    plan.stages.append(
      PlannedStage(name: "s\(index)", declaration: declaration, axes: [], nodes: index..<index + 1))
    let parameters = try! ParameterValues(["term": .number(2.5)], of: declaration)
    plan.nodes.append(
      PlannedNode(
        name: "s\(index)", stage: index, parameters: parameters, axes: [],
        inputs: inputs.enumerated().map { PlannedInput(slot: "i\($0.offset)", source: $0.element) }))
  }
  return plan
}

@Suite struct ResolverTests {
  /// With other keys a whole cache would be lost, though nothing in it is stale. The digests are Python's: `hashlib.sha256`
  /// over the kind, then the name and the value of each field, all after their lengths as eight bytes, the lowest first.
  @Test func keysAreThoseOfTheCacheOnDisk() {
    var resolver = KeyResolver(plan([(adder(version: 3), [])]))
    let action = resolver.actionKey(of: NodeID(0))
    #expect(
      resolver.planKeys[NodeID(0)].hex == "bd4706e5ad5778849d03ce3912a226fa15603a75900739e943ee8453468e6d9a")
    #expect(action?.hex == "bdf7923ac545b975d4b55aec20416d34bd75ab09cb3abbd15cdba21fabc270d8")
  }

  /// Made again with other bytes, a member of a gather changes the key of the work that takes the gather.
  @Test func whatIsForgottenIsForgottenInJoins() throws {
    let members = [0, 1].map { JoinMember(label: "m", node: NodeID($0)) }
    let gather = plan(
      [(adder(), []), (adder("other"), []), (adder(), [.join(JoinID(0))])], joins: [Join(members: members)])
    func key(_ contents: [[UInt8]]) -> Digest? {
      var resolver = KeyResolver(gather)
      for (index, content) in contents.enumerated() { resolver.learn(Digest(of: content), of: NodeID(index)) }
      return resolver.actionKey(of: NodeID(2))
    }
    var resolver = KeyResolver(gather)
    for index in 0..<2 { resolver.learn(Digest(of: [UInt8(index)]), of: NodeID(index)) }
    let former = resolver.actionKey(of: NodeID(2))
    #expect(former == key([[0], [1]]))
    resolver.forget([NodeID(1)])
    let unknown = resolver.actionKey(of: NodeID(2))
    #expect(unknown == nil, "a member's content is not known")
    resolver.learn(Digest(of: [7]), of: NodeID(1))
    let latter = resolver.actionKey(of: NodeID(2))
    #expect(latter == key([[0], [7]]) && latter != former)
  }

  /// An index that tells each member's kind is another one if a kind changes, be the content the same.
  @Test(arguments: [true, false]) func kindsOfMembersCountWhereTheyAreTold(_ tellsStages: Bool) {
    func key(_ kind: String) -> Digest? {
      let join = Join(members: [JoinMember(label: "m", node: NodeID(0))], tellsStages: tellsStages)
      var resolver = KeyResolver(plan([(adder(kind), []), (adder(), [.join(JoinID(0))])], joins: [join]))
      resolver.learn(Digest(of: [1]), of: NodeID(0))
      return resolver.actionKey(of: NodeID(1))
    }
    #expect((key("evaluate") == key("command")) == !tellsStages)
  }

  /// Which axis a file names first says nothing about the draws, nor about the result.
  @Test func theOrderOfAxesIsInNoKey() {
    func node(_ axes: [AxisValue]) -> Plan {
      var random = plan([(adder(isRandom: true), [])])
      random.nodes[0].axes = axes
      return random
    }
    let axes = [AxisValue("repeat", .integer(1)), AxisValue("group", .string("near"))]
    let (first, second) = (node(axes), node(axes.reversed()))
    #expect(first.planKeys()[NodeID(0)] == second.planKeys()[NodeID(0)])
    #expect(first.streamKey(of: NodeID(0)) == second.streamKey(of: NodeID(0)))
  }

  @Test func anotherSeedDrawsOtherNumbers() throws {
    let streams = try (0..<50).map { seed in
      try ParameterValues(["seed": .integer(seed)], of: adder(isRandom: true)).streamKey(axes: [])
    }
    #expect(Set(streams).count == 50)
  }

  // MARK: Reasons

  private func manifest(_ fields: KeyValuePairs<String, String>) -> [ManifestField] {
    fields.map { ManifestField(name: $0.key, value: $0.value) }
  }

  @Test func eachChangeHasItsReason() {
    let old = manifest([
      "stage": "add", "stage_version": "1", "parameters.term": "1", "axes.repeat": "1", "files.a": "x",
      "tracked.python3 --version": "3.11", "program.python3": "0123456789abcdef", "inputs.i": "",
    ])
    let changes: [(String, String, String)] = [
      ("stage_version", "2", "stage_version: 1 → 2"), ("parameters.term", "2", "term: 1 → 2"),
      ("axes.repeat", "2", "axis repeat: 1 → 2"), ("files.a", "y", "content of a: x → y"),
      ("tracked.python3 --version", "3.12", "output of 'python3 --version': 3.11 → 3.12"),
      ("program.python3", "fedcba9876543210", "the program 'python3': 0123456789ab → fedcba987654"),
      ("stage", "sum", "stage: add → sum"),
    ]
    #expect(RunReason.changes(from: old, to: old).isEmpty)
    for (name, value, text) in changes {
      let new = old.map { $0.name == name ? ManifestField(name: name, value: value) : $0 }
      #expect(RunReason.changes(from: old, to: new).map(\.description) == [text])
    }
    #expect(
      RunReason.changes(from: old, to: old.filter { $0.name != "parameters.term" })
        == [.parameterChanged(name: "term", old: "1", new: nil)])
    #expect(
      RunReason.changes(from: [], to: manifest(["stage": "add", "stage_version": "1"])).count == 1,
      "a version says nothing of another stage")
  }

  /// Keys are made of bytes, and so two spellings of é have two keys: an explanation must tell them apart, too.
  @Test func spellingsOfOneCharacterAreTwoValues() {
    let (one, two) = ("\u{E9}", "e\u{301}")
    #expect(one == two, "Swift takes them for equal")
    let reasons = RunReason.changes(
      from: manifest(["parameters.argv": one]), to: manifest(["parameters.argv": two]))
    guard case .parameterChanged(let name, let old?, let new?)? = reasons.first, reasons.count == 1 else {
      Issue.record("\(reasons)")
      return
    }
    #expect(name == "argv" && Array(old.utf8) == Array(one.utf8) && Array(new.utf8) == Array(two.utf8))
    #expect(
      Array(reasons[0].description.utf8) == Array("argv: \\u{E9} → e\\u{301}".utf8),
      "a reader sees what changed")
  }
}
