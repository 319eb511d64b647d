// Where the values of parameters and axes are written, for those who show what differs between two plans.

import PipelineCore

/// The places of a pipeline file, and of the files that it extends, at which values are written.
public struct ParameterPlaces: Sendable {
  private var places: [String: [String: [SourceLocation]]] = [:]

  init(_ file: FileSyntax, _ stages: [BoundStage], _ scope: Scope, _ problems: Problems) {
    for stage in stages {
      var own: [String: [SourceLocation]] = [:]
      for parameter in stage.parameters {
        // The stage's own line first, then those of the file's parameters that it refers to.
        let others = parameter.template.references.compactMap { file.parameters[$0.text]?.place }
        own[parameter.declaration.name] = ([parameter.node.place] + others).compactMap(problems.location)
      }
      for axis in stage.axes.map({ scope.axes[$0].name.text }) {
        own["axis \(axis)"] = [file.axes[axis]?.place].compactMap { $0.flatMap(problems.location) }
      }
      places[stage.name.text] = own
    }
  }

  /// Where the value of a parameter is written, the stage's own line first; empty for a default. An axis is called as in
  /// `Plan.parametersByStage`: `axis size`.
  public subscript(stage: String, parameter: String) -> [SourceLocation] { places[stage]?[parameter] ?? [] }
}
