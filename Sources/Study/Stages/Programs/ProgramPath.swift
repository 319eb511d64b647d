// Names of files in a program's folder: one form for each, and nothing that leads out of the folder.

/// A file or a folder in the folder of a program.
struct ProgramPath {
  /// The names from the folder down; at least one, none of them `.` or `..`.
  let steps: [String]
  /// Whether it was written with a slash at its end, as only a folder can be.
  let isFolder: Bool

  /// The folder of a node's inputs.
  static let inputs = "inputs"

  /// The form in which it is kept: `a/b` for `./a//b/`.
  var text: String { steps.joined(separator: "/") }
  /// The form in which a user would write it.
  var description: String { isFolder ? text + "/" : text }
  /// Whether it stands among the node's inputs.
  var isInput: Bool { steps[0] == Self.inputs }

  /// What is wrong with a name, in words that follow it.
  struct Problem: Error {
    var message: String
  }

  /// Reads a path as a user writes it.
  init(_ text: String) throws {
    let bytes = text.utf8
    guard !bytes.contains(0) else { throw Problem(message: "has a NUL byte in it") }
    guard bytes.first != UInt8(ascii: "/") else {
      throw Problem(message: "is an absolute path; expected one that is relative to the program's folder")
    }
    let steps = text.split(separator: "/").filter { $0 != "." }.map(String.init)
    guard !steps.isEmpty else { throw Problem(message: "names no file") }
    guard !steps.contains("..") else {
      throw Problem(message: "may lead out of the program's folder: take out '..'")
    }
    if let long = steps.first(where: { $0.utf8.count > Self.longestName }) {
      throw Problem(
        message: "has a name of \(long.utf8.count) bytes; at most \(Self.longestName) are possible")
    }
    guard bytes.count <= Self.longestPath else {
      throw Problem(message: "has \(bytes.count) bytes; at most \(Self.longestPath) are possible")
    }
    self.steps = steps
    isFolder = bytes.last == UInt8(ascii: "/") || text.hasSuffix("/.")
  }

  /// Where a file of the project stands in the program's folder: one above the pipeline file's own folder stands there
  /// without the `..` that lead up to it.
  init(ofFile text: String) throws {
    guard text.utf8.first != UInt8(ascii: "/") else {
      throw Problem(
        message: "is an absolute path; expected one that is relative to the pipeline file's folder")
    }
    let steps = text.split(separator: "/", omittingEmptySubsequences: false)
    let rest = steps.drop { $0 == ".." || $0 == "." || $0.isEmpty }
    self = try ProgramPath(rest.joined(separator: "/"))
  }

  /// The limit of Linux's file systems, in bytes.
  private static let longestName = 255
  /// The system's limit less room for the folder's own path, in bytes.
  private static let longestPath = 3000

  /// Whether another path is this one or lies below it. Bytes are compared: `é` can be written in two ways.
  func contains(_ other: ProgramPath) -> Bool {
    other.steps.count >= steps.count
      && zip(steps, other.steps).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
  }
}

extension [ProgramPath] {
  /// The first two of a list that are in each other's way: one file named twice, or one below another.
  ///
  /// - Parameter isPattern: Whether a path stands for files by their names; then nothing is below it.
  func overlap(isPattern: (ProgramPath) -> Bool = { _ in false }) -> (ProgramPath, ProgramPath)? {
    if count < 2 { return nil }
    // In the order of their steps a path stands right before those below it.
    let sorted = sorted { a, b in
      a.steps.lexicographicallyPrecedes(b.steps) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    return zip(sorted, sorted.dropFirst()).first { outer, inner in
      outer.contains(inner) && (outer.steps.count == inner.steps.count || !isPattern(outer))
    }
  }
}
