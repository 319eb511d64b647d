// Text that is what its bytes are: how keys see it, and so how everything behind a key has to compare it.

/// A text that equals another only if its bytes do.
///
/// Swift's own comparison takes é as one scalar and e with an accent for equal. A key is made of bytes, so a comparison
/// that must agree with keys is of bytes.
public struct ByteText: Hashable, Sendable, Comparable {
  /// The text.
  public let text: String

  /// Wraps a text.
  public init(_ text: String) { self.text = text }

  /// The text with all but ASCII by number, `e\u{301}`, for what looks the same and is not.
  public var spelled: String {
    text.unicodeScalars.map { scalar in
      scalar.isASCII ? String(scalar) : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }.joined()
  }

  /// Whether the bytes are the same.
  public static func == (a: ByteText, b: ByteText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  /// The order of the bytes.
  public static func < (a: ByteText, b: ByteText) -> Bool {
    a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
  }

  /// Feeds the bytes.
  public func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(text.utf8.count)
  }
}

extension ManifestField {
  /// Whether name and value have the same bytes.
  public static func == (a: ManifestField, b: ManifestField) -> Bool {
    ByteText(a.name) == ByteText(b.name) && ByteText(a.value) == ByteText(b.value)
  }

  /// Feeds the bytes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ByteText(name))
    hasher.combine(ByteText(value))
  }

  /// The values by name; of two fields of one name, the first.
  public static func valuesByName(_ fields: [ManifestField]) -> [ByteText: ByteText] {
    Dictionary(fields.map { (ByteText($0.name), ByteText($0.value)) }) { first, _ in first }
  }
}

extension Value {
  /// Whether both have one canonical text: equal values have equal keys, and others have not.
  public static func == (a: Value, b: Value) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): ByteText(a) == ByteText(b)
    case (.list(let a), .list(let b)): a == b
    case (.map(let a), .map(let b)): entries(a) == entries(b)
    default: false
    }
  }

  private static func entries(_ map: [String: Value]) -> [ByteText: Value] {
    Dictionary(map.map { (ByteText($0), $1) }) { first, _ in first }
  }

  /// Feeds the kind and the bytes.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .boolean(let value): hasher.combine(value)
    case .integer(let value): hasher.combine(value)
    case .number(let value): hasher.combine(value)
    case .string(let value): hasher.combine(ByteText(value))
    case .list(let values): hasher.combine(values)
    case .map(let values): hasher.combine(Self.entries(values))
    }
  }
}
