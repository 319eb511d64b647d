// Parameters of a stage: declared names, types, defaults and limits, and checked values.

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

  /// A whole number of at least `minimum`.
  public static func integer(atLeast minimum: Int) -> ParameterType { .integer(minimum...Int.max) }
  /// A finite real number of at least `minimum`.
  public static func number(atLeast minimum: Double) -> ParameterType {
    .number(minimum...Double.greatestFiniteMagnitude)
  }

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
    default: return nil
    }
  }
}

/// One parameter of a stage type.
public struct ParameterDeclaration: Sendable {
  /// The name in the pipeline file.
  public var name: String
  /// What values it takes.
  public var type: ParameterType
  /// The value where the file gives none; nil means that the file must.
  public var defaultValue: Value?
  /// One sentence, with the unit.
  public var summary: String
  /// Whether the result depends on it; a memory ceiling, say, changes no byte and so is in no key.
  public var changesResult: Bool

  /// Declares a parameter.
  public init(
    _ name: String, _ type: ParameterType, default defaultValue: Value? = nil, changesResult: Bool = true,
    _ summary: String
  ) {
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
    self.changesResult = changesResult
    self.summary = summary
    if let defaultValue {
      precondition(type.conform(defaultValue) == defaultValue, "the default of '\(name)' is not of its type")
    }
  }
}

/// Checked parameters of one node: every declared name has a value of its declared type.
public struct ParameterValues: Sendable, Hashable {
  /// The values by name.
  public private(set) var values: [String: Value]

  /// Wraps values that have been checked against a declaration.
  public init(_ values: [String: Value]) { self.values = values }

  /// The value of a declared parameter; asking for an undeclared one is a programmer's error.
  public subscript(_ name: String) -> Value {
    guard let value = values[name] else { preconditionFailure("the stage declares no parameter '\(name)'") }
    return value
  }

  /// The value of an integer parameter.
  public func integer(_ name: String) -> Int {
    guard case .integer(let value) = self[name] else { preconditionFailure("'\(name)' is no integer") }
    return value
  }
  /// The value of an integer parameter that may be null.
  public func optionalInteger(_ name: String) -> Int? { self[name] == .null ? nil : integer(name) }
  /// The value of a number parameter.
  public func number(_ name: String) -> Double {
    switch self[name] {
    case .number(let value): return value
    // A plan made without a file may hold 1 for 1.0.
    case .integer(let value): return Double(value)
    default: preconditionFailure("'\(name)' is no number")
    }
  }
  /// The value of a string or choice parameter.
  public func string(_ name: String) -> String {
    guard case .string(let value) = self[name] else { preconditionFailure("'\(name)' is no string") }
    return value
  }
  /// The value of a string parameter that may be null.
  public func optionalString(_ name: String) -> String? { self[name] == .null ? nil : string(name) }
  /// The value of a boolean parameter.
  public func boolean(_ name: String) -> Bool {
    guard case .boolean(let value) = self[name] else { preconditionFailure("'\(name)' is no boolean") }
    return value
  }
  /// The values of a list parameter.
  public func list(_ name: String) -> [Value] {
    guard case .list(let value) = self[name] else { preconditionFailure("'\(name)' is no list") }
    return value
  }
  /// The values of a list-of-integers parameter.
  public func integers(_ name: String) -> [Int] {
    list(name).map { value in
      guard case .integer(let number) = value else { preconditionFailure("'\(name)' holds no integers") }
      return number
    }
  }
  /// The values of a list-of-strings parameter.
  public func strings(_ name: String) -> [String] {
    list(name).map { value in
      guard case .string(let text) = value else { preconditionFailure("'\(name)' holds no strings") }
      return text
    }
  }
  /// The values of a map-of-strings parameter.
  public func stringMap(_ name: String) -> [String: String] {
    guard case .map(let values) = self[name] else { preconditionFailure("'\(name)' is no map") }
    return values.mapValues { value in
      guard case .string(let text) = value else { preconditionFailure("'\(name)' holds no strings") }
      return text
    }
  }

  /// All values as one canonical JSON text.
  public var json: String { Value.map(values).json }
}
