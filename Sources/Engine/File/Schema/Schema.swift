// The JSON Schema of pipeline files, generated from the stage declarations.

import PipelineCore

/// Writes the schema (JSON Schema, draft 2020-12). A file that extends another may leave out what that one
/// gives; so there are two forms of each stage, a partial and a complete one.
struct SchemaWriter {
  let stages: [StageDeclaration]

  private static let identifier = "^[A-Za-z_][A-Za-z0-9_-]*$"
  private static let label = "^[^\\[\\],=\\r\\n]+$"

  func schema() -> Schema {
    [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "Pipeline file",
      "type": "object",
      "properties": [
        "description": ["type": "string"],
        "extends": ["type": "string", "minLength": 1, "not": ["pattern": "^/"]],
        "parameters": nullable(["type": "object", "propertyNames": ["pattern": .string(Self.identifier)]]),
        "axes": nullable([
          "type": "object", "propertyNames": ["pattern": .string(Self.identifier)],
          "additionalProperties": ["$ref": "#/$defs/axis"],
        ]),
        "stages": ["type": "object"],
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
      "source": [
        "description": "A stage, perhaps pinned to axis values: stage[axis=value].", "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_-]*(\\[[^\\[\\],=]+=[^\\[\\],=]+(,[^\\[\\],=]+=[^\\[\\],=]+)*\\])?$",
      ],
      "sources": [
        "description": "One or more stages; a map gives each a label.",
        "anyOf": [
          ["$ref": "#/$defs/source"],
          ["type": "array", "minItems": 1, "items": ["$ref": "#/$defs/source"]],
          [
            "type": "object", "minProperties": 1, "propertyNames": ["pattern": .string(Self.label)],
            "additionalProperties": ["$ref": "#/$defs/source"],
          ],
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
    properties["inputs"] = nullable(["type": "object"])
    properties["parameters"] = nullable(["type": "object"])
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
      "for": ["anyOf": [axis, ["type": "array", "uniqueItems": true, "items": axis]]],
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
    var inputs: [String: Schema] = [:]
    for input in declaration.inputs {
      let source: Schema = ["$ref": input.arity.isJoin ? "#/$defs/sources" : "#/$defs/source"]
      inputs[input.name] =
        complete
        ? ["description": .string(input.summary), "allOf": [source]]
        : ["description": .string(input.summary), "anyOf": [source, ["type": "null"]]]
    }
    var parameters: [String: Schema] = [:]
    for parameter in declaration.parameters {
      var schema: [String: Schema] = [
        "description": .string(parameter.summary), "anyOf": .list(forms(of: parameter.type)),
      ]
      if let value = parameter.defaultValue { schema["default"] = Schema(value) }
      parameters[parameter.name] = .map(schema)
    }
    let needed = declaration.parameters.filter { $0.defaultValue == nil }.map { Schema.string($0.name) }
    let slots = declaration.inputs.filter { !$0.arity.isOptional }.map { Schema.string($0.name) }
    var other: Schema = false
    if declaration.takesAnyInput {
      other =
        complete ? ["$ref": "#/$defs/sources"] : ["anyOf": [["$ref": "#/$defs/sources"], ["type": "null"]]]
    }

    var properties = commonProperties()
    properties["inputs"] = map(inputs, other: other, required: complete ? slots : [])
    properties["parameters"] = map(parameters, other: false, required: complete ? needed : [])
    var required: [Schema] = []
    if complete, !slots.isEmpty { required.append("inputs") }
    if complete, !needed.isEmpty { required.append("parameters") }
    // In a file by itself an empty stage still is one, if its type needs nothing; null would remove it.
    return [
      "description": .string(declaration.summary), "type": complete ? "object" : ["object", "null"],
      "properties": .map(properties), "additionalProperties": false, "required": .list(required),
    ]
  }

  private func map(_ properties: [String: Schema], other: Schema, required: [Schema]) -> Schema {
    let map: Schema = [
      "type": "object", "properties": .map(properties), "additionalProperties": other,
      "required": .list(required),
    ]
    return required.isEmpty ? nullable(map) : map
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
    }
  }
}
