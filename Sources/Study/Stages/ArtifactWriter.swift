// Writes a stage's artifact with the root attributes that every artifact has.

import HDF5
import PipelineCore

/// One artifact being written.
struct ArtifactWriter: ~Copyable {
  /// Facts of identity: they say how an artifact was made, and are no part of its logical content.
  static let identity: Set<String> = ["stage", "stage_version", "key", "content", "parameters", "inputs"]

  private var file: FileWriter
  private let task: StageTask

  init(_ task: StageTask) throws(HDF5Error) {
    self.task = task
    file = try FileWriter(at: task.output)
  }

  mutating func write<T: Scalar>(_ path: String, _ values: [T]) throws(HDF5Error) {
    try file.write(path, values)
  }
  mutating func write<T: Scalar>(_ path: String, _ values: [T], shape: [Int]) throws(HDF5Error) {
    try file.write(path, values, shape: shape)
  }
  mutating func write<T: Scalar>(_ path: String, scalar value: T) throws(HDF5Error) {
    try file.write(path, value)
  }
  mutating func write(_ path: String, _ texts: [String]) throws(HDF5Error) { try file.write(path, texts) }
  /// Lists of different lengths as rows of a table, -1 where there is nothing.
  mutating func write(_ path: String, padded rows: [[Int64]]) throws(HDF5Error) {
    let width = rows.map(\.count).max() ?? 0
    let padded = rows.flatMap { $0 + [Int64](repeating: -1, count: width - $0.count) }
    try file.write(path, padded, shape: [rows.count, width])
  }
  mutating func attribute(_ name: String, _ value: AttributeValue) throws(HDF5Error) {
    precondition(!Self.identity.contains(name), "'\(name)' is an attribute of identity")
    try file.setAttribute(name, to: value)
  }

  /// Adds the attributes of identity, closes the file and returns the digest of its logical content.
  consuming func finish() throws -> Digest {
    let content = file.contentHash(excluding: Self.identity)
    try file.setAttribute("stage", to: .string(task.stage))
    try file.setAttribute("stage_version", to: .integer(Int64(task.stageVersion)))
    try file.setAttribute("key", to: .string(task.key.hex))
    try file.setAttribute("content", to: .string(content))
    try file.setAttribute("parameters", to: .string(task.parameters.json))
    try file.setAttribute("inputs", to: .string(Self.contents(of: task.inputs).json))
    // The engine decides when a result goes to the disk.
    try file.close(sync: false)
    guard let digest = Digest(hex: content) else {
      throw StageFailure("the content hash is no SHA-256: \(content)")
    }
    return digest
  }

  /// Slot → content hash; for a slot of several artifacts, `label[axis=value,…]` → content hash.
  private static func contents(of inputs: [String: [TaskInput]]) -> Value {
    .map(
      inputs.mapValues { list in
        if list.count == 1, let only = list.first { return .string(only.content.hex) }
        return .map(
          Dictionary(
            list.map { input in
              let axes = input.axes.map { "\($0.axis)=\($0.value.plainText)" }.joined(separator: ",")
              return (axes.isEmpty ? input.label : "\(input.label)[\(axes)]", .string(input.content.hex))
            }, uniquingKeysWith: { first, _ in first }))
      })
  }
}
