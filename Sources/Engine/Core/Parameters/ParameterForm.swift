// The forms of parameters: a type of the pipeline file, the Swift type of its values, and the way between the two.

/// What values a parameter takes, in the file and in Swift: `.integer(1...)`, `.list(.number(0...1))`,
/// `.choice(Kind.self)`, `.optional(.string)`.
///
/// Forms of other forms are specialised where a stage declares a parameter: a plan reads each parameter of each node.
public struct ParameterForm<Content: Sendable>: Sendable {
  /// What the file may hold.
  @usableFromInline let type: ParameterType
  @usableFromInline let encode: @Sendable (Content) -> Value
  /// nil for a value that the type has not conformed, and for no other.
  @usableFromInline let decode: @Sendable (Value) -> Content?

  @usableFromInline init(
    type: ParameterType, encode: @escaping @Sendable (Content) -> Value,
    decode: @escaping @Sendable (Value) -> Content?
  ) {
    self.type = type
    self.encode = encode
    self.decode = decode
  }

  /// A list of values of one form.
  @inlinable public static func list<Element>(_ element: ParameterForm<Element>) -> Self
  where Content == [Element] {
    Self(
      type: .list(element.type), encode: { .list($0.map(element.encode)) },
      decode: { value in
        guard case .list(let values) = value else { return nil }
        let contents = values.compactMap(element.decode)
        return contents.count == values.count ? contents : nil
      })
  }

  /// Named values of one form.
  @inlinable public static func map<Element>(_ element: ParameterForm<Element>) -> Self
  where Content == [String: Element] {
    Self(
      type: .map(element.type), encode: { .map($0.mapValues(element.encode)) },
      decode: { value in
        guard case .map(let values) = value else { return nil }
        let contents = values.compactMapValues(element.decode)
        return contents.count == values.count ? contents : nil
      })
  }

  /// The form, or nothing (`null`, nil).
  @inlinable public static func optional<Wrapped>(_ form: ParameterForm<Wrapped>) -> Self
  where Content == Wrapped? {
    Self(
      type: .optional(form.type), encode: { $0.map(form.encode) ?? .null },
      decode: { value in
        if case .null = value { return .some(nil) }
        return form.decode(value).map(Optional.some)
      })
  }

  /// A word that stands for some content, or else a value of another form.
  @inlinable public static func either(_ word: String, as content: Content, or other: Self) -> Self
  where Content: Equatable {
    Self(
      type: .either(.choice([word]), other.type),
      encode: { $0 == content ? .string(word) : other.encode($0) },
      decode: { $0 == .string(word) ? content : other.decode($0) })
  }

  /// The form of what is made of this one's values; `from` undoes `to`.
  public func mapped<Other>(
    to: @escaping @Sendable (Content) -> Other, from: @escaping @Sendable (Other) -> Content
  ) -> ParameterForm<Other> {
    ParameterForm<Other>(type: type, encode: { encode(from($0)) }, decode: { decode($0).map(to) })
  }

  /// One of the cases of an enumeration, by its raw value; all of them without `among`.
  @inlinable public static func choice(_: Content.Type, among cases: [Content] = Array(Content.allCases))
    -> Self
  where Content: RawRepresentable & CaseIterable, Content.RawValue == String {
    let words = cases.map(\.rawValue)
    return Self(
      type: .choice(words), encode: { .string($0.rawValue) },
      decode: { value in
        guard case .string(let word) = value, words.contains(word) else { return nil }
        return Content(rawValue: word)
      })
  }
}

extension ParameterForm<Bool> {
  /// `true` or `false`.
  public static var boolean: Self {
    Self(
      type: .boolean, encode: Value.boolean,
      decode: { if case .boolean(let value) = $0 { value } else { nil } })
  }
}

extension ParameterForm<Int> {
  /// Any whole number.
  public static var integer: Self { integer(Int.min...Int.max) }
  /// A whole number of at least a minimum.
  public static func integer(_ limits: PartialRangeFrom<Int>) -> Self { integer(limits.lowerBound...Int.max) }
  /// A whole number within limits, both included.
  public static func integer(_ limits: ClosedRange<Int>) -> Self {
    Self(
      type: .integer(limits), encode: Value.integer,
      decode: { if case .integer(let value) = $0 { value } else { nil } })
  }
}

extension ParameterForm<Double> {
  /// A finite real number of at least a minimum.
  public static func number(_ limits: PartialRangeFrom<Double>) -> Self {
    number(limits.lowerBound...Double.greatestFiniteMagnitude)
  }
  /// A finite real number within limits, both included.
  public static func number(_ limits: ClosedRange<Double>) -> Self {
    Self(
      type: .number(limits), encode: Value.number,
      decode: { if case .number(let value) = $0 { value } else { nil } })
  }
}

extension ParameterForm<String> {
  /// Any text.
  public static var string: Self { text(.string) }
  /// One of a few words.
  public static func word(_ words: [String]) -> Self { text(.choice(words)) }

  private static func text(_ type: ParameterType) -> Self {
    Self(type: type, encode: Value.string, decode: { if case .string(let value) = $0 { value } else { nil } })
  }
}
