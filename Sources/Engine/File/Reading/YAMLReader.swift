// Reads untrusted YAML into syntax nodes within fixed bounds.

import PipelineCore

/// Bounds within which any text is read in a moment.
enum YAMLBounds {
  /// The longest text, in bytes.
  static let bytes = 4 << 20
  /// The most nodes, aliases expanded.
  static let nodes = 500_000
  /// The deepest nesting.
  static let depth = 64
}

/// Reads one text. Two habits of pipeline files are not YAML, and are hidden from the library by characters of
/// the private use area that stand for `{ } [ ] ,`: a bare `${name}`, and a bare `stage[axis=value]`, within
/// `{…}` or `[…]`. The length of the text does not change by it, so that places stay true.
struct YAMLReader {
  private struct Stop: Error {}

  private let source: Int
  private let problems: Problems
  /// Where the text starts within the first line of its source.
  private let firstColumn: Int
  private var nodes = 0

  private init(source: Int, problems: Problems, firstColumn: Int) {
    self.source = source
    self.problems = problems
    self.firstColumn = firstColumn
  }

  /// Reads a text that is registered as `source`; nil after reporting what is wrong with it, or for a text
  /// that holds nothing.
  static func read(_ text: String, source: Int, problems: Problems, firstColumn: Int = 1) -> SyntaxNode? {
    var reader = YAMLReader(source: source, problems: problems, firstColumn: firstColumn)
    return try? reader.read(text)
  }

  private mutating func read(_ text: String) throws(Stop) -> SyntaxNode? {
    guard text.utf8.count <= YAMLBounds.bytes else {
      throw stop("the text is longer than \(YAMLBounds.bytes >> 20) MB", at: start)
    }
    var scalars = Array(text.unicodeScalars)
    try refuseControlCharacters(scalars)
    Shield.hide(&scalars)
    let document: YAMLDocument
    do {
      document = try YAMLDocument(String(String.UnicodeScalarView(scalars)), depth: YAMLBounds.depth)
    } catch {
      throw syntaxError(error)
    }
    guard let root = document.root else { return nil }
    // Opening aliases may take many nodes; a wrong key is told before any is.
    if document.hasAliases { try refuseAliasesAsKeys(root) }
    return try convert(root, depth: 1)
  }

  private func refuseAliasesAsKeys(_ node: YAMLNode) throws(Stop) {
    switch node.content {
    case .scalar, .alias: break
    case .list(let elements): for element in elements { try refuseAliasesAsKeys(element) }
    case .map(let entries):
      for (key, value) in entries {
        switch key.content {
        case .scalar: break
        case .alias: throw stop("an alias can't be a key", at: place(key.mark))
        case .list, .map: throw keyError(key)
        }
        try refuseAliasesAsKeys(value)
      }
    }
  }

  private mutating func convert(_ node: YAMLNode, depth: Int) throws(Stop) -> SyntaxNode {
    if case .alias(let anchored) = node.content { return try convert(anchored, depth: depth) }
    nodes += 1
    let place = place(node.mark)
    guard depth <= YAMLBounds.depth else {
      throw tooDeep(at: place)
    }
    guard nodes <= YAMLBounds.nodes else {
      throw stop("the document has more than \(YAMLBounds.nodes) nodes, aliases expanded", at: place)
    }
    switch node.content {
    case .scalar(let text, let isPlain):
      return value(text, isPlain: isPlain, tag: node.tag, at: place)
    case .list(let elements):
      refuseTag(node.tag, except: Self.coreTag + "seq", at: place)
      var list: [SyntaxNode] = []
      list.reserveCapacity(elements.count)
      for element in elements { list.append(try convert(element, depth: depth + 1)) }
      return SyntaxNode(place: place, content: .list(list))
    case .map(let pairs):
      refuseTag(node.tag, except: Self.coreTag + "map", at: place)
      return SyntaxNode(place: place, content: .map(try entries(pairs, depth: depth)))
    case .alias: preconditionFailure("an alias of an alias")
    }
  }

  private mutating func entries(
    _ pairs: [(key: YAMLNode, value: YAMLNode)], depth: Int
  ) throws(Stop) -> [SyntaxEntry] {
    var entries: [SyntaxEntry] = []
    entries.reserveCapacity(pairs.count)
    var first: [String: Place] = [:]
    for (key, value) in pairs {
      guard case .scalar(let text, let isPlain) = key.content else { throw keyError(key) }
      let name = Name(text: Shield.reveal(text), place: place(key.mark))
      let value = try convert(value, depth: depth + 1)
      if let earlier = first[name.text] {
        problems.report(
          "duplicate key '\(name.text.shortened)'", at: name.place,
          notes: ["first given at \(problems.text(earlier))"])
      } else if name.text == "<<", isPlain {
        // What it would bring is missing here, and that would be told as an error of its own.
        throw stop(
          "YAML's merge key '<<' is not read", at: name.place, notes: ["'extends' merges whole files"])
      } else {
        first[name.text] = name.place
        entries.append(SyntaxEntry(key: name, value: value))
      }
    }
    return entries
  }

