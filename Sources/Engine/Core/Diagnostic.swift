// Errors in what a user wrote, shown as file:line:column with the line itself and a caret.

/// A place in a pipeline file (or in a `--set` option, which counts as a one-line file).
public struct SourceLocation: Hashable, Sendable {
  /// The file's path as the user would write it.
  public var file: String
  /// The line, from 1.
  public var line: Int
  /// The column, from 1, in characters.
  public var column: Int

  /// A place in a file.
  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

/// One error or warning about a pipeline file: what was found, what was expected, what to do.
public struct Diagnostic: Error, Sendable, CustomStringConvertible {
  /// Whether the file is right, and may yet not mean what its author meant.
  public var isWarning = false
  /// What is wrong, in one sentence.
  public var message: String
  /// Where, if it is anywhere.
  public var location: SourceLocation?
  /// The line at that place.
  public var sourceLine: String?
  /// What to do about it, or what else bears on it.
  public var notes: [String]

  /// An error at a place.
  public init(
    _ message: String, at location: SourceLocation?, line sourceLine: String? = nil, notes: [String] = []
  ) {
    self.message = message
    self.location = location
    self.sourceLine = sourceLine
    self.notes = notes
  }

  /// `file:line:column: error: …` (or `warning`), the line, a caret under the place, and the notes.
  public var description: String {
    var text = ""
    if let location { text += "\(location.file):\(location.line):\(location.column): " }
    text += "\(isWarning ? "warning" : "error"): \(message)"
    if let location, let sourceLine {
      let number = String(location.line)
      let margin = String(repeating: " ", count: number.count)
      // Tabs are kept in the indent, so that the caret stands under its character in any terminal.
      let indent = sourceLine.prefix(max(0, location.column - 1)).map { $0 == "\t" ? "\t" as Character : " " }
      text += "\n \(number) | \(sourceLine)\n \(margin) | \(String(indent))^"
    }
    for note in notes { text += "\n  note: \(note)" }
    return text
  }
}

/// The candidate nearest to a mistyped word, if one is near enough to be meant.
public func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
  // Nobody means a word of a hundred letters, and the distance costs the product of both lengths.
  guard word.count <= 100 else { return nil }
  let limit = max(1, word.count / 3)
  var best: (name: String, distance: Int)?
  for candidate in candidates where abs(candidate.count - word.count) <= limit {
    let distance = editDistance(Array(word.lowercased()), Array(candidate.lowercased()))
    if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
  }
  return best?.name
}

/// A note "did you mean …?", or else the list of what there is.
public func suggestion(for word: String, among candidates: [String], of what: String) -> String {
  if let name = nearest(to: word, among: candidates) { return "did you mean '\(name)'?" }
  if candidates.isEmpty { return "there are no \(what) here" }
  let more = candidates.count > 30 ? ", …" : ""
  return "\(what): \(candidates.prefix(30).joined(separator: ", "))\(more)"
}

/// Damerau-Levenshtein distance (optimal string alignment): a swap of neighbours counts one.
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  if a.isEmpty || b.isEmpty { return a.count + b.count }
  var beforePrevious = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for i in 1...a.count {
    var current = [i] + [Int](repeating: 0, count: b.count)
    for j in 1...b.count {
      let substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
      current[j] = min(substitution, previous[j] + 1, current[j - 1] + 1)
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        current[j] = min(current[j], beforePrevious[j - 2] + 1)
      }
    }
    beforePrevious = previous
    previous = current
  }
  return previous[b.count]
}
