// The work of a stage, as a worker sees it: a task of plain values, a context to talk to, and failures.

/// A value of an axis that a node stands at.
public struct AxisValue: Hashable, Sendable {
  /// The axis, such as `repeat`.
  public var axis: String
  /// The value, such as 3.
  public var value: Value

  /// A value of an axis.
  public init(_ axis: String, _ value: Value) {
    self.axis = axis
    self.value = value
  }
}

/// One artifact that a task reads.
public struct TaskInput: Sendable, Hashable {
  /// The label in a slot that takes many stages by name; otherwise the stage's name in the file.
  public var label: String
  /// The node that made it.
  public var node: String
  /// The stage type that made it.
  public var stage: String
  /// The axis values of that node.
  public var axes: [AxisValue]
  /// The file.
  public var path: String
  /// The digest of its logical content.
  public var content: Digest
  /// The digest of the file's bytes, which a reader checks before it believes them.
  public var fileDigest: Digest

  /// An artifact to read.
  public init(
    label: String, node: String, stage: String, axes: [AxisValue], path: String, content: Digest,
    fileDigest: Digest
  ) {
    self.label = label
    self.node = node
    self.stage = stage
    self.axes = axes
    self.path = path
    self.content = content
    self.fileDigest = fileDigest
  }
}

/// A file or folder outside the cache that a task reads.
///
/// The task reads a copy of its own, made before its stage starts, whose bytes are those that the key was made of: a
/// file that the user changes during a run can't get into a result under the old key, and no stage can change it.
public struct TaskFile: Sendable, Hashable {
  /// The path as the pipeline file gives it.
  public var path: String
  /// The digest of its content, which is in the key.
  public var digest: Digest
  /// Where the user's own stands, absolute.
  public var source: String
  /// Where the task's copy stands.
  public var copy: String

  /// A file, the user's own and the copy.
  public init(path: String, digest: Digest, source: String, copy: String) {
    self.path = path
    self.digest = digest
    self.source = source
    self.copy = copy
  }
}

/// A place among a node's inputs: whoever knows the graph finds the node that fills it.
public struct InputPlace: Sendable, Hashable {
  /// The slot.
  public var slot: String
  /// Which of the slot's artifacts, in the order of the members.
  public var position: Int

  /// A place.
  public init(slot: String, position: Int) {
    self.slot = slot
    self.position = position
  }
}

/// Everything that a worker is told of one node: plain values, nothing of the graph.
public struct StageTask: Sendable {
  /// The node's name, for messages.
  public var node: String
  /// The stage type.
  public var stage: String
  /// The stage type's version.
  public var stageVersion: Int
  /// The action key, which is also written into the artifact.
  public var key: Digest
  /// All parameters.
  public var parameters: ParameterValues
  /// The node's axis values.
  public var axes: [AxisValue]
  /// The key of the node's random stream: a function of the seed and the axis values only.
  public var streamKey: UInt64
  /// The artifacts by slot.
  public var inputs: [String: [TaskInput]]
  /// The slots that take many artifacts, whatever their number is.
  public var gathers: Set<String>
  /// Where to write the artifact: a temporary name, published by the scheduler.
  public var output: String
  /// An empty folder of the task's own, removed afterwards.
  public var scratch: String
  /// The files and folders outside the cache that it reads, which the declaration's `externalFiles` names.
  public var files: [TaskFile]
  /// Where downloads are kept between runs.
  public var downloads: String
  /// The cache's folder. Not for stages, which ask their context for a section.
  package var cache: String
  /// How many threads it may use.
  public var threads: Int
  /// How much memory it may use, in bytes.
  public var memory: Int
  /// Seconds of work from which on the artifact is brought to the disk before the task is over.
  public var syncAfter: Double
  /// Whether `scratch` stays if the task fails.
  public var keepsScratch: Bool
  /// The variables of the environment whose values must be kept nowhere.
  public var secrets: [String]
  /// The devices that it has to itself, by counter, such as the numbers of GPUs.
  public var devices: [String: [String]]
  /// The digest that the file of its program has in the key; nil where it is in no key.
  public var program: Digest?

