// Stage types for the tests: the shapes of real ones, with no work behind them.

import PipelineCore
import PipelineFile

/// Parameters that tests read.
enum Toy {
  static let dataset = Parameter("dataset", .word(["mnist", "fashion-mnist"]), default: "mnist", "which")
  static let folder = Parameter("folder", .optional(.string), default: nil, "a folder of files")
  static let learningRate = Parameter("learning_rate", .number(0...10), default: 0.1, "the step")
  static let epochs = Parameter("epochs", .integer(1...), "how many")
  static let nesterov = Parameter("nesterov", .boolean, default: false, "which momentum")
  static let widths = Parameter("widths", .list(.integer(1...)), default: [120], "layers")
  static let label = Parameter("label", .integer(0...9), "which label")
  static let size = Parameter("size", .integer(1...), default: 100, "how many")
  static let argv = Parameter("argv", .list(.string), "the program and its arguments")
  static let environment = Parameter("environment", .map(.string), default: [:], "variables")
  static let order = Parameter("order", .list(.string), default: [], "labels")
  static let title = Parameter("title", .string, default: "", "stands above")
  static let partition = Parameter("partition", .word(["group", "whole"]), default: "group", "the parts")
  static let parts = Parameter(
    "order", .list(.word(["near", "moderate", "far"])), default: ["near", "moderate", "far"],
    "which parts, in this order")
  static let damping = Parameter("damping", .number(0...10), default: 0.005, "of the solves")
  static let split = Parameter("label", .optional(.integer(0...9)), default: nil, "of a split")
  static let files = Parameter("files", .list(.string), default: [], "files that it reads")
}

/// The stage types by name.
let toys: [String: StageDeclaration] = Dictionary(
  uniqueKeysWithValues: [
    StageDeclaration(
      name: "load-images", version: 1, summary: "Images with labels.",
      parameters: [Toy.dataset, Toy.folder],
      externalFiles: { values in values[Toy.folder].map { [$0] } ?? [] }, allowsOutsideFiles: true),
    StageDeclaration(
      name: "train", version: 1, summary: "A net.",
      parameters: [
        Toy.learningRate, Toy.epochs, Toy.nesterov,
        Toy.widths, Parameter("memory", .integer(1...), default: 1, changesResult: false, "ceiling"),
      ],
      inputs: [InputDeclaration("images", accepts: ["load-images"], .one, "what it learns from")],
      isRandom: true),
    StageDeclaration(
      name: "group", version: 1, summary: "Random images of a label.",
      parameters: [Toy.label, Toy.size],
      inputs: [
        InputDeclaration("images", accepts: ["load-images"], .one, "where they come from"),
        InputDeclaration("cluster", accepts: ["cluster"], .optional, "their parts"),
      ],
      isRandom: true,
      check: { values in
        let size = values[Toy.size]
        return size > 5000
          ? ParameterProblem(Toy.size, "a label has 5000 images, and a group of \(size) is larger") : nil
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
      parameters: [Toy.order, Toy.title],
      inputs: [
        InputDeclaration("rows", accepts: ["train", "retrain", "group", "evaluate"], .many, "what it shows")
      ]),
    StageDeclaration(
      name: "unlearn", version: 1, summary: "A net from which a group is removed.",
      parameters: [Toy.partition, Toy.parts, Toy.damping],
      inputs: [
        InputDeclaration("images", accepts: ["load-images"], .one, "what it has learnt from"),
        InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], .one, "the net"),
        InputDeclaration("group", accepts: ["group"], .one, "what it forgets"),
        InputDeclaration("budget", accepts: ["unlearn"], .optional, "how far it goes"),
      ], isRandom: true),
    StageDeclaration(
      name: "evaluate", version: 1, summary: "Figures of a net.",
      parameters: [Toy.split],
      inputs: [
        InputDeclaration("images", accepts: ["load-images"], .one, "what it is tried on"),
        InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], .one, "the net"),
        InputDeclaration("group", accepts: ["group"], .one, "what was removed"),
        InputDeclaration("reference", accepts: ["retrain"], .optionalMany, "what it is held to"),
      ]),
    StageDeclaration(
      name: "cluster", version: 1, summary: "Parts of the images.",
      inputs: [InputDeclaration("images", accepts: ["load-images"], .one, "what is divided")]),
    StageDeclaration(
      name: "command", version: 1, summary: "Any program.",
      parameters: [Toy.argv, Toy.environment, Toy.files], takesAnyInput: true,
      externalFiles: { $0[Toy.files] }),
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
