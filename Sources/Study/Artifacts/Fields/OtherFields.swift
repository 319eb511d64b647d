// The fields that are no plain dataset: root attributes, what an artifact may lack, and families of datasets.

import HDF5
import PipelineCore

/// A root attribute.
package struct Attribute<Value: StoredAttribute>: Field {
  private let name: String
  private let summary: String

  package init(_ name: String, _ summary: String) {
    self.name = name
    self.summary = summary
  }

  package var lines: [LayoutLine] { [LayoutLine(name, Value.attributeTypeName, summary, .attribute)] }

  package func write(_ value: Value, to sink: inout ArtifactSink) throws {
    try sink.setAttribute(name, to: value.stored)
  }
  package func read(from source: borrowing ArtifactSource) throws -> Value {
    try Value.read(name, from: source.file)
  }
}

/// A field that not every artifact of the kind has: nil where there is none.
package struct Maybe<Wrapped: Field>: Field {
  private let wrapped: Wrapped

  package init(_ wrapped: Wrapped) { self.wrapped = wrapped }

  package var lines: [LayoutLine] {
    wrapped.lines.map { line in
      var line = line
      line.isRequired = false
      return line
    }
  }

  package func write(_ value: Wrapped.Value?, to sink: inout ArtifactSink) throws {
    if let value { try wrapped.write(value, to: &sink) }
  }
  package func read(from source: borrowing ArtifactSource) throws -> Wrapped.Value? {
    try source.contains(wrapped) ? wrapped.read(from: source) : nil
  }
}

/// Datasets whose names are not known before: `/axes/AXIS`, words in capitals standing for any text.
package struct Family<Member: DatasetField>: Field {
  private let pattern: Member
  private let prefix: String
  private let suffix: String

  package init(_ pattern: Member) {
    let path = pattern.path
    guard let first = path.firstIndex(where: \.isUppercase), let last = path.lastIndex(where: \.isUppercase)
    else {
      preconditionFailure("'\(path)' has no word in capitals to stand for the names of a family")
    }
    self.pattern = pattern
    prefix = String(path[..<first])
    suffix = String(path[path.index(after: last)...])
  }

  package var lines: [LayoutLine] { Maybe(pattern).lines }

  /// The dataset of a name.
  package subscript(name: String) -> Member { pattern.at(prefix + name + suffix) }

  /// Writes members in the order of their names.
  package func write(_ members: [String: Member.Value], to sink: inout ArtifactSink) throws {
    for (name, value) in members.sorted(by: { $0.key < $1.key }) { try self[name].write(value, to: &sink) }
  }
  /// Reads all members that a file has.
  package func read(from source: borrowing ArtifactSource) throws -> [String: Member.Value] {
    var values: [String: Member.Value] = [:]
    for member in try members(in: source) { values[member.name] = try self[member.name].read(from: source) }
    return values
  }

  /// The names of the members that a file has, with the numbers of their elements, in the order of their paths.
  func members(in source: borrowing ArtifactSource) throws -> [(name: String, count: Int)] {
    try source.file.datasets().filter { $0.path.hasPrefix(prefix) && $0.path.hasSuffix(suffix) }
      .map { (String($0.path.dropFirst(prefix.count).dropLast(suffix.count)), $0.count) }
  }
}
