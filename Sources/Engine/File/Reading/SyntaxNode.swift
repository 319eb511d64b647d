// A YAML document as plain values with places, free of the library that read it.

import PipelineCore

/// A YAML node with the place where it is written.
struct SyntaxNode {
  /// What a node holds.
  indirect enum Content {
    case scalar(Value)
    case list([SyntaxNode])
    case map([SyntaxEntry])
  }

  var place: Place
  var content: Content
  /// A number with a point and without an exponent as it is written, `3.10`: it may be a version, not a quantity.
  var written: String?

  /// What was found, for a message: "the string 'x'", "a list", …
  var found: String {
    switch content {
    case .scalar(let value): value.found
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// The text of a string; nil for all else.
  var text: String? {
    if case .scalar(.string(let text)) = content { text } else { nil }
  }

  var isNull: Bool {
    if case .scalar(.null) = content { true } else { false }
  }
}

/// One entry of a YAML map; keys are unique within a map.
struct SyntaxEntry {
  var key: Name
  var value: SyntaxNode
}

extension Value {
  /// What was found, for a message: "the string 'x'", "the integer 5", …
  var found: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "the integer \(value)"
    case .number: "the number \(json)"
    case .string(let text): "the string '\(text.shortened)'"
    case .list: "a list"
    case .map: "a map"
    }
  }
}

extension String {
  /// The text on one line, without orders to a terminal, and short enough for a message.
  var shortened: String {
    var line = ""
    for scalar in unicodeScalars.prefix(1000) {
      if Character(scalar).isNewline {
        line += " "
      } else if scalar.isControl {
        line += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      } else {
        line.unicodeScalars.append(scalar)
      }
    }
    return line.count <= 60 ? line : line.prefix(57) + "…"
  }

  /// Whether the text may stand in a node's name: as a label, or as a value of an axis.
  var isNamePart: Bool {
    !isEmpty && utf8.count <= Self.longestName && first != " " && last != " "
      && !unicodeScalars.contains { "[],=".unicodeScalars.contains($0) || $0.isControl }
  }

  /// The most bytes of a name, a label or a text on an axis; node names are made of them.
  static let longestName = 100

  /// Whether the text may name a stage, an axis or a parameter: `[A-Za-z_][A-Za-z0-9_-]*`.
  var isIdentifier: Bool {
    var first = true
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        break
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
        if first { return false }
      default: return false
      }
      first = false
    }
    return !first && utf8.count <= Self.longestName
  }
}

/// What names and their parts may be, for notes.
enum Rule {
  static let name = "a name is a letter or _, then letters, digits, _ and -; at most \(String.longestName)"
  static let part =
    "no [ ] , = or control character, no space at its ends, and from 1 to \(String.longestName) bytes"
}

extension Unicode.Scalar {
  /// Whether a terminal would take it for an order, or a reader would not see it: controls, line and paragraph
  /// separators, and marks that turn the direction of writing.
  fileprivate var isControl: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    case .format: (0x200E...0x202E).contains(value) || (0x2060...0x206F).contains(value) || value == 0xFEFF
    default: false
    }
  }
}

extension [String] {
  /// The way round a cycle; a very long one without its middle.
  var asPath: String {
    guard count > 60 else { return joined(separator: " → ") }
    return (prefix(30) + ["…"] + suffix(29)).joined(separator: " → ")
  }
}

/// Entries by name in the order of their first appearance.
struct OrderedEntries<Element> {
  private var positions: [String: Int] = [:]
  private var slots: [(name: Name, value: Element)?] = []

  subscript(name: String) -> Element? { positions[name].flatMap { slots[$0]?.value } }

  /// The entries in order.
  var entries: [(name: Name, value: Element)] { slots.compactMap { $0 } }
  var names: [String] { slots.compactMap { $0?.name.text } }
  var isEmpty: Bool { positions.isEmpty }

  /// The place where the present entry of a name is written.
  func place(of name: String) -> Place? { positions[name].flatMap { slots[$0]?.name.place } }

  /// Adds an entry, or replaces the one of that name where it stands.
  mutating func set(_ name: Name, _ value: Element) {
    if let position = positions[name.text] {
      slots[position] = (name, value)
    } else {
      positions[name.text] = slots.count
      slots.append((name, value))
    }
  }

  /// Removes an entry and says whether there was one.
  mutating func remove(_ name: String) -> Bool {
    guard let position = positions.removeValue(forKey: name) else { return false }
    slots[position] = nil
    return true
  }
}
