// Values with `${name}` in them, and their evaluation within bounds.

import PipelineCore

/// A `${name}`.
struct Reference {
  /// The name.
  var text: String
  /// Where the scalar starts that holds it.
  var scalar: Place
  /// How many references precede it in that scalar.
  var ordinal: Int
}

/// A value that may hold references.
struct Template {
  /// A piece of a text.
  enum Piece {
    case text(String)
    case reference(Reference)
  }

  /// What the value is made of.
  indirect enum Kind {
    case constant(Value)
    /// A reference alone, which keeps the type of what it refers to.
    case reference(Reference)
    /// References within text.
    case text([Piece])
    case list([Template])
    case map([(key: String, value: Template)])
  }

  var place: Place
  var kind: Kind

  /// All references, in the order in which they are written.
  var references: [Reference] {
    switch kind {
    case .constant: []
    case .reference(let reference): [reference]
    case .text(let pieces):
      pieces.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    case .list(let elements): elements.flatMap(\.references)
    case .map(let entries): entries.flatMap(\.value.references)
    }
  }

  /// The references whose values become text: those within text, and where text is asked for, those alone.
  func references(asText type: ParameterType?) -> [Reference] {
    switch (kind, type) {
    case (_, .optional(let inner)?): references(asText: inner)
    case (.text, _): references
    case (.reference(let reference), .string?): [reference]
    case (.list(let elements), .list(let type)?): elements.flatMap { $0.references(asText: type) }
    case (.list(let elements), _): elements.flatMap { $0.references(asText: nil) }
    case (.map(let entries), .map(let type)?): entries.flatMap { $0.value.references(asText: type) }
    case (.map(let entries), _): entries.flatMap { $0.value.references(asText: nil) }
    case (.constant, _), (.reference, _): []
    }
  }

  /// Reads the references of a node; nil after reporting one that is malformed.
  static func parse(_ node: SyntaxNode, _ problems: Problems) -> Template? {
    switch node.content {
    case .scalar(.string(let text)): return parse(text, at: node.place, problems)
    case .scalar(let value): return Template(place: node.place, kind: .constant(value))
    case .list(let elements):
      let templates = elements.map { parse($0, problems) }
      let parsed = templates.compactMap { $0 }
      guard parsed.count == templates.count else { return nil }
      let constants = parsed.compactMap(\.constant)
      if constants.count == parsed.count {
        return Template(place: node.place, kind: .constant(.list(constants)))
      }
      return Template(place: node.place, kind: .list(parsed))
    case .map(let entries):
      var parsed: [(key: String, value: Template)] = []
      for entry in entries {
        if entry.key.text.contains("${") {
          problems.report("a reference can't stand in a key", at: entry.key.place)
        } else if let value = parse(entry.value, problems) {
          parsed.append((entry.key.text, value))
        }
      }
      guard parsed.count == entries.count else { return nil }
      let constants = parsed.compactMap { entry in entry.value.constant.map { (entry.key, $0) } }
      if constants.count == parsed.count {
        let map = Dictionary(constants) { first, _ in first }
        return Template(place: node.place, kind: .constant(.map(map)))
      }
      return Template(place: node.place, kind: .map(parsed))
    }
  }

  private var constant: Value? {
    if case .constant(let value) = kind { value } else { nil }
  }

  private static func parse(_ text: String, at place: Place, _ problems: Problems) -> Template? {
    guard text.utf8.contains(UInt8(ascii: "$")) else {
      return Template(place: place, kind: .constant(.string(text)))
    }
    let scalars = Array(text.unicodeScalars)
    var pieces: [Piece] = []
    var plain = String.UnicodeScalarView()
    var ordinal = 0
    var index = 0
    while index < scalars.count {
      if starts(scalars, "$${", at: index) {
        plain.append(contentsOf: "${".unicodeScalars)
        index += 3
      } else if starts(scalars, "${", at: index) {
        let end = scalars[index...].firstIndex(of: "}") ?? scalars.endIndex
        var word = String.UnicodeScalarView()
        word.append(contentsOf: scalars[index + 2..<max(index + 2, end)])
        let reference = Reference(text: String(word), scalar: place, ordinal: ordinal)
        guard end < scalars.endIndex, reference.text.isIdentifier else {
          let isOpen = end == scalars.endIndex
          problems.report(
            isOpen ? "'${' without '}'" : "'${\(reference.text.shortened)}' names no parameter or axis",
            at: reference,
            notes: (isOpen ? [] : [Rule.name])
              + ["'$${' stands for the text '${'"])
          return nil
        }
        if !plain.isEmpty { pieces.append(.text(String(plain))) }
        plain = String.UnicodeScalarView()
        pieces.append(.reference(reference))
        ordinal += 1
        index = end + 1
      } else {
        plain.append(scalars[index])
        index += 1
      }
    }
    if case .reference(let reference)? = pieces.first, pieces.count == 1, plain.isEmpty {
      return Template(place: place, kind: .reference(reference))
    }
    if pieces.isEmpty { return Template(place: place, kind: .constant(.string(String(plain)))) }
    if !plain.isEmpty { pieces.append(.text(String(plain))) }
    return Template(place: place, kind: .text(pieces))
  }

  private static func starts(_ scalars: [Unicode.Scalar], _ word: String, at index: Int) -> Bool {
    scalars[index...].starts(with: word.unicodeScalars)
  }
}

extension Problems {
  /// Reports an error at a reference. Its place is looked for only now: most references are right.
  func report(
    _ message: @autoclosure () -> String, at reference: Reference, notes: @autoclosure () -> [String] = []
  ) {
    guard hasRoom else { return }
    report(message(), at: place(of: reference), notes: notes())
  }

  /// The place of a reference within its scalar, which YAML may have quoted, escaped or spread over lines; where
  /// it is not to be found as it stands, the place of the scalar.
  func place(of reference: Reference) -> Place {
    var place = reference.scalar
    var left = reference.ordinal
    let word = Array("${\(reference.text)".unicodeScalars)
    for _ in 0..<100 {
      guard let line = lineText(place) else { break }
      let scalars = Array(line.unicodeScalars)
      var index = Int(place.column) - 1
      while index + 1 < scalars.count {
        if scalars[index] == "$", scalars[index + 1] == "{", index == 0 || scalars[index - 1] != "$" {
          if left == 0 {
            guard scalars[index...].starts(with: word) else { return reference.scalar }
            return Place(source: Int(place.source), line: Int(place.line), column: index + 1)
          }
          left -= 1
        }
        index += 1
      }
      place.line += 1
      place.column = 1
    }
    return reference.scalar
  }
}

extension Template {
  /// What explanations need of it.
  var trace: ParameterTrace {
    switch kind {
    case .constant: .constant
    case .reference(let reference): .reference(reference.text)
    case .text(let pieces):
      .text(
        pieces.map { piece in
          switch piece {
          case .text(let text): .text(text)
          case .reference(let reference): .reference(reference.text)
          }
        })
    case .list(let elements): .list(elements.map(\.trace))
    case .map(let entries): .map(Dictionary(entries.map { ($0.key, $0.value.trace) }) { first, _ in first })
    }
  }
}
