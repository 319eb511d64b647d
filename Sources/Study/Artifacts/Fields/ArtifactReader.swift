// Reads an artifact by the fields of a layout.

import HDF5
import PipelineCore

/// An artifact open for reading. Only the fields that are asked for are read.
package struct ArtifactReader<Layout: ArtifactLayout>: ~Copyable {
  let source: ArtifactSource
  let layout = Layout()

  /// Opens a file and verifies it against its seal.
  package init(at path: String) throws {
    source = ArtifactSource(try FileReader(at: path), at: path)
  }

  /// Opens a file whose bytes the caller has just compared with a digest, without reading them all once more.
  package init(atChecked path: String) throws {
    source = ArtifactSource(try FileReader(atChecked: path), at: path)
  }

  /// Opens an input of a task.
  package init(_ input: TaskInput) throws { try self.init(at: input.path) }

  /// Reads a field.
  package func read<F: Field>(_ field: KeyPath<Layout, F>) throws -> F.Value {
    try source.read(layout[keyPath: field])
  }

  /// Reads a field that the artifact may lack, such as one of another kind of artifact; nil if it does.
  package func find<F: Field>(_ field: KeyPath<Layout, F>) throws -> F.Value? {
    try source.read(Maybe(layout[keyPath: field]))
  }

  /// An attribute of identity that is text.
  func identity(_ name: ArtifactIdentity.Name) throws -> String { try source.file.string(name.rawValue) }
}

extension ArtifactLayout where Self: Field {
  /// Reads the whole artifact.
  package static func read(_ input: TaskInput) throws -> Value {
    try ArtifactReader<Self>(input).read(\.self)
  }
}
