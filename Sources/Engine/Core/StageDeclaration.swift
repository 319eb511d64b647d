// What a stage type says of itself: parameters, inputs, artifact layout, randomness and needs.

/// How many artifacts an input slot takes.
public enum InputArity: Sendable, Hashable {
  /// Exactly one.
  case one
  /// One or none.
  case optional
  /// Any number above zero, of one stage or of several labelled ones, over all of their axes.
  case many
  /// As `many`, or none.
  case optionalMany
  /// One where the file names one node; as `many` where what it names could be several. The number of nodes makes no
  /// difference: an axis of one value and a list of one stage make a slot of many.
  case asWritten

  /// Whether a node may do without.
  public var isOptional: Bool { self == .optional || self == .optionalMany }
  /// Whether it may take several artifacts.
  public var isJoin: Bool { self == .many || self == .optionalMany || self == .asWritten }
}

/// One input slot of a stage type.
public struct InputDeclaration: Sendable {
  /// The slot's name in the pipeline file.
  public var name: String
  /// The stage types whose artifacts fit; empty means any.
  public var accepts: [String]
  /// How many.
  public var arity: InputArity
  /// One sentence.
  public var summary: String

  /// Declares a slot that takes exactly one artifact.
  public init(_ name: String, accepts: [String], _ summary: String) {
    self.init(name, accepts: accepts, .one, summary)
  }

  /// Declares a slot.
  public init(_ name: String, accepts: [String], _ arity: InputArity, _ summary: String) {
    self.name = name
    self.accepts = accepts
    self.arity = arity
    self.summary = summary
  }
}

/// One line of an artifact's layout, for `pipeline stages`.
public struct LayoutDeclaration: Sendable {
  /// The dataset's path (`/features`) or the root attribute's name.
  public var name: String
  /// Type and shape, as in the contract: `f32 [n,d]`.
  public var type: String
  /// One phrase.
  public var summary: String

  /// Declares a dataset or an attribute.
  public init(_ name: String, _ type: String, _ summary: String) {
    self.name = name
    self.type = type
    self.summary = summary
  }
}

/// What a node may use of the machine.
public struct Resources: Sendable, Hashable {
  /// The most cores that it can use well; it gets at least one and at most this many.
  public var cores: Int
  /// The memory that it needs, in bytes.
  public var memory: Int
  /// How many it needs of other things that the machine has a number of, by name, such as `gpus`.
  public var counters: [String: Int]

  /// Needs of a node.
  public init(cores: Int = 1, memory: Int = 256 << 20, counters: [String: Int] = [:]) {
    self.cores = cores
    self.memory = memory
    self.counters = counters.filter { $0.value > 0 }
  }
}

/// A stage type: everything that planning, keys and documentation need, and nothing that runs.
public struct StageDeclaration: Sendable {
  /// The type's name in the pipeline file.
  public var name: String
  /// Raised whenever the same inputs and parameters would give other bytes.
  public var version: Int
  /// One sentence.
  public var summary: String
  /// The parameters; a random stage has `seed` and `purpose` besides.
  public var parameters: [ParameterDeclaration] { didSet { keyFields = Self.keyFields(parameters) } }
  /// The parameters that are in the key, with their names in the manifest, sorted; once a stage, not once a node.
  private(set) var keyFields: [(field: String, name: ParameterName)]
  /// The input slots.
  public var inputs: [InputDeclaration]
  /// Whether a node may have slots of any name (as the `command` stage has).
  public var takesAnyInput: Bool
  /// The datasets of the artifact.
  public var datasets: [LayoutDeclaration]
  /// The root attributes of the artifact, beyond those that every artifact has.
  public var attributes: [LayoutDeclaration]
  /// Whether it draws random numbers: then its seed and its axis values are part of its key.
  public var isRandom: Bool
  /// The ending of its artifact's file name.
  public var fileExtension: String
  /// What one node needs, from its parameters.
  public var resources: @Sendable (ParameterValues) -> Resources
  /// Files outside the cache that it reads, relative to the pipeline file; their content is in the key.
  public var externalFiles: @Sendable (ParameterValues) -> [String]
  /// What is asked of programs, the answers to which are in the key: versions, lists of packages, the file itself.
  public var tracked: @Sendable (ParameterValues) -> [TrackedQuestion]
  /// The variables of the environment that a node gets and whose values must be kept nowhere.
  public var secrets: @Sendable (ParameterValues) -> [String]
  /// Whether those files may lie outside of the pipeline file's folder, as a user's own data does.
  public var allowsOutsideFiles: Bool
  /// The parameters that a node with these values and these connected slots does not use: they stay out of its
  /// key, so that setting them, or a later stage version with more of them, makes nothing again.
  public var unused: (@Sendable (ParameterValues, _ slots: Set<String>) -> Set<ParameterName>)?
  /// What is wrong with parameters that are each of the right type; nil if nothing is.
  public var check: @Sendable (ParameterValues) -> ParameterProblem?

