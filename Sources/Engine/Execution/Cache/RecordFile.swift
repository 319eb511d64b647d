// Small text files of named fields that end with the digest of themselves: cut or flipped ones read as absent.

import Glibc
import PipelineCore

/// What a record says, as its first line names it.
package enum RecordKind: String {
  case action, plan, join, failure, lease, digest, campaign, pilot, job
}

/// Named fields as kept in a file.
///
/// The text is a line `pipeline KIND 1`, a line `name value` a field, and a line `digest HEX` over all that
/// stands above it. A name has no space; a newline or backslash in a value is escaped.
package struct RecordFile {
  private(set) var fields: [ManifestField] = []

  init(_ fields: [ManifestField] = []) { self.fields = fields }

  mutating func add(_ name: String, _ value: String) {
    fields.append(ManifestField(name: name, value: value))
  }

  subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  func integer(_ name: String) -> Int? { self[name].flatMap { Int($0) } }
  func number(_ name: String) -> Double? { self[name].flatMap { Double($0) } }
  func digest(_ name: String) -> Digest? { self[name].flatMap { Digest(hex: $0) } }

  /// The fields whose names start with a prefix, without it.
  func fields(after prefix: String) -> [ManifestField] {
    fields.filter { $0.name.hasPrefix(prefix) }.map {
      ManifestField(name: String($0.name.dropFirst(prefix.count)), value: $0.value)
    }
  }

  package func bytes(kind: RecordKind) -> [UInt8] {
    var text = "pipeline \(kind.rawValue) 1\n"
    for field in fields { text += "\(Self.escape(field.name, spaces: true)) \(Self.escape(field.value))\n" }
    let body = Array(text.utf8)
    return body + Array("digest \(Digest(of: body).hex)\n".utf8)
  }

  /// The record, or nil where the bytes are not exactly what `bytes(kind:)` writes.
  init?(_ bytes: [UInt8], kind: RecordKind) {
    // "digest " + 64 hexadecimal digits + newline.
    let tail = 72
    let header = Array("pipeline \(kind.rawValue) 1\n".utf8)
    guard bytes.count >= header.count + tail, bytes.starts(with: header) else { return nil }
    let isWhole = bytes.withUnsafeBufferPointer { bytes in
      let body = UnsafeBufferPointer(rebasing: bytes[..<(bytes.count - tail)])
      guard bytes[(bytes.count - tail)...].elementsEqual("digest \(Digest(of: body).hex)\n".utf8) else {
        return false
      }
      return addFields(of: UnsafeBufferPointer(rebasing: body[header.count...]))
    }
    if !isWhole { return nil }
  }

  /// Adds a field a line; false at a line that is none. Thousands of records are read at once, so no line is copied.
  private mutating func addFields(of lines: UnsafeBufferPointer<UInt8>) -> Bool {
    var rest = lines[...]
    while !rest.isEmpty {
      let end = Self.first(UInt8(ascii: "\n"), in: lines, from: rest.startIndex) ?? rest.endIndex
      defer { rest = rest[min(end + 1, rest.endIndex)...] }
      if end == rest.startIndex { continue }
      guard let space = Self.first(UInt8(ascii: " "), in: lines, from: rest.startIndex), space < end else {
        return false
      }
      fields.append(
        ManifestField(
          name: Self.text(lines[rest.startIndex..<space]), value: Self.text(lines[(space + 1)..<end])))
    }
    return true
  }

  private static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
    let bytes = UnsafeBufferPointer(rebasing: bytes)
    return first(0x5C, in: bytes, from: 0) == nil
      ? String(decoding: bytes, as: UTF8.self) : unescape(ArraySlice(bytes))
  }

  private static func first(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard let base = bytes.baseAddress, start < bytes.count,
      let found = memchr(base + start, Int32(byte), bytes.count - start)
    else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  static func escape(_ text: String, spaces: Bool = false) -> String {
    guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x5C || (spaces && $0 == 0x20) }) else {
      return text
    }
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\n": result += "\\n"
      case "\\": result += "\\\\"
      case " " where spaces: result += "\\s"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  static func unescape(_ bytes: ArraySlice<UInt8>) -> String {
    guard bytes.contains(0x5C) else { return String(decoding: bytes, as: UTF8.self) }
    var result: [UInt8] = []
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      guard byte == 0x5C, let next = iterator.next() else {
        result.append(byte)
        continue
      }
      switch next {
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "s"): result.append(0x20)
      default: result.append(next)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
