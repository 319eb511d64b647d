// What of a folder does not count: what version control and interpreters leave in it, and what the folder itself names.

import Glibc

/// Which names in a folder are passed over, as if they were not there.
struct IgnoreRules {
  /// The file in a folder that names more: a pattern a line, for the folder and all within it.
  static let fileName = ".pipelineignore"

  /// Left by other programs, and different after each use: no result depends on them.
  private static let always = [
    ".git", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".DS_Store",
  ]

  private struct Pattern {
    var text: String
    var isOfFolders = false
  }

  private var patterns = Self.always.map { Pattern(text: $0) }

  /// Adds what the file of a folder names, if it has one.
  mutating func addFile(in folder: String) throws(FileTreeError) {
    let path = folder + "/" + Self.fileName
    guard let file = fopen(path, "r") else {
      if errno == ENOENT { return }
      throw FileTreeError(path, code: errno)
    }
    defer { fclose(file) }
    var number = 0
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer { free(line) }
    while getline(&line, &room, file) >= 0, let text = line {
      number += 1
      try add(String(cString: text), path, number)
    }
  }

  private mutating func add(_ line: String, _ path: String, _ number: Int) throws(FileTreeError) {
    var text = line.trimmingSpaces
    if text.isEmpty || text.hasPrefix("#") { return }
    let isOfFolders = text.hasSuffix("/")
    if isOfFolders { text.removeLast() }
    guard !text.isEmpty, !text.contains("/"), !text.hasPrefix("!") else {
      throw FileTreeError(
        path, "line \(number): '\(line.trimmingSpaces)' is no pattern for a name, such as '*.log' or 'tmp/'")
    }
    patterns.append(Pattern(text: text, isOfFolders: isOfFolders))
  }

  /// Whether a name is passed over.
  func contains(_ name: String, isFolder: @autoclosure () -> Bool) -> Bool {
    patterns.contains { fnmatch($0.text, name, 0) == 0 && (!$0.isOfFolders || isFolder()) }
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
    guard let start = firstIndex(where: { !isSpace($0) }), let end = lastIndex(where: { !isSpace($0) }) else {
      return ""
    }
    return String(self[start...end])
  }
}
