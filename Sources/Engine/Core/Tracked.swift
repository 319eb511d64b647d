// What decides a result beyond parameters, files and inputs, and is asked for each time a plan is made.

/// A question to the machine whose answer is in the key of a node.
public enum TrackedQuestion: Sendable, Hashable {
  /// What a program says, such as its version; the program, then its arguments.
  case words([String])
  /// What the file of a program holds: a name that is looked up on a search path (nil: the caller's), or an absolute path.
  case program(String, searchPath: String?)

  /// What is done with it, in a message: `ask 'python3 --version'`, `find the program 'python3'`.
  public var verb: String {
    switch self {
    case .words: "ask"
    case .program: "find the program"
    }
  }

  /// The command or the name.
  public var text: String {
    switch self {
    case .words(let command): command.joined(separator: " ")
    case .program(let name, _): name
    }
  }

  /// The program that is meant.
  public var program: String {
    switch self {
    case .words(let command): command[0]
    case .program(let name, _): name
    }
  }
}

/// What a question came to when the plan was made: it is in the key.
public struct TrackedOutput: Sendable, Hashable {
  static let wordsSection = "tracked."
  static let programSection = "program."

  /// The name of its field in manifests.
  public let field: String
  /// What a program said: the text itself if that is a short line, or else its digest. Of a program's file the digest.
  public let output: String
  /// The digest of a program's file, which is believed only if it is the same when the program starts.
  public let programDigest: Digest?

  /// What a program said.
  public init(command: [String], said: String) {
    field = Self.wordsSection + command.joined(separator: " ")
    let text = said.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
    let isShort = text.count <= 100 && !text.contains(where: \.isNewline)
    output = isShort ? String(text) : "sha256 " + Digest(of: said.utf8).hex
    programDigest = nil
  }

  /// What was asked, as it was recorded.
  package init(field: String, output: String) {
    (self.field, self.output) = (field, output)
    programDigest = field.hasPrefix(Self.programSection) ? Digest(hex: output) : nil
  }

  /// What the file of a program holds.
  public init(program: String, digest: Digest) {
    field = Self.programSection + program
    output = digest.hex
    programDigest = digest
  }
}
