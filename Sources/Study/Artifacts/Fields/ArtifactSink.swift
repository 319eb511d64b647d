// Where fields write themselves to and read themselves from: a file whose lengths agree with its layout.

import HDF5

/// A file being written.
package struct ArtifactSink: ~Copyable {
  var file: FileWriter
  /// Paths and names of attributes so far.
  private(set) var written: Set<String> = []
  private let lengths = NamedLengths()

  init(_ file: consuming FileWriter) { self.file = file }

  /// Writes a field.
  package mutating func write<F: Field>(_ field: F, _ value: F.Value) throws {
    try field.write(value, to: &self)
  }

  mutating func write<Element: StoredElement>(
    _ values: [Element], at path: String, _ shape: FieldShape, lengths found: [Int]
  ) throws {
    precondition(
      lengths.agree(shape, with: found), "\(path): shape \(found), declared [\(lengths.text(shape))]")
    written.insert(path)
    try Element.write(values, at: path, shape: found, to: &file)
  }

  mutating func setAttribute(_ name: String, to value: AttributeValue) throws {
    written.insert(name)
    try file.setAttribute(name, to: value)
  }
}

/// A file being read.
package struct ArtifactSource: ~Copyable {
  let file: FileReader
  private let path: String
  private let lengths = NamedLengths()

  init(_ file: consuming FileReader, at path: String) {
    self.file = file
    self.path = path
  }

  /// Reads a field.
  package func read<F: Field>(_ field: F) throws -> F.Value { try field.read(from: self) }

  /// The lengths of a dataset, outermost first.
  func shape(_ field: some DatasetField) throws -> [Int] { try file.info(field.path).shape }

  /// Whether the file has all of a part.
  func contains(_ part: some LayoutPart) throws -> Bool {
    for line in part.lines {
      let name = line.declaration.name
      guard try line.place == .dataset ? file.contains(name) : file.contains(attribute: name) else {
        return false
      }
    }
    return true
  }

  func read<Element: StoredElement>(at path: String, _ shape: FieldShape) throws -> Block<Element> {
    let expected = lengths.expected(shape)
    // The shape of a list is known from its values; a second look at the file is for grids only.
    let isFlat = expected.map { $0.count < 2 } ?? false
    let values: [Element] = try Element.read(at: path, shape: expected, from: file)
    let found = isFlat ? expected?.isEmpty == true ? [] : [values.count] : try file.info(path).shape
    guard lengths.agree(shape, with: found) else {
      throw HDF5Error.shapeMismatch(file: self.path, object: path, found: found, expected: expected ?? [])
    }
    return Block(values, shape: found)
  }
}

/// The lengths that have a name in a layout: those of one name are the same in all datasets of a file.
private final class NamedLengths {
  private var known: [Substring: Int] = [:]

  /// Whether a shape is as declared; its lengths are then known.
  func agree(_ shape: FieldShape, with found: [Int]) -> Bool {
    guard let names = shape.names else { return true }
    guard names.count == found.count else { return false }
    for (name, length) in zip(names, found) where name != FieldShape.any {
      let expected = Int(name) ?? known[name]
      guard expected == nil || expected == length else { return false }
      known[name] = length
    }
    return true
  }

  /// What a shape must be, as far as it's known; nil for any.
  func expected(_ shape: FieldShape) -> [Int?]? { shape.names?.map { Int($0) ?? known[$0] } }

  /// A shape in words, for a programmer's error.
  func text(_ shape: FieldShape) -> String {
    (shape.names ?? []).map { name in known[name].map { "\(name) = \($0)" } ?? String(name) }
      .joined(separator: ", ")
  }
}
