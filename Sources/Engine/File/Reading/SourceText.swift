// The texts that diagnostics point into, and the collector of everything that is wrong with them.

import PipelineCore

/// A place in one of the texts of a load. Columns count Unicode scalars, as the YAML reader does.
struct Place: Hashable, Comparable {
  /// The text, as an index into `Problems.sources`.
  var source: Int32
  /// The line, from 1.
  var line: Int32
  /// The column, from 1, in Unicode scalars.
  var column: Int32

  init(source: Int, line: Int, column: Int) {
    self.source = Int32(clamping: source)
    self.line = Int32(clamping: line)
    self.column = Int32(clamping: column)
  }

  static func < (a: Place, b: Place) -> Bool {
    (a.source, a.line, a.column) < (b.source, b.line, b.column)
  }
}

/// One text: a file as the user would write its path, or one `--set` option.
struct SourceText {
  var name: String
  /// Whether it is an option.
  var isOption: Bool
  /// Lines without their ends. YAML 1.1 ends a line at CR, LF, NEL, LS and PS, and places are counted by that.
  var lines: [Substring]

  init(name: String, text: String, isOption: Bool = false) {
    self.name = name
    self.isOption = isOption
    var lines: [Substring] = []
    var start = text.startIndex
    let scalars = text.unicodeScalars
    var position = scalars.startIndex
    while position < scalars.endIndex {
      let scalar = scalars[position]
      var next = scalars.index(after: position)
      if SourceText.endsLine(scalar) {
        lines.append(text[start..<position])
        if scalar == "\r", next < scalars.endIndex, scalars[next] == "\n" {
          next = scalars.index(after: next)
        }
        start = next
      }
      position = next
    }
    lines.append(text[start...])
    self.lines = lines
  }

  static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
    default: false
    }
  }
}

/// Collects the errors of one load; the texts they point into are registered here.
final class Problems {
  /// More errors than this are not worth reading.
  private static let limit = 100
  private static let longestLine = 1000

  private(set) var sources: [SourceText] = []
  private var found: [(place: Place, diagnostic: Diagnostic)] = []
  private var warned: [(place: Place, diagnostic: Diagnostic)] = []
  private var seen: Set<String> = []

  /// How many errors there are so far.
  var count: Int { found.count }
  var isEmpty: Bool { found.isEmpty }
  /// Whether one more error would be kept.
  var hasRoom: Bool { found.count < Self.limit }

  /// Registers a text and returns its index.
  func add(_ source: SourceText) -> Int {
    sources.append(source)
    return sources.count - 1
  }

  /// Reports an error. Message and notes are made only if they will be kept: a suggestion among many names is
  /// dear, and a hostile file has many errors.
  func report(_ message: @autoclosure () -> String, at place: Place, notes: @autoclosure () -> [String] = [])
  {
    guard hasRoom else { return }
    let diagnostic = self.diagnostic(message(), place, notes())
    // An aliased YAML node is read once for each alias, and would be reported as often.
    guard seen.insert(diagnostic.description).inserted else { return }
    found.append((place, diagnostic))
  }

  /// Says that a file, though right, may not mean what its author meant.
  func warn(_ message: @autoclosure () -> String, at place: Place, notes: @autoclosure () -> [String] = []) {
    guard warned.count < Self.limit else { return }
    var diagnostic = self.diagnostic(message(), place, notes())
    diagnostic.isWarning = true
    guard seen.insert(diagnostic.description).inserted else { return }
    warned.append((place, diagnostic))
  }

  private func diagnostic(_ message: String, _ place: Place, _ notes: [String]) -> Diagnostic {
    // A line that nobody can read is not shown.
    let line = lineText(place).flatMap { $0.utf8.count <= Self.longestLine ? String($0) : nil }
    return Diagnostic(message, at: location(place), line: line, notes: notes)
  }

  /// A place with its column in characters, as an editor counts.
  func location(_ place: Place) -> SourceLocation {
    let name = sources[Int(place.source)].name
    guard let line = lineText(place) else {
      return SourceLocation(file: name, line: Int(place.line), column: Int(place.column))
    }
    let prefix = line.unicodeScalars.prefix(Int(place.column) - 1)
    // YAML places the end of a text on a line of its own, or behind the last character.
    let beyond = Int(place.column) - 1 - prefix.count
    let characters = Substring(prefix).count + max(0, min(beyond, 1))
    return SourceLocation(file: name, line: Int(place.line), column: characters + 1)
  }

  /// `file:line:column`, for a note.
  func text(_ place: Place) -> String {
    let location = location(place)
    return "\(location.file):\(location.line):\(location.column)"
  }

  /// Whether a place is in an option rather than in a file.
  func isOption(_ place: Place) -> Bool { sources[Int(place.source)].isOption }

  func lineText(_ place: Place) -> Substring? {
    let lines = sources[Int(place.source)].lines
    return lines.indices.contains(Int(place.line) - 1) ? lines[Int(place.line) - 1] : nil
  }

  /// All errors by place.
  var errors: PipelineFileErrors {
    PipelineFileErrors(diagnostics: Self.sorted(found))
  }

  /// All warnings by place.
  var warnings: [Diagnostic] { Self.sorted(warned) }

  private static func sorted(_ reports: [(place: Place, diagnostic: Diagnostic)]) -> [Diagnostic] {
    let sorted = reports.enumerated().sorted { a, b in
      (a.element.place, a.offset) < (b.element.place, b.offset)
    }
    return sorted.map(\.element.diagnostic)
  }
}

/// A word of a file with its place.
struct Name: Hashable {
  var text: String
  var place: Place
}
