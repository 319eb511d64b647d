// The JSON Schema of pipeline files, generated from the stage declarations.

import PipelineCore

/// Writes the schema (JSON Schema, draft 2020-12). A file that extends others may leave out a stage's type, and may
/// remove what they give; so there are two forms of each stage, a partial and a complete one. Neither asks for
/// inputs or parameters: slots fill themselves, and parameters come from cases and defaults too.
struct SchemaWriter {
  let stages: [StageDeclaration]

  private static let identifier = "^[A-Za-z_][A-Za-z0-9_-]*$"
  private static let label = "^[^\\[\\],=\\r\\n]+$"
  /// `stage`, `stage[case]`, `stage[axis=value]`, `stage[case,axis=value]`.
  private static let source =
    "^[A-Za-z_][A-Za-z0-9_-]*(\\[[^\\[\\],=]+(=[^\\[\\],=]+)?(,[^\\[\\],=]+=[^\\[\\],=]+)*\\])?$"

  /// The names of the parameters of all stage types.
  private var parameterNames: [String] { Set(stages.flatMap { $0.parameters.map(\.name) }).sorted() }

  /// A map of labels.
  private func labelled(_ value: Schema, most: Int? = nil) -> Schema {
    var schema: [String: Schema] = [
      "type": "object", "minProperties": 1, "propertyNames": ["pattern": .string(Self.label)],
      "additionalProperties": value,
    ]
    if let most { schema["maxProperties"] = .integer(most) }
    return .map(schema)
  }

  private func oneOrMore(_ schema: Schema) -> Schema {
    ["anyOf": [schema, ["type": "array", "items": schema]]]
  }

  func schema() -> Schema {
    [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "Pipeline file",
      "type": "object",
      "properties": [
        "description": ["type": "string"],
        "extends": oneOrMore(["type": "string", "minLength": 1, "not": ["pattern": "^/"]]),
        "parameters": nullable(["type": "object", "propertyNames": ["pattern": .string(Self.identifier)]]),
        "defaults": nullable([
          "description": "Parameters of the file that each stage with a parameter of that name is given.",
          "type": "object", "propertyNames": ["enum": .list(parameterNames.map { .string($0) })],
        ]),
        "axes": nullable([
          "type": "object", "propertyNames": ["pattern": .string(Self.identifier)],
          "additionalProperties": ["$ref": "#/$defs/axis"],
        ]),
        "notes": nullable([
          "description": "Why values of parameters and axes are what they are, by name.", "type": "object",
          "additionalProperties": ["type": ["string", "null"]],
        ]),
        "zip": nullable([
          "description": "Axes that go in step, value by value; or a list of such lists.",
          "anyOf": [
            ["$ref": "#/$defs/axes in step"], ["type": "array", "items": ["$ref": "#/$defs/axes in step"]],
          ],
        ]),
        "exclude": nullable(oneOrMore(["$ref": "#/$defs/exclusion"])),
        "stages": ["type": "object"],
        "publish": nullable([
          "description": "Folders below the project's root, with the nodes whose files a run leaves there.",
          "type": "object", "propertyNames": ["not": ["pattern": "^/|(^|/)\\.\\.(/|$)"]],
          "additionalProperties": nullable(oneOrMore(["type": "string", "minLength": 1])),
        ]),
      ],
      "additionalProperties": false,
      "if": ["required": ["extends"]],
      "then": ["properties": ["stages": stageMap(complete: false)]],
      "else": [
        "required": ["stages"],
        "properties": [
          "stages": stageMap(complete: true),
          "axes": nullable(["additionalProperties": ["not": ["type": "null"]]]),
        ],
      ],
      "$defs": .map(definitions()),
    ]
  }

