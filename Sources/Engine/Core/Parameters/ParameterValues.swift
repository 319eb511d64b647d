// The parameters of one node. They are made by conforming values to a declaration, so that reading one can't fail.

/// Checked parameters of one node: every declared name has a value of its declared type.
public struct ParameterValues: Sendable, Hashable {
  /// The values by name, for the message to a worker; a stage reads them by its `Parameter`s.
  @usableFromInline package let values: [String: Value]

  /// Conforms values to the declaration of a stage; a parameter that is not given takes its default.
  ///
  /// - Throws: `ParameterProblem` for a value that is missing, of another type, or of no declared parameter.
  public init(_ given: [String: Value], of stage: StageDeclaration) throws(ParameterProblem) {
    var values = [String: Value](minimumCapacity: stage.parameters.count)
    for parameter in stage.parameters {
      if let value = given[parameter.name] {
        guard let conformed = parameter.type.conform(value) else {
          throw ParameterProblem(
            name: parameter.name, "found \(value.json), expected \(parameter.type.description)")
        }
        values[parameter.name] = conformed
      } else if let value = parameter.defaultValue {
        // A default is of its type, which its declaration has seen to.
        values[parameter.name] = value
      } else {
        throw ParameterProblem(name: parameter.name, "is missing; it is \(parameter.type.description)")
      }
    }
    if let unknown = given.keys.filter({ values[$0] == nil }).min() {
      let names = stage.parameters.map(\.name)
      throw ParameterProblem(
        name: unknown,
        "\(stage.name) has none of this name; "
          + suggestion(for: unknown, among: names, of: "parameters"))
    }
    self.values = values
  }

  /// Conforms values that an artifact records. Its stage may have gained parameters since without another version, each
  /// with the default that then went without saying; one that it has lost says nothing any more.
  ///
  /// - Throws: `ParameterProblem` for a value that is missing or of another type.
  public init(recorded: [String: Value], of stage: StageDeclaration) throws(ParameterProblem) {
    try self.init(recorded.filter { stage.parameter($0.key) != nil }, of: stage)
  }

  /// The parameters with other values for some of them, which their types have conformed: those of the next node of a
  /// stage, most of whose parameters are the same.
  package func replacing(_ conformed: some Sequence<(name: String, value: Value)>) -> ParameterValues {
    var values = values
    for (name, value) in conformed {
      precondition(values[name] != nil, "the stage declares no parameter '\(name)'")
      values[name] = value
    }
    return ParameterValues(values: values)
  }

  private init(values: [String: Value]) { self.values = values }

  /// The value of a parameter of the stage; asking with the parameter of another stage is a programmer's error.
  @inlinable  // Specialised where a stage reads it: a plan does so for each parameter of each node.
  public subscript<Content>(_ parameter: Parameter<Content>) -> Content {
    guard let value = values[parameter.declaration.name], let content = parameter.decode(value) else {
      preconditionFailure("the stage declares another parameter '\(parameter.declaration.name)'")
    }
    return content
  }

  /// The value of a declared parameter, for messages.
  package subscript(_ parameter: ParameterDeclaration) -> Value { self[ParameterName(text: parameter.name)] }

  /// The value of a declared parameter, for keys.
  subscript(_ name: ParameterName) -> Value {
    guard let value = values[name.text] else {
      preconditionFailure("the stage declares no parameter '\(name)'")
    }
    return value
  }

  /// All values as one canonical JSON text.
  public var json: String { Value.map(values).json }
}

/// A parameter whose value can't be used, be it of the right type or not.
public struct ParameterProblem: Error, CustomStringConvertible {
  /// Which parameter.
  public let parameter: String
  /// What is wrong with it.
  public let message: String

  /// Names a parameter and its trouble.
  public init(_ parameter: some DeclaredParameter, _ message: String) {
    self.init(name: parameter.declaration.name, message)
  }

  init(name: String, _ message: String) {
    parameter = name
    self.message = message
  }

  /// The parameter and its trouble.
  public var description: String { "parameter '\(parameter)': \(message)" }
}
