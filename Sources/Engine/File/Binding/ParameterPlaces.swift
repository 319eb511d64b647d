// Where the values of parameters and axes are written, for those who show what differs between two plans.

import PipelineCore

/// The places of a pipeline file, and of the files that it extends, at which values are written.
public struct ParameterPlaces: Sendable {
  private var places: [String: [String: [SourceLocation]]] = [:]
  private var names: [String: [String: [String]]] = [:]

  init(_ file: FileSyntax, _ stages: [BoundStage], _ scope: Scope, _ problems: Problems) {
    for stage in stages {
      var own: [String: [SourceLocation]] = [:]
      var names: [String: [String]] = [:]
      for parameter in stage.parameters {
        // The stage's own line first, then those of the file's parameters that it refers to.
        let others = parameter.template.references.compactMap { file.parameters[$0.text]?.place }
        let name = parameter.declaration.name
        names[name] = parameter.template.references.map(\.text) + (parameter.isDefault ? [name] : [])
        own[name] = ([parameter.node.place] + others).compactMap(problems.location)
      }
      for axis in stage.axes.map({ scope.axes[$0].name.text }) {
        own["axis \(axis)"] = [file.axes[axis]?.place].compactMap { $0.flatMap(problems.location) }
      }
      places[stage.name.text] = own
      self.names[stage.name.text] = names
    }
  }

  /// Where the value of a parameter is written, the stage's own line first; empty for a default. An axis is called as in
  /// `Plan.parametersByStage`: `axis size`.
  public subscript(stage: String, parameter: String) -> [SourceLocation] { places[stage]?[parameter] ?? [] }

  /// The parameters and axes of the file that the value of a stage's parameter is made of.
  public func names(behind parameter: String, of stage: String) -> [String] { names[stage]?[parameter] ?? [] }
}

extension PipelineDocument {
  /// Why parameters of a stage have the values that they have, as the file notes it, by parameter.
  public func notes(of stage: PlannedStage) -> [String: String] {
    var notes: [String: String] = [:]
    for parameter in stage.declaration.parameters {
      let texts = places.names(behind: parameter.name, of: stage.name).compactMap { self.notes[$0] }
      if !texts.isEmpty { notes[parameter.name] = texts.joined(separator: " ") }
    }
    return notes
  }
}
