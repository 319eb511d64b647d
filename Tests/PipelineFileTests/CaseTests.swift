// Cases, `for` over inputs, slots that fill themselves, defaults, and fragments: that they say what the long form says.

import PipelineCore
import PipelineFile
import Testing

/// Three ways to remove a group, each evaluated, all in one table.
private let methods = """
  defaults: { label: 0, epochs: 3 }
  axes: { size: [100, 500], repeat: 2 }
  stages:
    images: { stage: load-images }
    base: { stage: train }
    group: { for: [size, repeat], parameters: { size: "${size}" } }
    retrain: { for: group }
    unlearn:
      for: group
      inputs: [net: base]
      parameters: { damping: 0.1 }
      cases:
        1-step: { partition: whole }
        3-step: {}
        again: {}
        reversed: { order: [far, moderate, near], damping: 0.2 }
    evaluate: { for: [net, group], inputs: [net: [original: base, retrain, unlearn]] }
    table: { inputs: [rows: evaluate], parameters: { order: "${rows}" } }
  """

/// The same without cases, defaults and slots that fill themselves.
private let longForm: String = {
  var text = """
    axes: { size: [100, 500], repeat: 2 }
    stages:
      images: { stage: load-images }
      base: { stage: train, inputs: { images: images }, parameters: { epochs: 3 } }
      group:
        for: [size, repeat]
        inputs: { images: images }
        parameters: { size: "${size}", label: 0 }
      retrain: { for: [size, repeat], inputs: { images: images, group: group } }

    """
  let removals = [
    ("one", "partition: whole, damping: 0.1"), ("three", "damping: 0.1"), ("again", "damping: 0.1"),
    ("reversed", "order: [far, moderate, near], damping: 0.2"),
  ]
  for (name, parameters) in removals {
    text += """
        \(name):
          stage: unlearn
          for: [size, repeat]
          inputs: { images: images, net: base, group: group }
          parameters: { \(parameters) }

      """
  }
  for net in ["base", "retrain"] + removals.map(\.0) {
    text += """
        evaluate-\(net):
          stage: evaluate
          for: [size, repeat]
          inputs: { images: images, net: \(net), group: group }
          parameters: { label: 0 }

      """
  }
  return text + """
      table:
        inputs:
          rows:
            reversed: evaluate-reversed
            3-step: evaluate-three
            again: evaluate-again
            1-step: evaluate-one
            retrain: evaluate-retrain
            original: evaluate-base
        parameters: { order: [original, retrain, 1-step, 3-step, again, reversed] }
    """
}()

