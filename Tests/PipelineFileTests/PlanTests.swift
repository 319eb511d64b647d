// What a right file means: nodes, parameters, inputs, joins and their order.

import PipelineCore
import PipelineFile
import Testing

@Suite struct PlanTests {
  @Test func expandsAxes() throws {
    let document = try document(coherent)
    #expect(document.description == "Remove coherent groups of label 0.")
    #expect(document.files.map(\.path) == ["folder/main.yaml"])
    #expect(document.parameters == ["label": .integer(0), "epochs": .integer(3), "text": .string("label 0")])
    let plan = document.plan
    #expect(plan.name == "main")
    #expect(plan.baseDirectory == "folder")
    #expect(plan.stages.map(\.name) == ["images", "base", "group", "retrain", "table", "each"])
    #expect(plan.stages.map(\.nodes) == [0..<1, 1..<2, 2..<8, 8..<14, 14..<15, 15..<17])
    #expect(plan.stages[3].timeout == 600)
    #expect(plan.stages[2].axes == ["size", "repeat"])
    #expect(
      plan.names[2..<8] == [
        "group[size=100,repeat=0]", "group[size=100,repeat=1]", "group[size=100,repeat=2]",
        "group[size=500,repeat=0]", "group[size=500,repeat=1]", "group[size=500,repeat=2]",
      ])
    let group = try plan.node("group[size=500,repeat=1]")
    #expect(group.parameters.json == #"{"label":0,"purpose":null,"seed":1,"size":500}"#)
    #expect(group.axes == [AxisValue("size", .integer(500)), AxisValue("repeat", .integer(1))])
    // Defaults are filled in, and 1 is brought to the number that the type asks for.
    let base = try plan.node("base").parameters
    #expect(base[Toy.learningRate] == 1)
    #expect(base[Toy.epochs] == 3)
    #expect(base[Toy.widths] == [120])
    #expect(base.json.contains(#""learning_rate":1.0"#))
  }

  @Test func matchesAxesOfInputs() throws {
    let plan = try plan(coherent)
    let name = "retrain[size=500,repeat=1]"
    #expect(try plan.inputs(name, "group") == ["group[size=500,repeat=1]"])
    #expect(try plan.inputs(name, "images") == ["images"])
    #expect(try plan.node(name).inputs.map(\.slot) == ["images", "group", "start"])
    #expect(
      try plan.inputs("table", "rows")
        == plan.names[8..<14].map { "1-step: \($0)" } + ["base: base"])
    #expect(
      try plan.inputs("each[size=500]", "rows")
        == plan.names[5..<8].map { "group: \($0)" } + plan.names[11..<14].map { "retrain: \($0)" })
  }

  /// A consumer may expand in another order, or over more axes, than its source.
  @Test func matchesAxesByName() throws {
    let plan = try plan(
      """
      axes: { size: [1, 2], repeat: [7, 8, 9], rate: [a, b] }
      stages:
        source: { stage: command, for: [size, repeat], parameters: { argv: [x] } }
        join: { stage: command, for: [rate, repeat, size], parameters: { argv: [x] }, inputs: { i: [source] } }
        images: { stage: load-images, for: [repeat] }
        group: { for: [rate, repeat], parameters: { label: 1 }, inputs: { images: images } }
      """)
    #expect(try plan.inputs("join[rate=b,repeat=9,size=2]", "i") == ["source: source[size=2,repeat=9]"])
    #expect(try plan.inputs("group[rate=b,repeat=8]", "images") == ["images[repeat=8]"])
    // `rate` makes no difference to what is joined.
    #expect(plan.joins.count == 6)
  }

  /// A slot of any name is a gather where what it names could be several nodes, whatever their number.
  @Test func slotsOfAnyNameAreAsWritten() throws {
    let plan = try plan(
      """
      axes: { letter: [a], size: [1, 2] }
      stages:
        plain: { stage: command, parameters: { argv: [x] } }
        lettered: { stage: command, for: letter, parameters: { argv: [x] } }
        c:
          stage: command
          for: size
          parameters: { argv: [x] }
          inputs:
            one: plain
            pinned: lettered[letter=a]
            listed: [plain]
            labelled: { old: plain }
            gathered: lettered
            pinnedInList: ["lettered[letter=a]"]
        own: { stage: command, for: letter, parameters: { argv: [x] }, inputs: { shared: lettered } }
      """)
    func isGather(_ node: String, _ slot: String) throws -> Bool {
      let input = try #require(try plan.node(node).inputs.first { $0.slot == slot })
      if case .join = input.source { return true }
      return false
    }
    for slot in ["one", "pinned"] { #expect(try !isGather("c[size=1]", slot), "\(slot)") }
    for slot in ["listed", "labelled", "gathered", "pinnedInList"] {
      #expect(try isGather("c[size=1]", slot), "\(slot)")
    }
    #expect(try !isGather("own[letter=a]", "shared"))
    #expect(try plan.inputs("c[size=2]", "labelled") == ["old: plain"])
  }

  /// Whoever is told the members' stage types has them in its key; whoever is not shares no join with it.
  @Test func toldStageTypesAreInTheKey() throws {
    let plan = try plan(
      """
      stages:
        images: { stage: load-images }
        base: { stage: train, inputs: { images: images }, parameters: { epochs: 1 } }
        told: { stage: command, parameters: { argv: [x] }, inputs: { rows: [base] } }
        table: { inputs: { rows: [base] } }
      """)
    var fields: [Bool: [String]] = [:]
    for (index, join) in plan.joins.enumerated() {
      var manifest = RecordingManifest()
      plan.describe(JoinID(index), to: &manifest) { plan.planKeys()[$0] }
      fields[join.tellsStages] = manifest.fields.map(\.name)
    }
    #expect(fields == [true: ["base[] train"], false: ["base[]"]])
  }

  @Test func pinsAxes() throws {
    let plan = try plan(
      """
      parameters: { first: 7 }
      axes: { size: [1, 2], repeat: [7, 8, 9], other: [9, 7] }
      stages:
        images: { stage: load-images }
        group: { for: [size, repeat], parameters: { label: 1 }, inputs: { images: images } }
        fixed: { stage: retrain, inputs: { images: images, group: "group[size=2, repeat=8]" } }
        own: { stage: retrain, for: size, inputs: { images: images, group: group[size=${size},repeat=${first}] } }
        mapped:
          stage: retrain
          for: [other, size]
          inputs: { images: images, group: group[repeat=${other}] }
        gather: { stage: table, for: size, inputs: { rows: group[size=1] } }
        parts: { stage: table, inputs: { rows: ["group[repeat=9]", "group[repeat=7]"] } }
      """)
    #expect(try plan.inputs("fixed", "group") == ["group[size=2,repeat=8]"])
    #expect(try plan.inputs("own[size=2]", "group") == ["group[size=2,repeat=7]"])
    #expect(try plan.inputs("mapped[other=9,size=1]", "group") == ["group[size=1,repeat=9]"])
    #expect(
      try plan.inputs("gather[size=2]", "rows") == [7, 8, 9].map { "group: group[size=1,repeat=\($0)]" })
    #expect(
      try plan.inputs("parts", "rows")
        == ["size=1,repeat=7", "size=1,repeat=9", "size=2,repeat=7", "size=2,repeat=9"].map {
          "group: group[\($0)]"
        })
  }

  /// n × m edges of an all-to-all step are one join of n members, for all stages that take it.
  @Test func sharesJoins() throws {
    let plan = try plan(
      """
      axes: { a: 200, b: 300, one: 1 }
      stages:
        source: { stage: command, for: [a, one], parameters: { argv: ["${a}"] } }
        sink: { stage: command, for: b, inputs: { x: source, y: source }, parameters: { argv: ["${b}"] } }
        again: { stage: command, for: b, inputs: { z: [source] }, parameters: { argv: ["${b}"] } }
        pinned: { stage: command, inputs: { z: "source[one=0]" }, parameters: { argv: [x] } }
        other: { stage: command, inputs: { z: { label: source } }, parameters: { argv: [x] } }
      """)
    #expect(plan.joins.map(\.members.count) == [200, 200])
    #expect(plan.joins.map { $0.members[0].label } == ["source", "label"])
    #expect(plan.nodes.count == 200 + 300 + 300 + 2)
  }

  @Test func ordersStagesByInputs() throws {
    let plan = try plan(
      """
      stages:
        e: { stage: command, parameters: { argv: [x] }, inputs: { i: [d, b] } }
        a: { stage: command, parameters: { argv: [x] } }
        b: { stage: command, parameters: { argv: [x] }, inputs: { i: c } }
        c: { stage: command, parameters: { argv: [x] } }
        d: { stage: command, parameters: { argv: [x] }, inputs: { i: a } }
      """)
    #expect(plan.names == ["a", "d", "c", "b", "e"])
    for id in plan.ids { #expect(plan.predecessors(of: id).allSatisfy { $0 < id }) }
    #expect(plan.stages.map(\.nodes) == [0..<1, 1..<2, 2..<3, 3..<4, 4..<5])
  }

  @Test func keepsOrderThatIsTopological() throws {
    #expect(try plan(coherent).stages.map(\.name) == ["images", "base", "group", "retrain", "table", "each"])
  }

  /// References within lists, maps and text; the escape; a number where text is asked for.
  @Test func evaluatesReferences() throws {
    let plan = try plan(
      """
      parameters:
        all: [1, "${two}"]
        two: 2
        flag: true
        name: "x${two}-${flag}-${half}"
        half: 0.5
        nested: { deep: ["${name}"] }
      axes: { n: [a, 3], sizes: "${all}", count: "${two}" }
      stages:
        run:
          stage: command
          for: [n, sizes, count]
          parameters:
            argv: ["${n}", "n=${n} ${sizes}", "$${n}", $n, "$$", "${name}"]
            environment: { A: "${two}", B: plain }
      """)
    #expect(plan.nodes.count == 2 * 2 * 2)
    let parameters = try plan.node("run[n=3,sizes=2,count=1]").parameters
    #expect(parameters[Toy.argv] == ["3", "n=3 2", "${n}", "$n", "$$", "x2-true-0.5"])
    #expect(parameters[Toy.environment] == ["A": "2", "B": "plain"])
    #expect(
      try document("parameters: { a: { b: [\"${c}\"] }, c: [1.5, null] }\nstages: { load-images: {} }")
        .parameters["a"]
        == .map(["b": .list([.list([.number(1.5), .null])])]))
  }

  /// The core schema of YAML 1.2: `yes` and times are text, numbers may be hexadecimal.
  @Test func readsScalars() throws {
    let text = """
      parameters:
        a: [yes, on, 12:30, 1_000, 2026-11-23, "1", 'x', ~, null, "", +5, -0, 0x1F, 0o17, 1e3, .5, 5., -1.5E-2, 0xG, 1.2.3, -]
        block: |
          line
        folded: >-
          two
          lines
        tagged: !!str 5
      stages: { load-images: }
      """
    let parameters = try document(text.replacing("load-images:", with: "load-images: {}")).parameters
    let strings: (String...) -> [Value] = { $0.map { .string($0) } }
    #expect(
      parameters["a"]
        == .list(
          strings("yes", "on", "12:30", "1_000", "2026-11-23", "1", "x") + [.null, .null, .string("")]
            + [.integer(5), .integer(0), .integer(31), .integer(15), .number(1000), .number(0.5), .number(5)]
            + [.number(-0.015)] + strings("0xG", "1.2.3", "-")))
    #expect(parameters["block"] == .string("line\n"))
    #expect(parameters["folded"] == .string("two lines"))
    #expect(parameters["tagged"] == .string("5"))
  }

  /// References in braces may stand bare within `{…}`, though YAML itself would not have them.
  @Test func readsBareReferences() throws {
    let quoted = coherent.replacing("${label}, size: ${size}", with: "\"${label}\", size: '${size}'")
    #expect(quoted != coherent)
    #expect(try plan(quoted).nodes.map(\.parameters) == plan(coherent).nodes.map(\.parameters))
  }

  @Test func readsAliases() throws {
    let plan = try plan(
      """
      parameters: { common: &common { images: images } }
      stages:
        images: { stage: load-images }
        a: { stage: group, inputs: *common, parameters: &p { label: 3 } }
        b: { stage: group, inputs: *common, parameters: *p }
      """)
    #expect(try plan.inputs("b", "images") == ["images"])
    #expect(try plan.node("b").parameters[Toy.label] == 3)
  }

  @Test func digestsExternalFiles() throws {
    let plan = try plan(
      """
      axes: { n: [1, 2] }
      stages:
        run: { stage: command, for: n, parameters: { argv: [x], files: ["b${n}", a] } }
        data: { stage: load-images, parameters: { folder: ../data } }
        far: { stage: load-images, parameters: { folder: /data } }
      """)
    func file(_ path: String, _ opened: String) -> ExternalFile {
      ExternalFile(path: path, digest: Digest(of: Array(opened.utf8)))
    }
    #expect(try plan.node("run[n=2]").files == [file("a", "folder/a"), file("b2", "folder/b2")])
    #expect(try plan.node("data").files == [file("../data", "folder/../data")])
    #expect(try plan.node("far").files == [file("/data", "/data")])
  }
}
