// `zip`, `exclude` and `when`: which nodes are left, and what takes what is left.

import PipelineCore
import PipelineFile
import Testing

/// Fits of three models on three data sets, their means over seeds, and one table.
private let fits = """
  parameters: { robust: false, limit: 1 }
  axes:
    data: [alpha, beta, gamma]
    model: [ridge, lasso]
    seed: 2
  EXTRA
  stages:
    fit:
      stage: command
      for: [data, model, seed]
      parameters: { argv: [fit, "${data}", "${model}", "${seed}"] }
      WHEN
    mean: { stage: command, for: [data, model], inputs: { i: fit }, parameters: { argv: [mean] } }
    best: { stage: command, for: data, inputs: { i: mean }, parameters: { argv: [best] } }
    all: { stage: command, inputs: { i: mean, f: fit }, parameters: { argv: [all] } }
  """

private func thinned(_ extra: String = "", when: String = "", _ overrides: [String] = []) throws -> Plan {
  try plan(fits.replacing("EXTRA", with: extra).replacing("WHEN", with: when), overrides)
}

private func names(_ plan: Plan, _ stage: String) -> [String] {
  plan.nodes(named: stage).map { plan[$0].name }
}

@Suite struct ThinningTests {
  @Test func excludedCombinationsHaveNoNodes() throws {
    let plan = try thinned("exclude: [{data: gamma, model: lasso}, {data: alpha, seed: [1]}]")
    #expect(
      names(plan, "fit") == [
        "fit[data=alpha,model=ridge,seed=0]", "fit[data=alpha,model=lasso,seed=0]",
        "fit[data=beta,model=ridge,seed=0]", "fit[data=beta,model=ridge,seed=1]",
        "fit[data=beta,model=lasso,seed=0]", "fit[data=beta,model=lasso,seed=1]",
        "fit[data=gamma,model=ridge,seed=0]", "fit[data=gamma,model=ridge,seed=1]",
      ])
    #expect(names(plan, "mean").count == 5)
    // Each node takes what is left, and its own.
    #expect(
      try plan.inputs("mean[data=alpha,model=lasso]", "i") == ["fit: fit[data=alpha,model=lasso,seed=0]"])
    #expect(
      try plan.inputs("mean[data=gamma,model=ridge]", "i") == [
        "fit: fit[data=gamma,model=ridge,seed=0]", "fit: fit[data=gamma,model=ridge,seed=1]",
      ])
    #expect(try plan.inputs("best[data=gamma]", "i") == ["mean: mean[data=gamma,model=ridge]"])
    #expect(try plan.inputs("all", "f").count == 8)
    #expect(
      plan.omissions.map(\.description) == [
        "fit has 8 of 12 nodes: 'exclude' leaves out 4", "mean has 5 of 6 nodes: 'exclude' leaves out 1",
      ])
  }

  /// What is left has the keys that it has in a file which never named the rest.
  @Test func whatIsLeftKeepsItsKeys() throws {
    let (excluded, absent) = (
      try thinned("exclude: {data: gamma}"), try thinned("", ["data=[alpha, beta]"])
    )
    #expect(excluded.names == absent.names)
    #expect(excluded.planKeys().nodes == absent.planKeys().nodes)
    let all = try thinned()
    let before = Dictionary(zip(all.names, all.planKeys().nodes)) { first, _ in first }
    for (name, key) in zip(excluded.names, excluded.planKeys().nodes) where name != "all" {
      #expect(before[name] == key)
    }
  }

  @Test func axesGoInStep() throws {
    let text = """
      axes: { rate: [0.1, 0.01, 0.001], steps: [10, 100, 1000], seed: 2 }
      zip: [rate, steps]
      stages:
        fit:
          { stage: command, for: [rate, seed, steps], parameters: { argv: ["${rate}", "${steps}"] } }
        by-rate: { stage: command, for: rate, inputs: { i: fit }, parameters: { argv: [x] } }
        by-steps: { stage: command, for: steps, inputs: { i: by-rate, f: fit }, parameters: { argv: [x] } }
      """
    let plan = try plan(text)
    #expect(
      names(plan, "fit") == [
        "fit[rate=0.1,seed=0,steps=10]", "fit[rate=0.1,seed=1,steps=10]",
        "fit[rate=0.01,seed=0,steps=100]", "fit[rate=0.01,seed=1,steps=100]",
        "fit[rate=0.001,seed=0,steps=1000]", "fit[rate=0.001,seed=1,steps=1000]",
      ])
    #expect(
      try plan.inputs("by-rate[rate=0.01]", "i") == [
        "fit: fit[rate=0.01,seed=0,steps=100]", "fit: fit[rate=0.01,seed=1,steps=100]",
      ])
    // A stage with one of the axes has all of its values.
    #expect(try plan.inputs("by-steps[steps=10]", "i").count == 3)
    #expect(try plan.inputs("by-steps[steps=10]", "f").count == 2)
    #expect(try plan.node("fit[rate=0.01,seed=1,steps=100]").parameters[Toy.argv] == ["0.01", "100"])
    #expect(plan.omissions.isEmpty)
  }

  /// A pair of long axes is no product.
  @Test func longAxesGoInStep() throws {
    let plan = try plan(
      """
      axes: { a: 30000, b: 30000 }
      zip: [[a, b]]
      stages:
        x: { stage: command, for: [a, b], parameters: { argv: ["${a}", "${b}"] } }
        y: { stage: command, for: [a, b], inputs: { i: x }, parameters: { argv: [y] } }
        all: { stage: command, inputs: { i: y }, parameters: { argv: [all] } }
      """)
    #expect(plan.nodes.count == 60001)
    #expect(try plan.inputs("y[a=29999,b=29999]", "i") == ["x[a=29999,b=29999]"])
    #expect(try plan.inputs("all", "i").count == 30000)
  }

  @Test(arguments: [
    ("model=ridge", 6), ("model!=ridge", 6), ("data!=gamma, seed<1", 4), ("seed>=1", 6), ("${robust}", 0),
    ("robust=false", 12), ("limit>=2", 0), ("[model=lasso, data=beta]", 2), ("\"seed<${limit}\"", 6),
    ("null", 12), ("limit!=1", 0), ("seed=1.0", 6),
  ])
  func conditionsDecide(_ condition: String, _ count: Int) throws {
    let text = fits.replacing("EXTRA", with: "").replacing("WHEN", with: "when: \(condition)")
    // The table and the others need something to stand on, so that the plan is never empty.
    let plan = try plan(text + "\n  other: { stage: load-images }")
    #expect(names(plan, "fit").count == count)
    // What has nothing to take goes too.
    #expect(names(plan, "all").count == (count == 0 ? 0 : 1))
  }

  @Test func whatLosesItsInputGoes() throws {
    let plan = try thinned(when: "when: [model=ridge, data!=gamma]")
    #expect(names(plan, "mean") == ["mean[data=alpha,model=ridge]", "mean[data=beta,model=ridge]"])
    #expect(names(plan, "best") == ["best[data=alpha]", "best[data=beta]"])
    #expect(
      plan.omissions.map(\.description) == [
        "fit has 4 of 12 nodes: 'when' leaves out 8", "mean has 2 of 6 nodes: 4 would have no input",
        "best has 2 of 3 nodes: 1 would have no input",
      ])
    #expect {
      try plan.nodes(matching: "fit[data=gamma]")
    } throws: { error in
      (error as? NodePatternError)?.notes.last == "fit has 4 of 12 nodes: 'when' leaves out 8"
    }
  }

  @Test func casesHaveConditionsOfTheirOwn() throws {
    let text = """
      parameters: { vit: false }
      axes: { size: [100, 500] }
      stages:
        images: { stage: load-images }
        base: { stage: train, parameters: { epochs: 1 } }
        group: { for: size, parameters: { label: 1 } }
        unlearn:
          for: size
          inputs: [net: base, group]
          when: size>100
          cases: { one: {}, three: { when: null }, far: { when: "${vit}" } }
        evaluate: { for: [net, group], inputs: [net: unlearn] }
        table: { inputs: [rows: evaluate], parameters: { order: "${rows}" } }
      """
    let plan = try plan(text)
    #expect(
      names(plan, "evaluate") == [
        "evaluate[one,size=500]", "evaluate[three,size=100]", "evaluate[three,size=500]",
      ])
    // A case without nodes is no label of what takes them.
    #expect(try plan.node("table").parameters[Toy.order] == ["one", "three"])
    #expect {
      try plan.nodes(matching: "unlearn[far]")
    } throws: { error in
      (error as? NodePatternError)?.notes == ["unlearn[far] has 0 of 2 nodes: 'when' leaves out 2"]
    }
    let set = try self.set(text, ["vit=true", "unlearn[one].when=size=100"])
    #expect(names(set, "unlearn").count == 1 + 2 + 2)
    #expect(names(try self.set(text, ["unlearn.when=size<500"]), "unlearn").count == 3)
  }

  private func set(_ text: String, _ overrides: [String]) throws -> Plan { try plan(text, overrides) }

  @Test func optionsReachThem() throws {
    let text = "exclude: {data: gamma, model: lasso}"
    #expect(names(try thinned(text, ["exclude=null"]), "fit").count == 12)
    #expect(names(try thinned(text, ["exclude=[{seed: 0}]"]), "fit").count == 6)
    #expect(names(try thinned(text, ["fit.when=model=ridge"]), "fit").count == 6)
    // An axis that an option shortens may lack what the file leaves out.
    #expect(names(try thinned(text, ["data=[alpha]"]), "fit").count == 4)
    #expect(names(try thinned(text, ["data=[gamma]"]), "fit").count == 2)
  }

  @Test func filesAreLaidOverOneAnother() throws {
    let base = """
      axes: { a: 3, b: 3 }
      zip: [a, b]
      exclude: { a: 0 }
      stages:
        x: { stage: command, for: [a, b], when: a!=1, parameters: { argv: ["${a}", "${b}"] } }
      """
    func count(_ text: String) throws -> Int {
      try plan("extends: base.yaml\n" + text, others: ["folder/base.yaml": base]).nodes.count
    }
    #expect(try count("") == 1)
    #expect(try count("zip: null") == 3)
    #expect(try count("exclude: null") == 2)
    #expect(try count("exclude: [{a: 2}]") == 1)
    #expect(try count("stages: { x: { when: null } }") == 2)
  }

  /// A parameter is not judged where no node has it.
  @Test func onlyNodesAreJudged() throws {
    let plan = try plan(
      """
      axes: { label: [1, 2], size: [100, 6000] }
      exclude: { size: 6000 }
      stages:
        images: { stage: load-images }
        group: { for: [label, size], parameters: { label: "${label}", size: "${size}" } }
      """)
    #expect(plan.nodes.count == 3)
  }

  @Test func publishesWhatIsLeft() throws {
    let text = fits.replacing("EXTRA", with: "publish: { means: mean, tables: [all, 'fit[data=beta]'] }")
    let some = try document(text.replacing("WHEN", with: "when: data=beta"))
    #expect(some.publications.map(\.nodes.count) == [2, 5])
    let none = try document(
      text.replacing("WHEN", with: "when: ${robust}").replacing(", 'fit[data=beta]'", with: "")
        + "\n  other: { stage: load-images }")
    #expect(none.publications.map(\.nodes.count) == [0, 0])
  }

  /// Random files against the definition, read off the names of the nodes of the same file with nothing left out.
  @Test(arguments: 0..<60)
  func holdsTheDefinition(_ seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    let axes = ["a", "b", "c"]
    let isZipped = Bool.random(using: &random)
    let sizes = ["a": 3, "b": isZipped ? 3 : 2, "c": 2]
    var exclusions: [[String: [Int]]] = []
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      var entry: [String: [Int]] = [:]
      for axis in axes.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)) {
        entry[axis] = (0..<(sizes[axis] ?? 0)).filter { _ in Bool.random(using: &random) }
      }
      if entry.values.allSatisfy({ !$0.isEmpty }) { exclusions.append(entry) }
    }
    let order = axes.shuffled(using: &random)
    let listed = exclusions.map { entry in
      "{" + entry.map { "\($0): \($1)" }.sorted().joined(separator: ", ") + "}"
    }
    let head = "axes: { a: 3, b: \(sizes["b"] ?? 0), c: 2 }\n"
    let rules =
      (isZipped ? "zip: [a, b]\n" : "")
      + (listed.isEmpty ? "" : "exclude: [\(listed.joined(separator: ", "))]\n")
    let stages = """
      stages:
        images: { stage: load-images }
        x: { stage: command, for: [\(order.joined(separator: ", "))], parameters: { argv: [x] } }
        y: { stage: command, for: [b, a], inputs: { i: x, j: images }, parameters: { argv: [y] } }
        z: { stage: command, for: [c], inputs: { i: y, x: x }, parameters: { argv: [z] } }
      """
    func isLeft(_ node: PlannedNode) -> Bool {
      let values = Dictionary(uniqueKeysWithValues: node.axes.map { ($0.axis, $0.value.plainText) })
      if isZipped, let a = values["a"], let b = values["b"], a != b { return false }
      return !exclusions.contains { entry in
        entry.allSatisfy { axis, excluded in
          values[axis].map { excluded.map(String.init).contains($0) } ?? false
        }
      }
    }
    let (whole, thin) = (try plan(head + stages), try plan(head + rules + stages))
    var expected: Set<String> = []
    for (index, node) in whole.nodes.enumerated() where isLeft(node) {
      let isFed = node.inputs.allSatisfy { input in
        switch input.source {
        case .node(let id): expected.contains(whole[id].name)
        case .join(let join):
          whole.joins[join.index].members.contains { expected.contains(whole[$0.node].name) }
        }
      }
      if isFed { expected.insert(whole.nodes[index].name) }
    }
    #expect(thin.names == whole.names.filter { expected.contains($0) })
    for name in thin.names {
      for slot in ["i", "x"] {
        let left = try whole.inputs(name, slot).filter { text in
          expected.contains { text == $0 || text.hasSuffix(": " + $0) }
        }
        #expect(try thin.inputs(name, slot) == left)
      }
    }
  }
}