@Suite struct CaseTests {
  @Test func casesAreNodesOfTheirOwn() throws {
    let plan = try plan(methods)
    let families = ["images", "base", "group", "retrain", "unlearn", "evaluate", "table"]
    #expect(plan.stages.map(\.family).reduce(into: []) { if $0.last != $1 { $0.append($1) } } == families)
    #expect(
      plan.stages.filter { $0.family == "unlearn" }.map(\.name) == [
        "unlearn[1-step]", "unlearn[3-step]", "unlearn[again]", "unlearn[reversed]",
      ])
    #expect(
      plan.nodes(named: "unlearn[reversed]").map { plan[$0].name } == [
        "unlearn[reversed,size=100,repeat=0]", "unlearn[reversed,size=100,repeat=1]",
        "unlearn[reversed,size=500,repeat=0]", "unlearn[reversed,size=500,repeat=1]",
      ])
    #expect(plan.nodes(named: "evaluate").count == 6 * 4)
    let reversed = try plan.node("unlearn[reversed,size=500,repeat=1]")
    #expect(reversed.parameters.values["damping"] == .number(0.2))
    #expect(reversed.axes == [AxisValue("size", .integer(500)), AxisValue("repeat", .integer(1))])
    #expect(try plan.node("unlearn[3-step,size=500,repeat=1]").parameters.values["damping"] == .number(0.1))
    let evaluation = "evaluate[reversed,size=500,repeat=1]"
    #expect(try plan.inputs(evaluation, "net") == [reversed.name])
    #expect(try plan.inputs(evaluation, "group") == ["group[size=500,repeat=1]"])
    #expect(try plan.inputs("evaluate[original,size=500,repeat=1]", "net") == ["base"])
    #expect(
      try plan.node("table").parameters[Toy.order] == [
        "original", "retrain", "1-step", "3-step", "again", "reversed",
      ])
  }

  /// A label is in no key but that of what shows it, so that the short form has the keys of the long one.
  @Test func casesHaveTheKeysOfTheLongForm() throws {
    func keys(_ plan: Plan) -> Set<Digest> { Set(plan.planKeys().nodes) }
    let (short, long) = (try plan(methods), try plan(longForm))
    #expect(short.nodes.count == long.nodes.count)
    #expect(keys(short) == keys(long))
    // Renaming a label changes the table, and nothing else.
    let renamed = try plan(methods.replacing("reversed:", with: "backwards:"))
    #expect(keys(renamed).symmetricDifference(keys(short)).count == 2)
  }

  /// Cases of one size and repeat draw the same numbers, and equal parameters are one result.
  @Test func casesShareRandomStreams() throws {
    let plan = try plan(methods)
    let keys = plan.planKeys()
    func id(_ label: String) throws -> NodeID {
      try #require(plan.nodes(named: "unlearn[\(label),size=500,repeat=1]").first)
    }
    let streams = try ["1-step", "3-step", "reversed"].map { plan.streamKey(of: try id($0)) }
    #expect(Set(streams).count == 1)
    #expect(try keys[id("3-step")] == keys[id("again")])
    #expect(try keys[id("3-step")] != keys[id("1-step")])
  }

  /// A case may have axes and inputs of its own, and what follows it has the same cases.
  @Test func casesHaveAxesOfTheirOwn() throws {
    let plan = try plan(
      """
      axes: { size: [1, 2], random_size: [7, 8, 9], repeat: 2 }
      stages:
        images: { stage: load-images }
        cluster: {}
        group:
          for: [size, repeat]
          parameters: { label: 1, size: "${size}" }
          inputs: [cluster]
          cases:
            coherent: {}
            random: { for: [random_size, repeat], size: "${random_size}", inputs: { cluster: null } }
        retrain: { for: group }
        evaluate: { for: group, inputs: [net: retrain, reference: retrain] }
        table: { inputs: [rows: evaluate] }
      """)
    #expect(plan.nodes(named: "group[coherent]").count == 4)
    #expect(plan.nodes(named: "group[random]").count == 6)
    let name = "[random,random_size=8,repeat=1]"
    #expect(try plan.inputs("group" + name, "cluster").isEmpty)
    #expect(try plan.inputs("group[coherent,size=1,repeat=0]", "cluster") == ["cluster"])
    #expect(try plan.inputs("evaluate" + name, "net") == ["retrain" + name])
    // The cases of both come from `group`: each takes its own, under the name of the stage.
    #expect(try plan.inputs("evaluate" + name, "reference") == ["retrain: retrain" + name])
    #expect(
      try Set(plan.inputs("table", "rows").map { $0.prefix { $0 != ":" } }) == ["coherent", "random"])
  }

  /// Inputs in `for` bring their axes without those that are pinned.
  @Test func forFollowsInputs() throws {
    let plan = try plan(
      """
      defaults: { label: 1, epochs: 1 }
      axes: { size: [1, 2], control: [2, 1], repeat: 2, damping: [0.1, 0.2] }
      stages:
        images: { stage: load-images, for: repeat }
        base: { stage: train, for: images }
        group: { for: [size, images], parameters: { size: "${size}" } }
        unlearn: { for: [damping, group], inputs: [net: base], parameters: { damping: "${damping}" } }
        control: { stage: retrain, for: [control, group], inputs: ["group[size=${control}]", images] }
      """)
    #expect(
      plan.stages.map(\.axes) == [
        ["repeat"], ["repeat"], ["size", "repeat"], ["damping", "size", "repeat"], ["control", "repeat"],
      ])
    #expect(try plan.inputs("control[control=2,repeat=1]", "group") == ["group[size=2,repeat=1]"])
  }

  /// Only what must be filled fills itself, and only with a stage of its own name and of a type that fits.
  @Test func requiredSlotsFillThemselves() throws {
    let text = """
      stages:
        images: { stage: load-images }
        start: { stage: train, parameters: { epochs: 1 } }
        group: { parameters: { label: 1 } }
        retrain: {}
      """
    #expect(try plan(text).node("retrain").inputs.map(\.slot) == ["images", "group"])
    #expect(
      errors(text.replacing("group: { parameters: { label: 1 } }", with: "group: { stage: load-images }"))
        .hasPrefix("folder/main.yaml:5:3: error: stage 'retrain' lacks the input 'group'"))
  }

  /// The nearest wins: the case, the stage, the defaults, the type.
  @Test func defaultsReachAllStages() throws {
    let text = """
      defaults: { damping: 1, label: 2, seed: "${other}" }
      parameters: { other: 5 }
      stages:
        images: { stage: load-images }
        base: { stage: train, parameters: { epochs: "${label}", seed: 6 } }
        group: {}
        a: { stage: unlearn, inputs: [net: base], cases: { x: {}, y: { damping: 3 } } }
        b: { stage: unlearn, inputs: [net: base], parameters: { damping: 4 } }
        evaluate: { inputs: [net: b], parameters: { label: null } }
      """
    func value(_ plan: Plan, _ node: String, _ name: String) throws -> Value {
      try plan.node(node).parameters.values[name] ?? .null
    }
    let plan = try plan(text)
    #expect(try value(plan, "a[x]", "damping") == .number(1))
    #expect(try value(plan, "a[y]", "damping") == .number(3))
    #expect(try value(plan, "b", "damping") == .number(4))
    #expect(try value(plan, "base", "epochs") == .integer(2))
    #expect(try value(plan, "base", "seed") == .integer(6))
    #expect(try value(plan, "group", "seed") == .integer(5))
    #expect(try value(plan, "evaluate", "label") == .null)

    // An option for a stage stands over its cases; one for a case over that one.
    let set = try document(text, ["damping=7", "a.damping=8", "a[y].damping=9", "label=3"]).plan
    #expect(try value(set, "a[x]", "damping") == .number(8))
    #expect(try value(set, "a[y]", "damping") == .number(9))
    #expect(try value(set, "group", "label") == .integer(3))
    let all = try document(text, ["a.damping=8"]).plan
    #expect(try value(all, "a[y]", "damping") == .number(8))
  }

  /// Each file is read once, after those that it extends, whatever the order of a list.
  @Test func putsFragmentsTogether() throws {
    let others = [
      "folder/common.yaml": "defaults: { label: 1 }\nstages: { images: { stage: load-images }, group: {} }",
      "folder/parts.yaml":
        "extends: common.yaml\nstages: { cluster: {}, group: { inputs: [cluster] } }",
      "folder/axes.yaml": "extends: common.yaml\naxes: { n: 2 }\nstages: { group: { for: n } }",
    ]
    for list in ["[parts.yaml, axes.yaml]", "[axes.yaml, common.yaml, parts.yaml]"] {
      let document = try document("extends: \(list)\ndefaults: { label: 4 }\n", others: others)
      #expect(document.files.count == 4)
      #expect(document.plan.names == ["images", "cluster", "group[n=0]", "group[n=1]"])
      #expect(try document.plan.inputs("group[n=1]", "cluster") == ["cluster"])
      #expect(try document.plan.node("group[n=1]").parameters.values["label"] == .integer(4))
    }
  }

  /// A file in `pipelines/checks` reaches what lies in `pipelines/fragments`.
  @Test func extendsWithinTheFolderOfPipelines() throws {
    let document = try document(
      "extends: ../fragments/a.yaml\n",
      others: ["x/pipelines/fragments/a.yaml": "stages: { load-images: {} }"],
      name: "x/pipelines/checks/b.yaml")
    #expect(document.plan.name == "b")
    #expect(document.plan.baseDirectory == "x/pipelines/checks")
    #expect(document.files.map(\.path) == ["x/pipelines/checks/b.yaml", "x/pipelines/fragments/a.yaml"])
  }

  /// What an extending file says of a case is laid over it by name; null removes.
  @Test func mergesCases() throws {
    let plan = try plan(
      """
      extends: base.yaml
      stages:
        unlearn:
          cases: { 1-step: { damping: 0.5 }, again: null, new: { order: [near] } }
      """, others: ["folder/base.yaml": methods])
    #expect(
      plan.stages.filter { $0.family == "unlearn" }.map(\.name) == [
        "unlearn[1-step]", "unlearn[3-step]", "unlearn[reversed]", "unlearn[new]",
      ])
    let first = try plan.node("unlearn[1-step,size=100,repeat=0]").parameters
    #expect(first.values["damping"] == .number(0.5) && first.values["partition"] == .string("whole"))
  }

  /// Each node of a join takes the value of its own axis, and two stages under one label are two joins.
  @Test func joinsFollowTheirConsumer() throws {
    let plan = try plan(
      """
      axes: { s: [1, 2, 3], t: [3, 1] }
      stages:
        src: { stage: command, for: s, parameters: { argv: ["${s}"] } }
        other: { stage: command, for: s, parameters: { argv: ["x${s}"] } }
        mapped: { stage: command, for: t, inputs: { i: ["src[s=${t}]"] }, parameters: { argv: [x] } }
        first: { stage: command, inputs: { i: { label: src } }, parameters: { argv: [x] } }
        second: { stage: command, inputs: { i: { label: other } }, parameters: { argv: [x] } }
      """)
    #expect(try plan.inputs("mapped[t=3]", "i") == ["src: src[s=3]"])
    #expect(try plan.inputs("mapped[t=1]", "i") == ["src: src[s=1]"])
    #expect(try plan.inputs("second", "i") == [1, 2, 3].map { "label: other[s=\($0)]" })
    let keys = plan.planKeys()
    #expect(keys[plan.nodes(named: "first")[0]] != keys[plan.nodes(named: "second")[0]])
  }
}
