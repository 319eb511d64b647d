// The wire format of Protocol Buffers: a message is a sequence of fields, each a tag and a value.

import FoundationEssentials

/// What is wrong with the bytes of a message, and where.
package struct ProtobufError: Error, Equatable, CustomStringConvertible {
  /// The index of the first byte of what is wrong.
  package var offset: Int
  package var reason: String

  package init(offset: Int, reason: String) { (self.offset, self.reason) = (offset, reason) }

  package var description: String { "at byte \(offset), \(reason)" }
}

/// A field of a message.
package struct ProtobufField: Equatable {
  /// The value. What its bytes mean only the description of the message says.
  package enum Value: Equatable {
    case number(UInt64)
    /// Four or eight bytes, little-endian.
    case fixed(Data)
    /// A string, a message, or the numbers of a packed field.
    case bytes(Data)
  }

  /// By which the description of the message names it.
  package let number: UInt64
  package let value: Value
  /// Where its tag stands.
  package let offset: Int

  package init(number: UInt64, value: Value, offset: Int) {
    self.number = number
    self.value = value
    self.offset = offset
  }
}

/// Reads the fields of one message in order ("Encoding" in the documentation of Protocol Buffers).
///
/// Values are slices of the message, so that nothing is copied. A message within a message is bytes here, which
/// bounds the depth by what the caller asks for.
package struct ProtobufReader {
  private let message: Data
  private var position: Int

  package init(_ message: Data) {
    self.message = message
    position = message.startIndex
  }

  /// The next field; nil at the end of the message.
  ///
  /// - Throws: for a field that is cut short, and for the groups of old versions of the format.
  package mutating func next() throws(ProtobufError) -> ProtobufField? {
    if position == message.endIndex { return nil }
    let start = position
    let tag = try number()
    let field = tag >> 3
    guard (1..<1 << 29).contains(field) else {
      throw ProtobufError(offset: start, reason: "no field has the tag \(tag)")
    }
    let value: ProtobufField.Value
    switch tag & 7 {
    case 0: value = .number(try number())
    case 1: value = .fixed(try bytes(8))
    case 2: value = .bytes(try bytes(try number()))
    case 5: value = .fixed(try bytes(4))
    default:
      throw ProtobufError(offset: start, reason: "field \(field) has the unknown wire type \(tag & 7)")
    }
    return ProtobufField(number: field, value: value, offset: start)
  }

  /// A base-128 number: seven bits a byte, the least first, the eighth bit set in all bytes but the last.
  package mutating func number() throws(ProtobufError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < message.endIndex else { break }
      let byte = UInt64(message[position])
      position += 1
      // The tenth byte holds the last of 64 bits.
      if shift == 63 && byte > 1 { break }
      value |= (byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw ProtobufError(offset: start, reason: "a number has no end within its message and 64 bits")
  }

  private mutating func bytes(_ count: UInt64) throws(ProtobufError) -> Data {
    guard count <= UInt64(message.endIndex - position) else {
      throw ProtobufError(
        offset: position,
        reason: "a field of \(count) bytes goes beyond the end of its message at byte \(message.endIndex)")
    }
    defer { position += Int(count) }
    return message[position..<position + Int(count)]
  }

  package var isAtEnd: Bool { position == message.endIndex }
}
