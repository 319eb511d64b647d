// `pipeline stages`: the stage types as they declare themselves, and the JSON Schema of the pipeline file.

import ArgumentParser
import PipelineCore
import PipelineFile
import Stages

struct StagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract: "Shows the stage types: parameters with types and defaults, inputs, layout of the artifact.")

  @Argument(help: "A stage type (default: a line each).", completion: .list(allStages.names)) var stage:
    String?
  @Flag(help: "Prints JSON.") var json = false
  @Flag(help: "Prints a JSON Schema of the pipeline file.") var schema = false

  func run() throws {
    if schema { return print(PipelineFile.schema(stages: allStages.declarations)) }
    var shown = allStages.names.compactMap(allStages.declaration)
    if let stage {
      guard let declaration = allStages.declaration(stage) else {
        printError("error: there is no stage type '\(stage)'")
        printError("  note: \(suggestion(for: stage, among: allStages.names, of: "stage types"))")
        throw Exit.wrongFile
      }
      shown = [declaration]
    }
    if json { return try printJSON(shown.map(StageDescription.init)) }
    if stage == nil { return printColumns(shown.map { [$0.name, $0.summary] }) }
    for declaration in shown { describe(declaration) }
  }

  private func describe(_ stage: StageDeclaration) {
    print("\(stage.name) (version \(stage.version)): \(stage.summary)")
    if !stage.inputs.isEmpty || stage.takesAnyInput {
      print("\ninputs")
      printColumns(
        stage.inputs.map { input in
          let accepts = input.accepts.isEmpty ? "any stage" : input.accepts.joined(separator: ", ")
          let arity =
            switch input.arity {
            case .one: "one"
            case .optional: "one or none"
            case .many: "any number"
            case .optionalMany: "any number or none"
            case .asWritten: "one, or any number"
            }
          return ["  \(input.name)", arity, accepts, input.summary]
        }
          + (stage.takesAnyInput
            ? [["  (any name)", "one, or any number", "any stage", "any artifact"]] : []))
    }
    if !stage.parameters.isEmpty {
      print("\nparameters")
      printColumns(
        stage.parameters.map { parameter in
          [
            "  \(parameter.name)", parameter.defaultValue?.json ?? "(required)", parameter.type.description,
            parameter.summary,
          ]
        })
    }
    if !stage.datasets.isEmpty {
      print("\ndatasets")
      printColumns(stage.datasets.map { ["  \($0.name)", $0.type, $0.summary] })
    }
    if !stage.attributes.isEmpty {
      print("\nroot attributes (besides stage, stage_version, key, content, parameters, inputs)")
      printColumns(stage.attributes.map { ["  \($0.name)", $0.type, $0.summary] })
    }
  }
}

/// A stage type as JSON.
private struct StageDescription: Encodable {
  struct Parameter: Encodable {
    var name: String
    var type: String
    var `default`: Value?
    var summary: String
  }
  struct Input: Encodable {
    var name: String
    var accepts: [String]
    var arity: String
    var summary: String
  }
  struct Layout: Encodable {
    var name: String
    var type: String
    var summary: String
  }
  var name: String
  var version: Int
  var summary: String
  var parameters: [Parameter]
  var inputs: [Input]
  var datasets: [Layout]
  var attributes: [Layout]

  init(_ stage: StageDeclaration) {
    name = stage.name
    version = stage.version
    summary = stage.summary
    parameters = stage.parameters.map {
      Parameter(name: $0.name, type: $0.type.description, default: $0.defaultValue, summary: $0.summary)
    }
    inputs = stage.inputs.map {
      Input(name: $0.name, accepts: $0.accepts, arity: "\($0.arity)", summary: $0.summary)
    }
    datasets = stage.datasets.map { Layout(name: $0.name, type: $0.type, summary: $0.summary) }
    attributes = stage.attributes.map { Layout(name: $0.name, type: $0.type, summary: $0.summary) }
  }
}
