// Stage types for the tests: the shapes of real ones, with no work behind them.

import PipelineCore
import PipelineFile

/// The stage types by name.
let toys: [String: StageDeclaration] = Dictionary(
  uniqueKeysWithValues: [
    StageDeclaration(
      name: "load-images", version: 1, summary: "Images with labels.",
      parameters: [
        ParameterDeclaration(
          "dataset", .choice(["mnist", "fashion-mnist"]), default: .string("mnist"), "which"),
        ParameterDeclaration("folder", .optional(.string), default: .null, "a folder of files"),
      ],
      externalFiles: { values in values.optionalString("folder").map { [$0] } ?? [] },
      allowsOutsideFiles: true),
    StageDeclaration(
      name: "train", version: 1, summary: "A net.",
      parameters: [
        ParameterDeclaration("learning_rate", .number(0...10), default: .number(0.1), "the step"),
        ParameterDeclaration("epochs", .integer(atLeast: 1), "how many"),
        ParameterDeclaration("nesterov", .boolean, default: .boolean(false), "which momentum"),
        ParameterDeclaration(
          "widths", .list(.integer(atLeast: 1)), default: .list([.integer(120)]), "layers"),
        ParameterDeclaration(
          "memory", .integer(atLeast: 1), default: .integer(1), changesResult: false, "ceiling"),
      ],
      inputs: [InputDeclaration("images", accepts: ["load-images"], .one, "what it learns from")],
      isRandom: true),
    StageDeclaration(
      name: "group", version: 1, summary: "Random images of a label.",
      parameters: [
        ParameterDeclaration("label", .integer(0...9), "which label"),
        ParameterDeclaration("size", .integer(atLeast: 1), default: .integer(100), "how many"),
      ],
      inputs: [InputDeclaration("images", accepts: ["load-images"], .one, "where they come from")],
      isRandom: true,
      check: { values in
        values.integer("size") > 5000
          ? ParameterProblem(
            "size", "a label has 5000 images, and a group of \(values.integer("size")) is larger")
          : nil
      }),
    StageDeclaration(
      name: "retrain", version: 1, summary: "A net without a group.",
      inputs: [
        InputDeclaration("images", accepts: ["load-images"], .one, "what it learns from"),
        InputDeclaration("group", accepts: ["group"], .one, "what it does not see"),
        InputDeclaration("start", accepts: ["train", "retrain"], .optional, "where it starts"),
      ], isRandom: true),
    StageDeclaration(
      name: "table", version: 1, summary: "A table.",
      inputs: [InputDeclaration("rows", accepts: ["train", "retrain", "group"], .many, "what it shows")]),
    StageDeclaration(
      name: "command", version: 1, summary: "Any program.",
      parameters: [
        ParameterDeclaration("argv", .list(.string), "the program and its arguments"),
        ParameterDeclaration("environment", .map(.string), default: .map([:]), "variables"),
        ParameterDeclaration("files", .list(.string), default: .list([]), "files that it reads"),
      ], takesAnyInput: true, externalFiles: { $0.strings("files") }),
  ].map { ($0.name, $0) })

/// An error of a file that a test pretends to have.
struct NoSuchFile: Error, CustomStringConvertible {
  let description = "No such file or directory"
}

/// Plans from texts; external files have the digest of their path.
func document(
  _ text: String, _ overrides: [String] = [], others: [String: String] = [:], missing: Set<String> = [],
  name: String = "folder/main.yaml"
) throws(PipelineFileErrors) -> PipelineDocument {
  try PipelineFile.parse(
    text: text, name: name, stages: toys, overrides: overrides,
    readFile: { path in
      guard let text = others[path] else { throw NoSuchFile() }
      return text
    },
    hashFile: { path in
      guard !missing.contains(path) else { throw NoSuchFile() }
      return Digest(of: Array(path.utf8))
    })
}

func plan(_ text: String, _ overrides: [String] = [], others: [String: String] = [:]) throws -> Plan {
  try document(text, overrides, others: others).plan
}

/// The text of all errors.
func errors(
  _ text: String, _ overrides: [String] = [], others: [String: String] = [:], missing: Set<String> = []
) -> String {
  do {
    _ = try document(text, overrides, others: others, missing: missing)
    return "no errors"
  } catch {
    return error.description
  }
}

extension Plan {
  /// The names of all nodes in order.
  var names: [String] { nodes.map(\.name) }

  /// The only node of a name.
  func node(_ name: String) throws -> PlannedNode {
    guard let node = nodes.first(where: { $0.name == name }) else { throw NoSuchFile() }
    return node
  }

  /// The names of the nodes that fill a slot, joins opened, with labels where there is a join.
  func inputs(_ name: String, _ slot: String) throws -> [String] {
    guard let input = try node(name).inputs.first(where: { $0.slot == slot }) else { return [] }
    switch input.source {
    case .node(let id): return [self[id].name]
    case .join(let join): return joins[join.index].members.map { "\($0.label): \(self[$0.node].name)" }
    }
  }
}

/// A file in which everything is right.
let coherent = """
  description: Remove coherent groups of label 0.
  parameters:
    label: 0
    epochs: 3
    text: "label ${label}"
  axes:
    size: [100, 500]
    repeat: 3
  stages:
    images: { stage: load-images, parameters: { dataset: mnist } }
    base:
      stage: train
      inputs: { images: images }
      parameters: { epochs: ${epochs}, learning_rate: 1 }
    group:
      for: [size, repeat]
      inputs: { images: images }
      parameters: { label: ${label}, size: ${size} }
    retrain:
      for: [size, repeat]
      inputs: { images: images, group: group, start: base }
      timeout: 600
    table:
      inputs:
        rows: { base: base, "1-step": retrain }
    each:
      stage: table
      for: [size]
      inputs:
        rows: [retrain, group]
  """
