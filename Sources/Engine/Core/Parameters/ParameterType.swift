// The type of a parameter as schema, messages and `pipeline stages` know it: it checks values and brings them to one form.

/// The type of a parameter; values are checked and brought to one form by it.
public indirect enum ParameterType: Sendable, Hashable {
  /// `true` or `false`.
  case boolean
  /// A whole number within limits, both included.
  case integer(ClosedRange<Int>)
  /// A finite real number within limits, both included; `1` is read as `1.0`.
  case number(ClosedRange<Double>)
  /// Any text.
  case string
  /// One of a few words.
  case choice([String])
  /// A list of values of one type.
  case list(ParameterType)
  /// Named values of one type.
  case map(ParameterType)
  /// The type, or nothing (`null`).
  case optional(ParameterType)
  /// The first type, a scalar, or else the second.
  case either(ParameterType, ParameterType)

  /// The type in words, for messages and for `pipeline stages`.
  public var description: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range):
      switch (range.lowerBound, range.upperBound) {
      case (Int.min, Int.max): "an integer"
      case (let low, Int.max): "an integer ≥ \(low)"
      case (let low, let high): "an integer from \(low) to \(high)"
      }
    case .number(let range):
      switch (range.lowerBound, range.upperBound) {
      case (-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude): "a number"
      case (let low, Double.greatestFiniteMagnitude): "a number ≥ \(low)"
      case (let low, let high): "a number from \(low) to \(high)"
      }
    case .string: "a string"
    case .choice(let words): "one of \(words.joined(separator: ", "))"
    case .list(let element): "a list, each \(element.description)"
    case .map(let element): "a map, each value \(element.description)"
    case .optional(let type): "\(type.description), or null"
    case .either(.choice(let words), let other): "\(words.joined(separator: " or ")) or \(other.description)"
    case .either(let scalar, let other): "\(scalar.description) or \(other.description)"
    }
  }

  /// The value in the type's own form, or nil where it does not fit.
  public func conform(_ value: Value) -> Value? {
    switch (self, value) {
    case (.boolean, .boolean), (.string, .string): return value
    case (.integer(let range), .integer(let number)): return range.contains(number) ? value : nil
    case (.number(let range), .integer(let number)):
      return range.contains(Double(number)) ? .number(Double(number)) : nil
    case (.number(let range), .number(let number)): return range.contains(number) ? value : nil
    case (.choice(let words), .string(let word)): return words.contains(word) ? value : nil
    case (.list(let element), .list(let values)):
      let conformed = values.compactMap(element.conform)
      return conformed.count == values.count ? .list(conformed) : nil
    case (.map(let element), .map(let values)):
      let conformed = values.compactMapValues(element.conform)
      return conformed.count == values.count ? .map(conformed) : nil
    case (.optional, .null): return .null
    case (.optional(let type), _): return type.conform(value)
    case (.either(let scalar, let other), _): return scalar.conform(value) ?? other.conform(value)
    default: return nil
    }
  }
}
