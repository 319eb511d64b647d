// The generated JSON Schema: it is JSON, and says what the declarations say.

import Foundation
import PipelineCore
import PipelineFile
import Testing

@Suite struct SchemaTests {
  private func schema() throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(PipelineFile.schema(stages: toys).utf8))
  }

  @Test func describesEveryStage() throws {
    let definitions = try schema()["$defs"]
    for declaration in toys.values {
      for form in ["partial", "complete"] {
        let stage = definitions["\(declaration.name) \(form)"]
        #expect(stage["additionalProperties"] == .boolean(false))
        var parameters = stage["properties"]["parameters"]
        if case .list(let forms) = parameters["anyOf"] { parameters = forms[0] }
        #expect(parameters["additionalProperties"] == .boolean(false))
        for parameter in declaration.parameters {
          let schema = parameters["properties"][parameter.name]
          #expect(schema["description"] == .string(parameter.summary))
          #expect(schema["default"] == (parameter.defaultValue ?? .null).throughJSON)
        }
        let cases = stage["properties"]["cases"]["additionalProperties"]
        #expect(cases["additionalProperties"] == .boolean(false))
        for name in declaration.parameters.map(\.name) {
          #expect(cases["properties"][name] == parameters["properties"][name])
        }
      }
    }
  }

  @Test func statesLimits() throws {
    let stage = try schema()["$defs"]["train complete"]["properties"]
    guard case .list(let forms) = stage["parameters"]["anyOf"] else { throw NoSuchFile() }
    let train = forms[0]["properties"]
    let reference = Value.map(["$ref": .string("#/$defs/reference")])
    #expect(
      train["epochs"]["anyOf"]
        == .list([.map(["type": .string("integer"), "minimum": .integer(1)]), reference]))
    #expect(
      train["learning_rate"]["anyOf"]
        == .list([
          .map(["type": .string("number"), "minimum": .integer(0), "maximum": .integer(10)]), reference,
        ]))
  }

  /// The same declarations give the same bytes, so that the schema can be kept under version control.
  @Test func isStable() {
    #expect(PipelineFile.schema(stages: toys) == PipelineFile.schema(stages: toys))
    #expect(PipelineFile.schema(stages: toys).hasSuffix("}\n"))
  }
}

extension Value {
  fileprivate subscript(key: String) -> Value {
    if case .map(let values) = self { values[key] ?? .null } else { .null }
  }

  /// As another reader of JSON sees it: 1.0 is 1.
  fileprivate var throughJSON: Value {
    if case .number(let number) = self, let integer = Int(exactly: number) { .integer(integer) } else { self }
  }
}