  /// A task of plain values.
  public init(
    node: String, stage: String, stageVersion: Int, key: Digest, parameters: ParameterValues,
    axes: [AxisValue], streamKey: UInt64, inputs: [String: [TaskInput]], gathers: Set<String> = [],
    output: String, scratch: String, files: [TaskFile], downloads: String, cache: String, threads: Int,
    memory: Int, syncAfter: Double = 10, keepsScratch: Bool = false, secrets: [String] = [],
    devices: [String: [String]] = [:], program: Digest? = nil
  ) {
    self.node = node
    self.stage = stage
    self.stageVersion = stageVersion
    self.key = key
    self.parameters = parameters
    self.axes = axes
    self.streamKey = streamKey
    self.inputs = inputs
    self.gathers = gathers
    self.output = output
    self.scratch = scratch
    self.files = files
    self.downloads = downloads
    self.cache = cache
    self.threads = threads
    self.memory = memory
    self.syncAfter = syncAfter
    self.keepsScratch = keepsScratch
    self.secrets = secrets
    self.devices = devices
    self.program = program
  }

  /// The task's own copy of a file or folder that the declaration's `externalFiles` names.
  public func file(_ path: String) -> String {
    guard let file = files.first(where: { $0.path == path }) else {
      preconditionFailure("the stage does not declare that it reads '\(path)'")
    }
    return file.copy
  }

  /// A failure in whose message the user's files stand under their own paths instead of those of the task's copies.
  public func namingSources(_ failure: StageFailure) -> StageFailure {
    var failure = failure
    for file in files { failure.message = failure.message.replacing(file.copy, with: file.source) }
    return failure
  }

  /// The one artifact of a slot that takes one.
  public func input(_ slot: String) -> TaskInput {
    guard let list = inputs[slot], let first = list.first else {
      preconditionFailure("the stage declares no required input '\(slot)'")
    }
    return first
  }
  /// The artifact of a slot that may be empty.
  public func optionalInput(_ slot: String) -> TaskInput? { inputs[slot]?.first }
}

/// How a running stage talks to whoever runs it.
public protocol StageContext: Sendable {
  /// Says how far the work is, from 0 to 1, and in words ("epoch 3/6, loss 0.041").
  func progress(_ fraction: Double, _ message: String)
  /// Adds a line to the run's log.
  func log(_ message: String)
  /// Says what the artifact was made with that is in no key, such as the program that was found. It stands in the record
  /// of the artifact; of two notes of one name the later stands.
  func note(_ name: String, _ value: String)
  /// A part of the cache that the stage shares with all runs of its kind.
  ///
  /// - Parameters:
  ///   - name: whose part it is, such as `features`: letters, digits and `-`.
  ///   - identity: all that its entries depend on besides their names; another identity is another section.
  func section(_ name: String, of identity: [String]) -> any CacheSection
}

/// Why a stage failed: what the user reads, and what the scheduler does about it.
public struct StageFailure: Error, Sendable, CustomStringConvertible {
  /// What the scheduler does about it.
  public enum Kind: Sendable, Hashable {
    /// The node fails.
    case failed
    /// The node fails because something outside can't be had (exit code 66).
    case unavailable
    /// A signal that asks for an end came to the worker or its program: no fault of the node, which runs again.
    case interrupted
    /// An input's file is missing or damaged: its node runs again, then this one.
    case damagedInput(InputPlace)
  }
  /// What the scheduler does about it.
  public var kind: Kind
  /// What happened and what to do, for the user.
  public var message: String

  /// A failure of the node itself.
  public init(_ message: String, kind: Kind = .failed) {
    self.kind = kind
    self.message = message
  }

  /// The message.
  public var description: String { message }
}

/// A stage type with its work. The work is synchronous and touches nothing but its task.
public protocol Stage: Sendable {
  /// What it says of itself.
  static var declaration: StageDeclaration { get }
  /// Writes the artifact at `task.output` and returns the digest of its logical content.
  static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest
}

/// The stage types that an executable knows.
public struct StageRegistry: Sendable {
  /// The types by name.
  public let stages: [String: any Stage.Type]
  /// What of this program and this processor decides the last bits of results, such as the variant of its kernels. It is in
  /// no key, but each result says it.
  public let variant: String

  /// A registry of types; two of one name are a programmer's error.
  public init(_ types: [any Stage.Type], variant: String = "") {
    self.variant = variant
    stages = Dictionary(types.map { ($0.declaration.name, $0) }) { first, _ in
      preconditionFailure("two stage types are called '\(first.declaration.name)'")
    }
  }

  /// The names in alphabetical order.
  public var names: [String] { stages.keys.sorted() }

  /// The declaration of a type.
  public func declaration(_ name: String) -> StageDeclaration? { stages[name]?.declaration }
}
