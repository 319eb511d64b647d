// What a field of an artifact is, and how fields make up the layout of a kind of artifact.

import HDF5
import PipelineCore

/// Something with lines in an artifact's layout: one field, or several under one name.
package protocol LayoutPart: Sendable {
  /// What `pipeline stages` prints of it.
  var lines: [LayoutLine] { get }
}

/// A part of an artifact that is written and read as one value: a dataset, a root attribute, or a group of these
/// that make up one thing.
package protocol Field<Value>: LayoutPart {
  /// What a reader gets.
  associatedtype Value

  /// Writes a value.
  func write(_ value: Value, to sink: inout ArtifactSink) throws
  /// Reads a value; one that is missing, or not as declared, is an error.
  func read(from source: borrowing ArtifactSource) throws -> Value
}

/// Several parts. Its stored properties are its layout, in their order: a part can't be forgotten.
package protocol FieldGroup: LayoutPart {}

extension FieldGroup {
  /// The lines of all parts.
  package var lines: [LayoutLine] {
    Mirror(reflecting: self).children.flatMap { child in (child.value as? any LayoutPart)?.lines ?? [] }
  }
}

/// A kind of artifact: the fields that its files have, beside those of identity.
package protocol ArtifactLayout: FieldGroup {
  /// The layout; all values of the type are the same.
  init()
}

extension ArtifactLayout {
  /// The datasets, for a stage's declaration.
  package static var datasets: [LayoutDeclaration] {
    Self().lines.filter { $0.place == .dataset }.map(\.declaration)
  }
  /// The root attributes, for a stage's declaration.
  package static var attributes: [LayoutDeclaration] {
    Self().lines.filter { $0.place == .attribute }.map(\.declaration)
  }
}

/// One line of a layout.
package struct LayoutLine: Sendable {
  /// Where a field stands in the file.
  package enum Place: Sendable { case dataset, attribute }

  package var declaration: LayoutDeclaration
  package var place: Place
  /// Whether each artifact of the kind has it.
  package var isRequired: Bool

  init(_ name: String, _ type: String, _ summary: String, _ place: Place, isRequired: Bool = true) {
    declaration = LayoutDeclaration(name, type, summary)
    self.place = place
    self.isRequired = isRequired
  }
}
