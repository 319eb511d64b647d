// What a program is to make, as the pipeline file says it: a file, a folder with all that is in it, or a pattern.

import Glibc

/// One entry of `outputs` or `optional`.
struct OutputPattern {
  enum Kind {
    case file
    /// All files below it.
    case folder
    /// Files whose names fit: `*` for any text, `?` for one byte, `[a-c]` for one of some; none of them fits a slash,
    /// nor a dot at the start of a name.
    case pattern
  }

  let path: ProgramPath
  let kind: Kind
  /// Whether it is no failure if there is none.
  let isOptional: Bool

  init(_ text: String, isOptional: Bool = false) throws {
    path = try ProgramPath(text)
    guard !path.isInput else {
      throw ProgramPath.Problem(message: "is among the inputs, which are no outputs")
    }
    let isPattern = path.steps.contains(where: Self.hasWildcard)
    guard !(isPattern && path.isFolder) else {
      throw ProgramPath.Problem(message: "is a pattern with a slash at its end; patterns are for files")
    }
    kind = isPattern ? .pattern : path.isFolder ? .folder : .file
    self.isOptional = isOptional
  }

  /// The folder that a program can count on: the one that the output is in, or the output itself where it is a folder.
  var folder: [String] {
    switch kind {
    case .file: Array(path.steps.dropLast())
    case .folder: path.steps
    case .pattern: Array(path.steps.prefix { !Self.hasWildcard($0) }.prefix(path.steps.count - 1))
    }
  }

  /// Whether a name fits a step of the pattern.
  static func fits(_ name: String, _ step: String) -> Bool { fnmatch(step, name, FNM_PERIOD) == 0 }

  static func hasWildcard(_ step: String) -> Bool { step.utf8.contains { "*?[".utf8.contains($0) } }
}
