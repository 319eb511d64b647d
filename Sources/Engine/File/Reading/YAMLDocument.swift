// Composes the nodes of a YAML text from the events of libyaml; the only file that knows that library.

import CYAML

/// A place in a text, both numbers from 1; columns count Unicode scalars.
struct YAMLMark {
  var line: Int
  var column: Int

  fileprivate init(_ mark: yaml_mark_t) {
    line = mark.line + 1
    column = mark.column + 1
  }
}

/// A node as it is written.
struct YAMLNode {
  indirect enum Content {
    case scalar(String, isPlain: Bool)
    case list([YAMLNode])
    case map([(key: YAMLNode, value: YAMLNode)])
    case alias(of: YAMLNode)
  }

  var mark: YAMLMark
  /// The tag as the library resolves it; empty where none is written.
  var tag: String
  var content: Content
}

/// Why a text can't be composed.
enum YAMLProblem: Error {
  /// It is not YAML: what is wrong where, and what had been begun there.
  case syntax(String, YAMLMark?, context: (text: String, mark: YAMLMark)?)
  /// A second document starts there.
  case secondDocument(YAMLMark)
  /// The node there is nested too deeply.
  case tooDeep(YAMLMark)
}

/// The document of one text.
struct YAMLDocument {
  /// Nil for a text that holds nothing.
  let root: YAMLNode?
  /// Whether an alias stands in it.
  let hasAliases: Bool

  /// Composes a text of at most `depth` levels.
  init(_ text: String, depth: Int) throws(YAMLProblem) {
    var composer = Composer(text, depth: depth)
    root = try composer.document()
    hasAliases = composer.hasAliases
  }
}

/// Pulls events out of the library and builds nodes of them.
private struct Composer: ~Copyable {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  /// The library reads from here until it is done.
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private let depth: Int
  private var anchors: [String: YAMLNode] = [:]
  private(set) var hasAliases = false

  init(_ text: String, depth: Int) {
    self.depth = depth
    bytes = .allocate(capacity: text.utf8.count)
    _ = bytes.initialize(from: text.utf8)
    yaml_parser_initialize(parser)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    bytes.deallocate()
  }

  mutating func document() throws(YAMLProblem) -> YAMLNode? {
    _ = try next()
    // The start of a document, or the end of a text that has none.
    if case .end = try next().kind { return nil }
    let root = try node(next(), level: 1)
    _ = try next()
    let after = try next()
    if case .end = after.kind { return root }
    throw .secondDocument(after.mark)
  }

  private mutating func node(_ event: Event, level: Int) throws(YAMLProblem) -> YAMLNode {
    if level > depth { throw .tooDeep(event.mark) }
    var node = YAMLNode(mark: event.mark, tag: event.tag, content: .list([]))
    switch event.kind {
    case .scalar(let text, let isPlain): node.content = .scalar(text, isPlain: isPlain)
    case .alias(let name):
      hasAliases = true
      guard let anchored = anchors[name] else {
        throw .syntax("found undefined alias", event.mark, context: nil)
      }
      node.content = .alias(of: anchored)
    case .list:
      var elements: [YAMLNode] = []
      while let element = try nextOfCollection() { elements.append(try self.node(element, level: level + 1)) }
      node.content = .list(elements)
    case .map:
      var entries: [(key: YAMLNode, value: YAMLNode)] = []
      while let key = try nextOfCollection() {
        let key = try self.node(key, level: level + 1)
        entries.append((key, try self.node(next(), level: level + 1)))
      }
      node.content = .map(entries)
    case .end, .other: preconditionFailure("the library's events do not make a tree")
    }
    if let anchor = event.anchor { anchors[anchor] = node }
    return node
  }

  /// The next event within a list or a map; nil at its end.
  private mutating func nextOfCollection() throws(YAMLProblem) -> Event? {
    let event = try next()
    if case .end = event.kind { return nil }
    return event
  }

  private mutating func next() throws(YAMLProblem) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
    defer { yaml_event_delete(&event) }
    return Event(event)
  }

  private func problem() -> YAMLProblem {
    let state = parser.pointee
    guard state.error == YAML_SCANNER_ERROR || state.error == YAML_PARSER_ERROR, let text = state.problem
    else {
      return .syntax("it can't be read", nil, context: nil)
    }
    return .syntax(
      String(cString: text), YAMLMark(state.problem_mark),
      context: state.context.map { (String(cString: $0), YAMLMark(state.context_mark)) })
  }
}

/// One event of the library, as far as it is of use here.
private struct Event {
  enum Kind {
    case scalar(String, isPlain: Bool)
    case alias(String)
    case list, map
    /// Of a list, a map or the whole text.
    case end
    case other
  }

  var kind = Kind.other
  var mark: YAMLMark
  var tag = ""
  var anchor: String?

  init(_ event: yaml_event_t) {
    mark = YAMLMark(event.start_mark)
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      (tag, anchor) = (Self.text(scalar.tag) ?? "", Self.text(scalar.anchor))
    case YAML_SEQUENCE_START_EVENT:
      kind = .list
      (tag, anchor) = (
        Self.text(event.data.sequence_start.tag) ?? "", Self.text(event.data.sequence_start.anchor)
      )
    case YAML_MAPPING_START_EVENT:
      kind = .map
      (tag, anchor) = (
        Self.text(event.data.mapping_start.tag) ?? "", Self.text(event.data.mapping_start.anchor)
      )
    case YAML_ALIAS_EVENT: kind = .alias(Self.text(event.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT, YAML_STREAM_END_EVENT: kind = .end
    default: break
    }
  }

  private static func text(_ bytes: UnsafeMutablePointer<UInt8>?) -> String? {
    bytes.map { String(cString: $0) }
  }
}