  private func definitions() -> [String: Schema] {
    let scalar: Schema = ["type": ["string", "number", "boolean"]]
    let axis: Schema = ["type": "string", "pattern": .string(Self.identifier)]
    var definitions: [String: Schema] = [
      "reference": [
        "description": "Text with a reference to a parameter or an axis.", "type": "string",
        "pattern": "\\$\\{[A-Za-z_][A-Za-z0-9_-]*\\}",
      ],
      "axis": [
        "description": "Distinct values, or a count n for the values from 0 to n - 1.",
        "anyOf": [
          ["type": "integer", "minimum": 1, "maximum": .integer(PlanBounds.nodes)],
          ["type": "array", "minItems": 1, "uniqueItems": true, "items": scalar],
          ["$ref": "#/$defs/reference"],
          ["description": "Removes the axis of the extended file.", "type": "null"],
        ],
      ],
      "axes in step": ["type": "array", "minItems": 2, "uniqueItems": true, "items": axis],
      "exclusion": [
        "description": "Values of axes; a stage that has all of these axes has no nodes there.",
        "type": "object", "minProperties": 1, "propertyNames": ["pattern": .string(Self.identifier)],
        "additionalProperties": ["anyOf": [scalar, ["type": "array", "items": scalar]]],
      ],
      "condition": [
        "description":
          "name=value, with one of <= >= != < > =; several behind commas; or a reference to true or false.",
        "type": "string", "minLength": 1,
      ],
      "source": [
        "description":
          "A stage, perhaps a case of it, perhaps pinned to axis values: stage[case,axis=value].",
        "type": "string", "pattern": .string(Self.source),
      ],
      "sources": [
        "description": "One or more stages; a map gives each a label.",
        "anyOf": [
          ["$ref": "#/$defs/source"],
          [
            "type": "array", "minItems": 1,
            "items": ["anyOf": [["$ref": "#/$defs/source"], labelled(["$ref": "#/$defs/source"], most: 1)]],
          ],
          labelled(["$ref": "#/$defs/source"]),
        ],
      ],
      "partial stage": stage(complete: false),
      "complete stage": stage(complete: true),
    ]
    for declaration in stages {
      definitions["\(declaration.name) partial"] = body(of: declaration, complete: false)
      definitions["\(declaration.name) complete"] = body(of: declaration, complete: true)
    }
    return definitions
  }

  /// All stages of a file. A stage without `stage:` has the type of its name.
  private func stageMap(complete: Bool) -> Schema {
    let form = complete ? "complete" : "partial"
    var named: [String: Schema] = [:]
    for declaration in stages {
      named[declaration.name] = [
        "if": ["type": "object", "not": ["required": ["stage"]]],
        "then": ["$ref": .string("#/$defs/\(declaration.name) \(form)")],
        "else": ["$ref": .string("#/$defs/\(form) stage")],
      ]
    }
    var map: [String: Schema] = [
      "propertyNames": ["pattern": .string(Self.identifier)],
      "properties": .map(named),
      "additionalProperties": ["$ref": .string("#/$defs/\(form) stage")],
    ]
    if complete { map["minProperties"] = 1 }
    return .map(map)
  }

  /// A stage that names its type, or, where another file may name it, does not.
  private func stage(complete: Bool) -> Schema {
    let form = complete ? "complete" : "partial"
    let cases = stages.map { declaration -> Schema in
      [
        "if": [
          "type": "object", "required": ["stage"],
          "properties": ["stage": ["const": .string(declaration.name)]],
        ],
        "then": ["$ref": .string("#/$defs/\(declaration.name) \(form)")],
      ]
    }
    var properties = commonProperties()
    properties["inputs"] = ["type": ["object", "array", "null"]]
    properties["parameters"] = nullable(["type": "object"])
    properties["cases"] = nullable(["type": "object"])
    var stage: [String: Schema] = [
      "type": complete ? "object" : ["object", "null"],
      "properties": .map(properties),
      "additionalProperties": false,
      "allOf": .list(cases),
    ]
    if complete { stage["required"] = ["stage"] }
    return .map(stage)
  }

  private func commonProperties() -> [String: Schema] {
    let axis: Schema = ["type": "string", "pattern": .string(Self.identifier)]
    return [
      "stage": ["enum": .list(stages.map { .string($0.name) })],
      "for": [
        "description": "Axes, and inputs that stand for the axes and cases of what they take.",
        "anyOf": [axis, ["type": "array", "uniqueItems": true, "items": axis]],
      ],
      "when": nullable([
        "description":
          "Conditions on parameters of the file and on axes; without all of them a node does not exist.",
        "anyOf": [
          ["type": "boolean"], ["$ref": "#/$defs/condition"],
          ["type": "array", "items": ["anyOf": [["type": "boolean"], ["$ref": "#/$defs/condition"]]]],
        ],
      ]),
      "timeout": [
        "description": "Seconds after which a node is taken to hang.",
        "anyOf": [
          ["type": "number", "exclusiveMinimum": 0], ["$ref": "#/$defs/reference"], ["type": "null"],
        ],
      ],
    ]
  }

