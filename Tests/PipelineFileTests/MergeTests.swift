// `extends` and `--set`: what is merged, what is replaced, what is removed.

import Foundation
import PipelineCore
import PipelineFile
import Testing

@Suite struct MergeTests {
  @Test func extendsByName() throws {
    let document = try document(
      """
      extends: coherent.yaml
      parameters: { label: 8 }
      axes: { size: [50] }
      stages:
        base: { parameters: { learning_rate: 0.5 } }
        retrain: { inputs: { start: null }, timeout: null }
        each: null
        more: { stage: table, inputs: { rows: group } }
      """, others: ["folder/coherent.yaml": coherent])
    #expect(document.files.map(\.path) == ["folder/main.yaml", "folder/coherent.yaml"])
    #expect(document.description == "Remove coherent groups of label 0.")
    #expect(document.parameters["text"] == .string("label 8"))
    let plan = document.plan
    #expect(plan.stages.map(\.name) == ["images", "base", "group", "retrain", "table", "more"])
    #expect(plan.stages.map(\.nodes.count) == [1, 1, 3, 3, 1, 1])
    #expect(plan.stages[3].timeout == nil)
    #expect(try plan.node("base").parameters[Toy.learningRate] == 0.5)
    #expect(try plan.node("base").parameters[Toy.epochs] == 3)
    #expect(try plan.node("group[size=50,repeat=0]").parameters[Toy.label] == 8)
    #expect(try plan.node("retrain[size=50,repeat=0]").inputs.map(\.slot) == ["images", "group"])
  }

  /// Paths are relative to the file that names them; the nearest file wins.
  @Test func extendsOverLevels() throws {
    let document = try document(
      "extends: sub/a.yaml\nparameters: { z: 3 }\n",
      others: [
        "folder/sub/a.yaml": "extends: ../b.yaml\nparameters: { y: 2, z: 2 }\naxes: { size: null }\n",
        "folder/b.yaml": """
        description: last
        parameters: { x: 1, y: 1, z: 1 }
        axes: { size: [1, 2] }
        stages: { load-images: {} }
        """,
      ])
    #expect(document.files.map(\.path) == ["folder/main.yaml", "folder/sub/a.yaml", "folder/b.yaml"])
    #expect(document.parameters == ["x": .integer(1), "y": .integer(2), "z": .integer(3)])
    #expect(document.plan.names == ["load-images"])
  }

  /// A note goes with its value: whoever gives another takes it away.
  @Test func notesGoWithTheirValues() throws {
    let base = """
      parameters: { x: 1, y: 2, deep: "${x}" }
      defaults: { epochs: 3 }
      axes: { size: [1, 2] }
      notes: { x: why 1, y: why 2, epochs: why 3, size: why both }
      stages:
        images: { stage: load-images }
        base: { stage: train, parameters: { learning_rate: "${x}" } }
      """
    let whole = try document(base)
    #expect(whole.notes == ["x": "why 1", "y": "why 2", "epochs": "why 3", "size": "why both"])
    let stage = try #require(whole.plan.stages.first { $0.name == "base" })
    #expect(whole.notes(of: stage) == ["learning_rate": "why 1", "epochs": "why 3"])
    // The note is in no key.
    let bare = base.replacing(#/notes: .*\n/#, with: "")
    #expect(try document(bare).plan.planKeys().nodes == whole.plan.planKeys().nodes)
    func notes(_ text: String, _ overrides: [String] = []) throws -> [String: String] {
      try document("extends: b.yaml\n" + text, overrides, others: ["folder/b.yaml": base]).notes
    }
    #expect(try notes("description: x") == whole.notes)
    #expect(try notes("parameters: { x: 5 }").keys.sorted() == ["epochs", "size", "y"])
    #expect(try notes("parameters: { x: 5 }\nnotes: { x: why 5 }")["x"] == "why 5")
    #expect(try notes("axes: { size: null }\ndefaults: { epochs: 4 }").keys.sorted() == ["x", "y"])
    #expect(try notes("notes: { x: null }").keys.sorted() == ["epochs", "size", "y"])
    #expect(try notes("description: x", ["epochs=9", "size=[7]"]).keys.sorted() == ["x", "y"])
  }

  @Test func setsEverything() throws {
    let overrides = [
      "label=3", "repeat=50", "size=[100, 500, 900]", "base.learning_rate=0.25", "base.widths=[3, 4]",
      "base.nesterov=true", "images.dataset=fashion-mnist", "retrain.timeout=5", "text=a=b", "epochs=7",
      "epochs=8",
    ]
    let document = try document(coherent, overrides)
    let plan = document.plan
    #expect(plan.stages[2].nodes.count == 150)
    #expect(plan.stages[3].timeout == 5)
    #expect(document.parameters == ["label": .integer(3), "epochs": .integer(8), "text": .string("a=b")])
    let base = try plan.node("base").parameters
    #expect(base[Toy.learningRate] == 0.25 && base[Toy.widths] == [3, 4] && base[Toy.nesterov])
    #expect(try plan.node("images").parameters[Toy.dataset] == "fashion-mnist")
    #expect(try plan.node("group[size=900,repeat=49]").parameters[Toy.label] == 3)
  }

  /// An option may hold a reference, and wins over all files.
  @Test func setsOverExtends() throws {
    let document = try document(
      "extends: coherent.yaml\nparameters: { label: 8 }\n", ["label=2", "base.epochs=${label}"],
      others: ["folder/coherent.yaml": coherent])
    #expect(try document.plan.node("base").parameters[Toy.epochs] == 2)
  }

  @Test func loadsFromDisk() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pipeline-file-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ bytes: [UInt8]) throws {
      try Data(bytes).write(to: folder.appending(path: name))
    }
    func load(_ name: String) throws -> PipelineDocument {
      try PipelineFile.load(path: folder.appending(path: name).path, stages: toys) {
        Digest(of: Array($0.utf8))
      }
    }
    try write("base.yaml", Array(coherent.utf8))
    try write("small.yaml", Array("\u{FEFF}extends: base.yaml\r\naxes: { repeat: 1 }\r\n".utf8))
    let document = try load("small.yaml")
    #expect(document.plan.name == "small")
    #expect(document.plan.baseDirectory == folder.path)
    #expect(document.plan.stages[2].nodes.count == 2)

    try write("latin.yaml", Array("stages:\n  \u{E9}".utf8.dropLast(1)))
    try write("long.yaml", [UInt8](repeating: UInt8(ascii: "#"), count: 5 << 20))
    for (name, reason) in [
      ("latin.yaml", "it is no UTF-8 text (line 2)"), ("long.yaml", "it is longer than 4 MB"),
      (".", "it is no regular file"), ("none.yaml", "No such file or directory"),
    ] {
      #expect {
        try load(name)
      } throws: { error in
        "\(error)" == "error: can't read '\(folder.appending(path: name).path)': \(reason)"
      }
    }
  }
}
