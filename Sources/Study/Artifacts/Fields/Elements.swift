// The Swift types of datasets' elements and of attributes.

import HDF5

/// A type that datasets hold.
package protocol StoredElement: Sendable {
  /// As in the layout: `f64`.
  static var typeName: String { get }
  /// Writes a dataset in C order.
  static func write(_ values: [Self], at path: String, shape: [Int], to file: inout FileWriter)
    throws(HDF5Error)
  /// Reads a dataset of some lengths, nil for any.
  static func read(at path: String, shape: [Int?]?, from file: borrowing FileReader) throws(HDF5Error)
    -> [Self]
}

extension StoredElement where Self: Scalar {
  package static var typeName: String { elementType.description }
  package static func write(
    _ values: [Self], at path: String, shape: [Int], to file: inout FileWriter
  ) throws(HDF5Error) {
    try file.write(path, values, shape: shape)
  }
  package static func read(
    at path: String, shape: [Int?]?, from file: borrowing FileReader
  ) throws(HDF5Error) -> [Self] {
    try file.read(path, shape: shape)
  }
}

extension UInt8: StoredElement {}
extension Int: StoredElement {}
extension Float: StoredElement {}
extension Double: StoredElement {}

/// 1 for true.
extension Bool: StoredElement {
  package static var typeName: String { UInt8.typeName }
  package static func write(
    _ values: [Bool], at path: String, shape: [Int], to file: inout FileWriter
  ) throws(HDF5Error) {
    try UInt8.write(values.map { $0 ? 1 : 0 }, at: path, shape: shape, to: &file)
  }
  package static func read(
    at path: String, shape: [Int?]?, from file: borrowing FileReader
  ) throws(HDF5Error) -> [Bool] {
    try UInt8.read(at: path, shape: shape, from: file).map { $0 != 0 }
  }
}

extension String: StoredElement {
  package static var typeName: String { "string" }
  package static func write(
    _ values: [String], at path: String, shape: [Int], to file: inout FileWriter
  ) throws(HDF5Error) {
    precondition(shape == [values.count], "\(path): texts are lists")
    try file.write(path, values)
  }
  package static func read(
    at path: String, shape: [Int?]?, from file: borrowing FileReader
  ) throws(HDF5Error) -> [String] {
    try file.readStrings(path, shape: shape)
  }
}

/// A type that root attributes hold.
package protocol StoredAttribute: Sendable {
  /// As in the layout: `float`.
  static var attributeTypeName: String { get }
  /// As the file holds it.
  var stored: AttributeValue { get }
  /// Reads an attribute of the root.
  static func read(_ name: String, from file: borrowing FileReader) throws(HDF5Error) -> Self
}

extension String: StoredAttribute {
  package static var attributeTypeName: String { "string" }
  package var stored: AttributeValue { .string(self) }
  package static func read(_ name: String, from file: borrowing FileReader) throws(HDF5Error) -> String {
    try file.string(name)
  }
}

extension Int: StoredAttribute {
  package static var attributeTypeName: String { "int" }
  package var stored: AttributeValue { .integer(Int64(self)) }
  package static func read(_ name: String, from file: borrowing FileReader) throws(HDF5Error) -> Int {
    try file.integer(name)
  }
}

extension Double: StoredAttribute {
  package static var attributeTypeName: String { "float" }
  package var stored: AttributeValue { .real(self) }
  package static func read(_ name: String, from file: borrowing FileReader) throws(HDF5Error) -> Double {
    try file.real(name)
  }
}

/// 1 for true, any other integer but 0 too.
extension Bool: StoredAttribute {
  package static var attributeTypeName: String { "int" }
  package var stored: AttributeValue { .integer(self ? 1 : 0) }
  package static func read(_ name: String, from file: borrowing FileReader) throws(HDF5Error) -> Bool {
    try file.integer(name) != 0
  }
}
