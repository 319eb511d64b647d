// Reads untrusted YAML into syntax nodes within fixed bounds; the only file that knows the YAML library.

import PipelineCore
import Yams

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
  /// Keys that the library was kept from calling duplicates: the scalar that stood there, by its stand-in.
  private var disguises: [Unicode.Scalar: Unicode.Scalar] = [:]

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
    if scalars.contains("*") { try refuseHiddenCosts(&scalars) }
    guard let root = try compose(&scalars) else { return nil }
    return try convert(root, depth: 1)
  }

  /// Composes a document; a duplicate key is disguised and left for `convert`, which knows both places.
  private mutating func compose(_ scalars: inout [Unicode.Scalar]) throws(Stop) -> Node? {
    var attempts = max(1, min(16, 8_000_000 / (scalars.count + 1)))
    while true {
      do {
        return try Self.parse(scalars)
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        attempts -= 1
        guard attempts > 0, disguise(context.mark, &scalars) else {
          throw stop("duplicate key '\((keys.first ?? "").shortened)'", at: place(context.mark))
        }
      } catch {
        throw syntaxError(error)
      }
    }
  }

  private static func parse(_ scalars: [Unicode.Scalar]) throws -> Node? {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    // No resolver: what a plain scalar means is decided here, by the core schema of YAML 1.2.
    return try Parser(
      yaml: String(text), resolver: .basic, constructor: Constructor([:], [:], [:]), encoding: .utf8
    )
    .singleRoot()
  }

  /// The library hashes every key of a map, aliases opened, before anyone can count the nodes. So a first
  /// reading, with each alias made a plain word, shows whether all keys are plain text.
  private mutating func refuseHiddenCosts(_ scalars: inout [Unicode.Scalar]) throws(Stop) {
    var plain = scalars
    for index in plain.indices where plain[index] == "*" { plain[index] = "z" }
    let root = try compose(&plain)
    for index in plain.indices where Shield.isStandIn(plain[index]) { scalars[index] = plain[index] }
    let lines = SourceText(name: "", text: String(String.UnicodeScalarView(scalars))).lines.map {
      Array($0.unicodeScalars)
    }
    var rest = root.map { [$0] } ?? []
    while let node = rest.popLast() {
      switch node {
      case .mapping(let mapping):
        for (key, value) in mapping {
          guard let scalar = key.scalar else { throw keyError(key) }
          if let mark = scalar.mark, lines[mark.line - 1].dropFirst(mark.column - 1).first == "*" {
            throw stop("an alias can't be a key", at: place(mark))
          }
          rest.append(value)
        }
      case .sequence(let sequence): rest.append(contentsOf: sequence)
      case .scalar, .alias: break
      }
    }
  }

  private mutating func convert(_ node: Node, depth: Int) throws(Stop) -> SyntaxNode {
    nodes += 1
    let place = place(node.mark)
    guard depth <= YAMLBounds.depth else {
      throw tooDeep(at: place)
    }
    guard nodes <= YAMLBounds.nodes else {
      throw stop("the document has more than \(YAMLBounds.nodes) nodes, aliases expanded", at: place)
    }
    switch node {
    case .scalar(let scalar):
      return value(scalar, at: place)
    case .sequence(let sequence):
      refuseTag(sequence.tag, except: .seq, at: place)
      var list: [SyntaxNode] = []
      list.reserveCapacity(sequence.count)
      for element in sequence { list.append(try convert(element, depth: depth + 1)) }
      return SyntaxNode(place: place, content: .list(list))
    case .mapping(let mapping):
      refuseTag(mapping.tag, except: .map, at: place)
      return SyntaxNode(place: place, content: .map(try entries(mapping, depth: depth)))
    case .alias:
      throw stop("an alias of nothing", at: place)
    }
  }

  private mutating func entries(_ mapping: Node.Mapping, depth: Int) throws(Stop) -> [SyntaxEntry] {
    var entries: [SyntaxEntry] = []
    entries.reserveCapacity(mapping.count)
    var first: [String: Place] = [:]
    for (key, value) in mapping {
      guard let scalar = key.scalar else { throw keyError(key) }
      let name = Name(text: Shield.reveal(scalar.string, disguises), place: place(scalar.mark))
      let value = try convert(value, depth: depth + 1)
      if let earlier = first[name.text] {
        problems.report(
          "duplicate key '\(name.text.shortened)'", at: name.place,
          notes: ["first given at \(problems.text(earlier))"])
      } else if name.text == "<<", scalar.style == .plain {
        problems.report(
          "YAML's merge key '<<' is not read", at: name.place, notes: ["'extends' merges whole files"])
      } else {
        first[name.text] = name.place
        entries.append(SyntaxEntry(key: name, value: value))
      }
    }
    return entries
  }

  private func value(_ scalar: Node.Scalar, at place: Place) -> SyntaxNode {
    let text = Shield.reveal(scalar.string, disguises)
    // The system's calls would take it for the end of an argument or a path.
    if text.utf8.contains(0) { problems.report("a text can't hold the character U+0000", at: place) }
    switch scalar.tag.rawValue {
    case "" where scalar.style == .plain: return Self.plain(text, at: place, problems)
    case "", "!", Tag.Name.str.rawValue: break
    default: refuseTag(scalar.tag, except: .str, at: place)
    }
    return SyntaxNode(place: place, content: .scalar(.string(text)))
  }

  /// What a plain scalar means; null after reporting that it means nothing.
  static func plain(_ text: String, at place: Place, _ problems: Problems) -> SyntaxNode {
    let text = text[...].trimmed
    switch PlainScalar.value(of: text) {
    case .success(let value):
      var node = SyntaxNode(place: place, content: .scalar(value))
      // An exponent shows that it is a number; `3.10` may be a version.
      if text.contains("."), !text.lowercased().contains("e"), text != value.plainText { node.written = text }
      return node
    case .failure(let problem):
      problems.report(problem.message, at: place)
      return SyntaxNode(place: place, content: .scalar(.null))
    }
  }

  private func refuseTag(_ tag: Tag, except name: Tag.Name, at place: Place) {
    guard !["", "!", name.rawValue].contains(tag.rawValue) else { return }
    problems.report(
      "the tag '\(tag.rawValue.shortened)' is not read", at: place,
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

  /// Puts a stand-in for the first scalar of a key, past its quote; false where there is none.
  private mutating func disguise(_ mark: Mark, _ scalars: inout [Unicode.Scalar]) -> Bool {
    var line = 1
    var index = 0
    while line < mark.line, index < scalars.count {
      if SourceText.endsLine(scalars[index]) {
        if scalars[index] == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { index += 1 }
        line += 1
      }
      index += 1
    }
    index += mark.column - 1
    guard index + 1 < scalars.count else { return false }
    if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
    guard scalars[index].properties.isAlphabetic, !Shield.isStandIn(scalars[index]) else { return false }
    let standIn = Shield.standIn(disguises.count)
    disguises[standIn] = scalars[index]
    scalars[index] = standIn
    return true
  }

  private func tooDeep(at place: Place) -> Stop {
    stop("lists and maps are nested deeper than \(YAMLBounds.depth) levels", at: place)
  }

  private func keyError(_ key: Node) -> Stop {
    stop("a key must be plain text, not a list or a map", at: place(key.mark))
  }

  private func syntaxError(_ error: any Error) -> Stop {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      if problem.hasPrefix("Maximum nesting level") { return tooDeep(at: place(mark)) }
      if problem.contains("another document") {
        return stop("a second document starts here, and a pipeline file is one", at: place(mark))
      }
      let notes = context.map { ["\($0.text) that starts at \(problems.text(inText(place($0.mark))))"] } ?? []
      return stop("this is not YAML: \(problem)", at: inText(place(mark)), notes: notes)
    default:
      return stop("this is not YAML", at: start)
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

  private func place(_ mark: Mark?) -> Place { place(line: mark?.line ?? 1, column: mark?.column ?? 1) }

  private func place(line: Int, column: Int) -> Place {
    Place(source: source, line: line, column: line == 1 ? column + firstColumn - 1 : column)
  }
}