  private func value(_ text: String, isPlain: Bool, tag: String, at place: Place) -> SyntaxNode {
    let text = Shield.reveal(text)
    // The system's calls would take it for the end of an argument or a path.
    if text.utf8.contains(0) { problems.report("a text can't hold the character U+0000", at: place) }
    if tag.isEmpty, isPlain { return Self.plain(text, at: place, problems) }
    refuseTag(tag, except: Self.coreTag + "str", at: place)
    return SyntaxNode(place: place, content: .scalar(.string(text)))
  }

  /// How the names of YAML's own tags begin.
  private static let coreTag = "tag:yaml.org,2002:"

  /// What a plain scalar means; null after reporting that it means nothing.
  static func plain(_ text: String, at place: Place, _ problems: Problems) -> SyntaxNode {
    let text = text[...].trimmed
    switch PlainScalar.value(of: text) {
    case .success(let value):
      var node = SyntaxNode(place: place, content: .scalar(value))
      // An exponent shows that it is a quantity, and so it may be written in any other way.
      if case .number = value, !text.lowercased().contains("e") { node.written = text }
      return node
    case .failure(let problem):
      problems.report(problem.message, at: place)
      return SyntaxNode(place: place, content: .scalar(.null))
    }
  }

  private func refuseTag(_ tag: String, except name: String, at place: Place) {
    guard !["", "!", name].contains(tag) else { return }
    problems.report(
      "the tag '\(tag.shortened)' is not read", at: place,
      notes: ["of YAML's tags only '!!str' has a use here"])
  }

  private func refuseControlCharacters(_ scalars: [Unicode.Scalar]) throws(Stop) {
    var line = 1
    var first = 0
    for (index, scalar) in scalars.enumerated() {
      switch scalar.value {
      case 0x20...0x7E, 0x09, 0xA0...0x2027, 0x202A...0xDFFF, 0xE100...0xFEFE, 0xFF00...0xFFFD, 0x10000...:
        break
      case 0x0A, 0x0D, 0x85, 0x2028, 0x2029:
        if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { break }
        line += 1
        first = index + 1
      default:
        let code = String(scalar.value, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
        throw stop(
          "the character U+\(padded) can't stand in a pipeline file",
          at: place(line: line, column: index - first + 1))
      }
    }
  }

  private func tooDeep(at place: Place) -> Stop {
    stop("lists and maps are nested deeper than \(YAMLBounds.depth) levels", at: place)
  }

  private func keyError(_ key: YAMLNode) -> Stop {
    stop("a key must be plain text, not a list or a map", at: place(key.mark))
  }

  private func syntaxError(_ problem: YAMLProblem) -> Stop {
    switch problem {
    case .tooDeep(let mark): return tooDeep(at: place(mark))
    case .secondDocument(let mark):
      return stop("a second document starts here, and a pipeline file is one", at: place(mark))
    case .syntax(let problem, let mark, let context):
      let notes = context.map { ["\($0.text) that starts at \(problems.text(inText(place($0.mark))))"] } ?? []
      return stop("this is not YAML: \(problem)", at: inText(place(mark)), notes: notes)
    }
  }

  private func stop(_ message: String, at place: Place, notes: [String] = []) -> Stop {
    problems.report(message, at: place, notes: notes)
    return Stop()
  }

  /// The place, or for the end of a text, which YAML puts on an empty line, the end of the last line with any.
  private func inText(_ place: Place) -> Place {
    var place = place
    while place.line > 1, problems.lineText(place)?.isEmpty ?? true {
      place.line -= 1
      place.column = Int32(clamping: (problems.lineText(place)?.unicodeScalars.count ?? 0) + 1)
    }
    return place
  }

  private var start: Place { place(line: 1, column: 1) }

  private func place(_ mark: YAMLMark?) -> Place { place(line: mark?.line ?? 1, column: mark?.column ?? 1) }

  private func place(line: Int, column: Int) -> Place {
    Place(source: source, line: line, column: line == 1 ? column + firstColumn - 1 : column)
  }
}
