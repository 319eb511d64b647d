// A parameter's value in the pipeline file, in a key, in a worker's task and in an artifact.

/// A JSON-like value with one canonical text per value, so that equal values have equal keys.
public enum Value: Hashable, Sendable {
  /// No value.
  case null
  /// `true` or `false`.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A real number; finite.
  case number(Double)
  /// Text.
  case string(String)
  /// An ordered list.
  case list([Value])
  /// Named values.
  case map([String: Value])

  /// The canonical JSON text: sorted keys, no white space, the shortest decimal that reads back to the same
  /// double, and no difference between `1` and `1.0` beyond the type that a parameter's declaration gave it.
  public var json: String {
    var text = ""
    appendJSON(to: &text)
    return text
  }

  func appendJSON(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    // Minus zero equals zero, and equal values have one text.
    case .number(let value): text += (value == 0 ? 0 : value).description
    case .string(let value): Self.appendQuoted(value, to: &text)
    case .list(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += "," }
        value.appendJSON(to: &text)
      }
      text += "]"
    case .map(let values):
      text += "{"
      for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { text += "," }
        Self.appendQuoted(key, to: &text)
        text += ":"
        value.appendJSON(to: &text)
      }
      text += "}"
    }
  }

  private static func appendQuoted(_ string: String, to text: inout String) {
    text += "\""
    defer { text += "\"" }
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      text += string
      return
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// How a person would write the value on a command line: strings bare, everything else as JSON.
  public var plainText: String {
    if case .string(let text) = self { return text }
    return json
  }

  /// What the value is, for a message: "a string", "an integer", …
  public var kind: String {
    switch self {
    case .null: "nothing"
    case .boolean: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .list: "a list"
    case .map: "a map"
    }
  }
}

extension Value: Codable {
  /// Reads a value from any decoder that knows null, booleans, numbers, strings, lists and maps.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([Value].self) {
      self = .list(value)
    } else {
      self = .map(try container.decode([String: Value].self))
    }
  }

  /// Writes the value as itself, without a type tag.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .list(let values): try container.encode(values)
    case .map(let values): try container.encode(values)
    }
  }
}