  /// A stage of one type.
  private func body(of declaration: StageDeclaration, complete: Bool) -> Schema {
    let parameters = parameters(of: declaration)
    var properties = commonProperties()
    properties["inputs"] = inputs(of: declaration)
    properties["parameters"] = nullable([
      "type": "object", "properties": .map(parameters), "additionalProperties": false,
    ])
    // A case holds parameters directly; one of another file may be removed.
    let caseBody = parameters.merging(
      [
        "for": properties["for"] ?? [:], "inputs": properties["inputs"] ?? [:],
        "when": properties["when"] ?? [:],
      ]) { $1 }
    properties["cases"] = labelled([
      "type": complete ? "object" : ["object", "null"], "properties": .map(caseBody),
      "additionalProperties": false,
    ])
    // In a file by itself an empty stage still is one, if its type needs nothing; null would remove it.
    return [
      "description": .string(declaration.summary), "type": complete ? "object" : ["object", "null"],
      "properties": .map(properties), "additionalProperties": false,
    ]
  }

  private func parameters(of declaration: StageDeclaration) -> [String: Schema] {
    var parameters: [String: Schema] = [:]
    for parameter in declaration.parameters {
      var schema: [String: Schema] = [
        "description": .string(parameter.summary), "anyOf": .list(forms(of: parameter.type)),
      ]
      if let value = parameter.defaultValue { schema["default"] = Schema(value) }
      parameters[parameter.name] = .map(schema)
    }
    return parameters
  }

  /// The inputs of a stage: slots with sources, null to take one away from a case or from another file's stage; or
  /// a list, in which a stage alone fills the slot of its name.
  private func inputs(of declaration: StageDeclaration) -> Schema {
    let sources: Schema = nullable(["$ref": "#/$defs/sources"])
    var slots: [String: Schema] = [:]
    for input in declaration.inputs {
      slots[input.name] = ["description": .string(input.summary), "allOf": [sources]]
    }
    let other: Schema = declaration.takesAnyInput ? sources : false
    let map: [String: Schema] = [
      "type": "object", "properties": .map(slots), "additionalProperties": other,
    ]
    let entry = map.merging(["minProperties": 1, "maxProperties": 1]) { $1 }
    return nullable([
      "anyOf": [
        .map(map), ["type": "array", "items": ["anyOf": [["$ref": "#/$defs/source"], .map(entry)]]],
      ]
    ])
  }

  private func nullable(_ schema: Schema) -> Schema { ["anyOf": [schema, ["type": "null"]]] }

  /// The forms that a value of a type may take in a file: the value, or text with a reference.
  private func forms(of type: ParameterType) -> [Schema] {
    let reference: Schema = ["$ref": "#/$defs/reference"]
    switch type {
    case .boolean: return [["type": "boolean"], reference]
    case .integer(let range):
      var schema: [String: Schema] = ["type": "integer"]
      if range.lowerBound != Int.min { schema["minimum"] = .integer(range.lowerBound) }
      if range.upperBound != Int.max { schema["maximum"] = .integer(range.upperBound) }
      return [.map(schema), reference]
    case .number(let range):
      var schema: [String: Schema] = ["type": "number"]
      if range.lowerBound != -Double.greatestFiniteMagnitude { schema["minimum"] = .number(range.lowerBound) }
      if range.upperBound != Double.greatestFiniteMagnitude { schema["maximum"] = .number(range.upperBound) }
      return [.map(schema), reference]
    case .string: return [["type": "string"]]
    case .choice(let words): return [["enum": .list(words.map { .string($0) })], reference]
    case .list(let element):
      return [["type": "array", "items": ["anyOf": .list(forms(of: element))]], reference]
    case .map(let element):
      return [["type": "object", "additionalProperties": ["anyOf": .list(forms(of: element))]], reference]
    case .optional(let inner): return forms(of: inner) + [["type": "null"]]
    case .either(let scalar, let other):
      let first = forms(of: scalar)
      return first + forms(of: other).filter { form in !first.contains { $0.value == form.value } }
    }
  }
}
