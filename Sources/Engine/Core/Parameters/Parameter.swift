// A parameter of a stage is declared once, as a typed constant, and its value is read through that constant only.
//
//     static let size = Parameter("size", .integer(1...), "how many images")
//     static let label = Parameter("label", .optional(.integer(0...9)), default: nil, "of this label only")
//     static let kind = Parameter("kind", .choice(Kind.self), default: .random, "which images")
//     static let declaration = StageDeclaration(…, parameters: [size, label, kind], …)
//     …
//     let size = task.parameters[Self.size]   // an Int

/// A typed parameter: what a stage declares, and how it reads a value.
public struct Parameter<Content: Sendable>: Sendable, DeclaredParameter {
  /// The parameter as schema, messages, `pipeline stages` and keys see it.
  public let declaration: ParameterDeclaration
  @usableFromInline let decode: @Sendable (Value) -> Content?

  /// Declares a parameter that the file must give.
  ///
  /// - Parameters:
  ///   - name: The name in the pipeline file.
  ///   - form: What values it takes.
  ///   - changesResult: Whether the result depends on it.
  ///   - summary: One sentence, with the unit.
  public init(
    _ name: String, _ form: ParameterForm<Content>, changesResult: Bool = true, _ summary: String
  ) {
    self.init(name, form, defaultValue: nil, changesResult: changesResult, summary)
  }

  /// Declares a parameter that has a value where the file gives none; one of the form is the programmer's promise.
  public init(
    _ name: String, _ form: ParameterForm<Content>, default value: Content, changesResult: Bool = true,
    _ summary: String
  ) {
    self.init(name, form, defaultValue: form.encode(value), changesResult: changesResult, summary)
  }

  private init(
    _ name: String, _ form: ParameterForm<Content>, defaultValue: Value?, changesResult: Bool,
    _ summary: String
  ) {
    declaration = ParameterDeclaration(
      name: name, type: form.type, defaultValue: defaultValue, summary: summary, changesResult: changesResult)
    decode = form.decode
    if let defaultValue {
      precondition(
        form.type.conform(defaultValue) == defaultValue, "the default of '\(name)' is not of its type")
    }
  }
}

/// A parameter of any type, so that those of one stage stand in one list.
public protocol DeclaredParameter: Sendable {
  /// The parameter as schema, messages, `pipeline stages` and keys see it.
  var declaration: ParameterDeclaration { get }
}

extension DeclaredParameter {
  /// The name, for the lists of parameters that a node does not use.
  public var name: ParameterName { ParameterName(text: declaration.name) }
}

/// The name of a parameter that has been declared: only a `Parameter` has one.
public struct ParameterName: Sendable, Hashable, CustomStringConvertible {
  let text: String
  /// The name in the pipeline file.
  public var description: String { text }
}

/// What a parameter is to everybody but the stage that reads it. It is made by `Parameter` only.
public struct ParameterDeclaration: Sendable {
  /// The name in the pipeline file.
  public let name: String
  /// What values it takes.
  public let type: ParameterType
  /// The value where the file gives none; nil means that the file must.
  public let defaultValue: Value?
  /// One sentence, with the unit.
  public let summary: String
  /// Whether the result depends on it; a memory ceiling, say, changes no byte and so is in no key.
  public let changesResult: Bool
}
