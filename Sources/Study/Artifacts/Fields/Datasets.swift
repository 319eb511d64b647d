// The fields that are datasets: a number, a list, a grid of any rank, lists of different lengths.

import HDF5

/// A field with a path.
package protocol DatasetField: Field {
  /// From the root: "/a/b"; of a family, with words in capitals.
  var path: String { get }
  /// The same field at another path.
  func at(_ path: String) -> Self
}

/// One value without dimensions.
package struct Number<Element: StoredElement>: DatasetField {
  package let path: String
  private let summary: String

  package init(_ path: String, _ summary: String) {
    self.path = path
    self.summary = summary
  }

  package var lines: [LayoutLine] { [LayoutLine(path, Element.typeName, summary, .dataset)] }
  package func at(_ path: String) -> Self { Self(path, summary) }

  package func write(_ value: Element, to sink: inout ArtifactSink) throws {
    try sink.write([value], at: path, FieldShape(""), lengths: [])
  }
  package func read(from source: borrowing ArtifactSource) throws -> Element {
    try source.read(at: path, FieldShape("")).values[0]
  }
}

/// A list. Lists of one artifact whose lengths have the same name have the same length.
package struct List<Element: StoredElement>: DatasetField {
  package let path: String
  private let length: String
  private let summary: String

  /// A list at a path, with the name of its length: `"n"`.
  package init(_ path: String, _ length: String, _ summary: String) {
    self.path = path
    self.length = length
    self.summary = summary
  }

  package var lines: [LayoutLine] {
    [LayoutLine(path, "\(Element.typeName) [\(length)]", summary, .dataset)]
  }
  package func at(_ path: String) -> Self { Self(path, length, summary) }

  package func write(_ values: [Element], to sink: inout ArtifactSink) throws {
    try sink.write(values, at: path, FieldShape(length), lengths: [values.count])
  }
  package func read(from source: borrowing ArtifactSource) throws -> [Element] {
    try source.read(at: path, FieldShape(length)).values
  }
}

/// Bytes, as many as there are.
package struct Bytes: DatasetField {
  package let path: String
  private let summary: String

  package init(_ path: String, _ summary: String) {
    self.path = path
    self.summary = summary
  }

  package var lines: [LayoutLine] { [LayoutLine(path, "\(UInt8.typeName) [bytes]", summary, .dataset)] }
  package func at(_ path: String) -> Self { Self(path, summary) }

  package func write(_ bytes: [UInt8], to sink: inout ArtifactSink) throws {
    try sink.write(bytes, at: path, FieldShape(FieldShape.any), lengths: [bytes.count])
  }
  package func read(from source: borrowing ArtifactSource) throws -> [UInt8] {
    try source.read(at: path, FieldShape(FieldShape.any)).values
  }
}

/// Values in C order with their lengths, outermost first.
package struct Block<Element: StoredElement>: Sendable {
  package var values: [Element]
  package var shape: [Int]

  package init(_ values: [Element], _ shape: Int...) { self.init(values, shape: shape) }
  package init(_ values: [Element], shape: [Int]) {
    self.values = values
    self.shape = shape
  }
}

extension Block: Equatable where Element: Equatable {}

/// An array of several dimensions.
package struct Grid<Element: StoredElement>: DatasetField {
  package let path: String
  private let shape: FieldShape
  /// The shape as the layout shows it.
  private let words: String?
  private let summary: String

  /// An array at a path, with the names of its lengths or numbers: `"n,28,28"`; nil for any shape.
  package init(_ path: String, _ shape: String?, _ summary: String) {
    self.init(path, FieldShape(shape), shape.map { "[\($0)]" }, summary)
  }
  /// An array whose shape is one of several, which its reader tells apart: `["n,28,28", "n,3,28,28"]`.
  package init(_ path: String, oneOf shapes: [String], _ summary: String) {
    self.init(path, FieldShape(nil), shapes.map { "[\($0)]" }.joined(separator: " or "), summary)
  }
  private init(_ path: String, _ shape: FieldShape, _ words: String?, _ summary: String) {
    self.path = path
    self.shape = shape
    self.words = words
    self.summary = summary
  }

  package var lines: [LayoutLine] {
    [LayoutLine(path, Element.typeName + (words.map { " " + $0 } ?? ""), summary, .dataset)]
  }
  package func at(_ path: String) -> Self { Self(path, shape, words, summary) }
  /// The same array with lengths that are known.
  package func shaped(_ lengths: [Int]) -> Self {
    let text = lengths.map(String.init).joined(separator: ",")
    return Self(path, FieldShape(text), "[\(text)]", summary)
  }

  package func write(_ block: Block<Element>, to sink: inout ArtifactSink) throws {
    try sink.write(block.values, at: path, shape, lengths: block.shape)
  }
  package func read(from source: borrowing ArtifactSource) throws -> Block<Element> {
    try source.read(at: path, shape)
  }
}

/// Lists of different lengths, each of numbers from 0: in the file a row each, filled up with -1.
package struct Lists: DatasetField {
  package let path: String
  private let shape: String
  private let summary: String

  /// Lists at a path, with the names of their number and of the longest one's length: `"k,w"`.
  package init(_ path: String, _ shape: String, _ summary: String) {
    self.path = path
    self.shape = shape
    self.summary = summary
  }

  package var lines: [LayoutLine] { [LayoutLine(path, "\(Int.typeName) [\(shape)]", summary, .dataset)] }
  package func at(_ path: String) -> Self { Self(path, shape, summary) }

  package func write(_ lists: [[Int]], to sink: inout ArtifactSink) throws {
    let width = lists.map(\.count).max() ?? 0
    let values = lists.flatMap { $0 + [Int](repeating: -1, count: width - $0.count) }
    try sink.write(values, at: path, FieldShape(shape), lengths: [lists.count, width])
  }
  package func read(from source: borrowing ArtifactSource) throws -> [[Int]] {
    let block: Block<Int> = try source.read(at: path, FieldShape(shape))
    let width = block.shape[1]
    return (0..<block.shape[0]).map { row in
      block.values[row * width..<(row + 1) * width].filter { $0 >= 0 }
    }
  }
}

/// The lengths of a dataset as declared: names (`n`), numbers (`28`), or nothing said.
struct FieldShape: Sendable {
  /// As in the layout, without brackets; empty for a single value, nil for any shape.
  let text: String?

  /// The name of a length that says nothing of other datasets.
  static let any = "_"

  init(_ text: String?) { self.text = text }

  var names: [Substring]? { text?.split(separator: ",") }
}
