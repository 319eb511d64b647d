// The values that an attribute can have.

/// The value of an attribute: text or numbers, one or a list.
public enum AttributeValue: Equatable, Sendable {
  /// Text.
  case string(String)
  /// An integer.
  case integer(Int64)
  /// A number.
  case real(Double)
  /// A list of texts.
  case strings([String])
  /// A list of integers.
  case integers([Int64])
  /// A list of numbers.
  case reals([Double])

  /// What kind of value it is, for errors and for the content hash.
  var kind: String {
    switch self {
    case .string: "string"
    case .integer: "integer"
    case .real: "real"
    case .strings: "list of strings"
    case .integers: "list of integers"
    case .reals: "list of reals"
    }
  }
}

extension AttributeValue: ExpressibleByStringLiteral {
  /// Text.
  public init(stringLiteral value: String) { self = .string(value) }
}

extension AttributeValue: ExpressibleByIntegerLiteral {
  /// An integer.
  public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension AttributeValue: ExpressibleByFloatLiteral {
  /// A number.
  public init(floatLiteral value: Double) { self = .real(value) }
}
