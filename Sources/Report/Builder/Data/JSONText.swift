// JSON, written straight into bytes: Foundation's encoder takes ten times as long, a quarter of a large page's time.

import PipelineCore

/// What stands in the page's data. The same value gives the same bytes.
protocol PageValue {
  func write(to json: inout JSONText)
  /// Whether an object leaves the member out.
  var isAbsent: Bool { get }
}

extension PageValue {
  var isAbsent: Bool { false }
}

/// JSON under construction.
struct JSONText {
  private(set) var bytes: [UInt8] = []

  fileprivate mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }

  /// Adds an object; its members in the order given.
  mutating func object(_ members: KeyValuePairs<String, any PageValue>) {
    bytes.append(UInt8(ascii: "{"))
    var isFirst = true
    for (name, value) in members where !value.isAbsent {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      string(name)
      bytes.append(UInt8(ascii: ":"))
      value.write(to: &self)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  /// Adds an object whose names are not known in advance.
  mutating func object(_ members: some Sequence<(String, Value)>) {
    bytes.append(UInt8(ascii: "{"))
    var isFirst = true
    for (name, value) in members {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      string(name)
      bytes.append(UInt8(ascii: ":"))
      value.write(to: &self)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  fileprivate mutating func list(_ values: some Sequence<some PageValue>) {
    bytes.append(UInt8(ascii: "["))
    var isFirst = true
    for value in values {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      value.write(to: &self)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  fileprivate mutating func string(_ text: String) {
    var text = text
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { characters in
      // What is escaped (RFC 8259, section 7) is rare: whole runs are copied.
      var start = 0
      for (place, byte) in characters.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
        bytes.append(contentsOf: characters[start..<place])
        start = place + 1
        escape(byte)
      }
      bytes.append(contentsOf: characters[start...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case 0x22, 0x5C: bytes += [0x5C, byte]
    case 0x0A: bytes += [0x5C, UInt8(ascii: "n")]
    default:
      let hex = Array("0123456789abcdef".utf8)
      bytes += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
    }
  }
}

extension String: PageValue {
  func write(to json: inout JSONText) { json.string(self) }
}

extension Int: PageValue {
  func write(to json: inout JSONText) { json.add(String(self)) }
}

extension Value: PageValue {
  func write(to json: inout JSONText) { json.add(self.json) }
}

/// A number as JSON has it: null where it is none.
struct Number: PageValue, Equatable {
  var value: Double

  init(_ value: Double) { self.value = value }

  func write(to json: inout JSONText) {
    guard value.isFinite else { return json.add("null") }
    let text = value.description
    json.add(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
  }
}

extension Optional: PageValue where Wrapped: PageValue {
  func write(to json: inout JSONText) {
    if let self { self.write(to: &json) } else { json.add("null") }
  }

  var isAbsent: Bool { if case .none = self { true } else { false } }
}

extension Array: PageValue where Element: PageValue {
  func write(to json: inout JSONText) { json.list(self) }
}

extension Dictionary: PageValue where Key == String, Value: PageValue {
  // In the order of the names: a dictionary has none of its own.
  func write(to json: inout JSONText) { json.map(self) }
}

extension JSONText {
  fileprivate mutating func map(_ values: [String: some PageValue]) {
    bytes.append(UInt8(ascii: "{"))
    for (place, (name, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
      if place > 0 { bytes.append(UInt8(ascii: ",")) }
      string(name)
      bytes.append(UInt8(ascii: ":"))
      value.write(to: &self)
    }
    bytes.append(UInt8(ascii: "}"))
  }
}
