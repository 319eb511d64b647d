// The root attributes that every artifact has: how it was made, which is no part of its logical content.

import FoundationEssentials
import HDF5
import PipelineCore

/// The attributes of identity.
package enum ArtifactIdentity {
  enum Name: String, CaseIterable {
    case stage, version = "stage_version", key, content, parameters, inputs
  }

  /// The names of the attributes.
  package static let names = Set(Name.allCases.map(\.rawValue))

  static func write(_ task: StageTask, content: String, to file: inout FileWriter) throws {
    func write(_ name: Name, _ value: AttributeValue) throws {
      try file.setAttribute(name.rawValue, to: value)
    }
    try write(.stage, .string(task.stage))
    try write(.version, .integer(Int64(task.stageVersion)))
    try write(.key, .string(task.key.hex))
    try write(.content, .string(content))
    try write(.parameters, .string(task.parameters.json))
    try write(.inputs, .string(contents(of: task).json))
  }

  /// Slot → content hash; for a slot of many, whatever their number, `label[axis=value,…]` → content hash.
  private static func contents(of task: StageTask) -> Value {
    .map(
      Dictionary(
        task.inputs.map { slot, list in
          if !task.gathers.contains(slot), list.count == 1 { return (slot, .string(list[0].content.hex)) }
          let members = list.map { input -> (String, Value) in
            let axes = input.axes.map { "\($0.axis)=\($0.value.plainText)" }.joined(separator: ",")
            return (axes.isEmpty ? input.label : "\(input.label)[\(axes)]", .string(input.content.hex))
          }
          return (slot, .map(Dictionary(members) { first, _ in first }))
        }, uniquingKeysWith: { first, _ in first }))
  }
}

extension ArtifactReader {
  /// The stage type that made the artifact.
  package func stage() throws -> String { try identity(.stage) }

  /// The parameters of the node that made it.
  package func parameters() throws -> [String: Value] { try map(.parameters) }

  /// Throws unless the artifact, of slot `slot`, was made of the very artifacts that a task has in some other
  /// slots: figures of another net or group would fit in size and say nothing.
  package func checkInputs(_ slots: [String], areThoseOf task: StageTask, slot: String) throws {
    let made = try map(.inputs)
    for other in slots where made[other] != .string(task.input(other).content.hex) {
      throw StageFailure("input \(slot) was computed with other \(other) than this node's")
    }
  }

  /// Whether the node that made it had something in a slot.
  package func hasInput(_ slot: String) throws -> Bool { try map(.inputs)[slot] != nil }

  private func map(_ name: ArtifactIdentity.Name) throws -> [String: Value] {
    try JSONDecoder().decode([String: Value].self, from: Data(identity(name).utf8))
  }
}