  /// Declares a stage type.
  public init(
    name: String, version: Int, summary: String, parameters: [any DeclaredParameter] = [],
    inputs: [InputDeclaration] = [], takesAnyInput: Bool = false, datasets: [LayoutDeclaration] = [],
    attributes: [LayoutDeclaration] = [], isRandom: Bool = false, fileExtension: String = "h5",
    resources: @escaping @Sendable (ParameterValues) -> Resources = { _ in Resources() },
    externalFiles: @escaping @Sendable (ParameterValues) -> [String] = { _ in [] },
    tracked: @escaping @Sendable (ParameterValues) -> [TrackedQuestion] = { _ in [] },
    secrets: @escaping @Sendable (ParameterValues) -> [String] = { _ in [] },
    allowsOutsideFiles: Bool = false,
    unused: (@Sendable (ParameterValues, _ slots: Set<String>) -> Set<ParameterName>)? = nil,
    check: @escaping @Sendable (ParameterValues) -> ParameterProblem? = { _ in nil }
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    let declared: [any DeclaredParameter] = isRandom ? parameters + [Self.seed, Self.purpose] : parameters
    self.parameters = declared.map(\.declaration)
    keyFields = Self.keyFields(self.parameters)
    self.inputs = inputs
    self.takesAnyInput = takesAnyInput
    self.datasets = datasets
    self.attributes = attributes
    self.isRandom = isRandom
    self.fileExtension = fileExtension
    self.resources = resources
    self.externalFiles = externalFiles
    self.tracked = tracked
    self.secrets = secrets
    self.allowsOutsideFiles = allowsOutsideFiles
    self.unused = unused
    self.check = check
  }

  /// The seed of a random stage.
  public static let seed = Parameter(
    "seed", .integer(0...), default: 1,
    "the random stream is a function of this and of the node's axis values")

  /// What the draws of a random stage are for. One that is given is in the key and in the random stream, so that nodes
  /// of two purposes share no draw even where seed and axis values are the same; none leaves no trace.
  public static let purpose = Parameter(
    "purpose", .optional(.string), default: nil,
    "a word for what the draws are for; nodes of different purposes share no random numbers (null: the main ones)"
  )

  private static func keyFields(
    _ parameters: [ParameterDeclaration]
  ) -> [(field: String, name: ParameterName)] {
    parameters.filter(\.changesResult).map(\.name).sorted()
      .map { ("parameters." + $0, ParameterName(text: $0)) }
  }

  /// The declaration of a parameter.
  public func parameter(_ name: String) -> ParameterDeclaration? { parameters.first { $0.name == name } }

  /// The declaration of a slot; a stage that takes any input declares each on demand.
  public func input(_ name: String) -> InputDeclaration? {
    inputs.first { $0.name == name }
      ?? (takesAnyInput ? InputDeclaration(name, accepts: [], .asWritten, "any artifact") : nil)
  }
}
