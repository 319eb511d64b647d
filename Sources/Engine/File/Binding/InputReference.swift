// What an input names: a stage, perhaps one case of it, perhaps pinned to values of its axes.

import PipelineCore

/// `stage`, `stage[case]` or `stage[case,axis=value,…]` as it stands in the file.
struct InputReference {
  /// One `axis=value`.
  struct Pin {
    var axis: String
    /// The value, or a whole `${name}`.
    var value: Template
  }

  var stage: String
  var label: String?
  var pins: [Pin] = []
  var place: Place

  /// The stage of a reference, whatever else is right or wrong with it.
  static func stage(of text: String) -> String { String(text.prefix { $0 != "[" }) }

  /// Reads a reference; nil after reporting what is wrong with it.
  static func parse(_ node: SyntaxNode, _ problems: Problems) -> InputReference? {
    guard case .scalar(.string(let text)) = node.content else {
      problems.report("found \(node.found), expected the name of a stage", at: node.place)
      return nil
    }
    var reference = InputReference(stage: stage(of: text), place: node.place)
    guard let open = text.firstIndex(of: "[") else { return reference }
    guard text.hasSuffix("]") else {
      problems.report("'\(text.shortened)' has no ']' at its end", at: node.place)
      return nil
    }
    let inside = text[text.index(after: open)...].dropLast()
    var ordinal = 0
    for part in inside.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let first = sides[0].trimmed
      guard sides.count == 2 else {
        guard !first.isEmpty, reference.label == nil else { return fail(inside, node, problems) }
        reference.label = first
        continue
      }
      guard !sides[1].isEmpty else { return fail(inside, node, problems) }
      if reference.pins.contains(where: { $0.axis == first }) {
        problems.report("axis '\(first.shortened)' is pinned twice", at: node.place)
        return nil
      }
      guard let value = value(of: sides[1].trimmed, node.place, ordinal, problems) else { return nil }
      if case .reference = value.kind { ordinal += 1 }
      reference.pins.append(Pin(axis: first, value: value))
    }
    return reference
  }

  private static func fail(_ inside: Substring, _ node: SyntaxNode, _ problems: Problems) -> InputReference? {
    problems.report(
      "'[\(String(inside).shortened)]' names no one case and pins no axis", at: node.place,
      notes: ["an input is written 'stage', 'stage[case]' or 'stage[case,axis=value,axis=value]'"])
    return nil
  }

  private static func value(of text: String, _ place: Place, _ ordinal: Int, _ problems: Problems)
    -> Template?
  {
    let node = SyntaxNode(place: place, content: .scalar(.string(text)))
    guard let template = Template.parse(node, problems) else { return nil }
    switch template.kind {
    case .reference(var reference):
      reference.ordinal = ordinal
      return Template(place: place, kind: .reference(reference))
    case .constant: return template
    case .text, .list, .map:
      problems.report(
        "'\(text.shortened)' pins an axis to a text with a reference in it", at: place,
        notes: ["a pin is a value or one whole '${name}'"])
      return nil
    }
  }
}

/// One source of a slot as the file writes it.
struct SourceSyntax {
  /// The label, where the file gives one.
  var label: Name?
  var reference: InputReference

  /// The sources of a slot: a stage, a list in which each may have a label, or a map of labels with stages. Nil
  /// after reporting what is wrong with it.
  static func read(_ node: SyntaxNode, _ problems: Problems) -> [SourceSyntax]? {
    var sources: [SourceSyntax?] = []
    switch node.content {
    case .scalar: sources = [source(nil, node, problems)]
    case .list(let elements) where !elements.isEmpty:
      sources = elements.map { element in
        guard case .map(let entries) = element.content, entries.count == 1 else {
          return source(nil, element, problems)
        }
        return labelled(entries[0], problems)
      }
    case .map(let entries) where !entries.isEmpty: sources = entries.map { labelled($0, problems) }
    case .list, .map:
      problems.report(
        "found \(node.found.replacingFirst("a ", with: "an empty ")), expected a stage, a list of stages or a map "
          + "of labels with stages", at: node.place)
    }
    let sound = sources.compactMap { $0 }
    return sound.isEmpty || sound.count < sources.count ? nil : sound
  }

  private static func labelled(_ entry: SyntaxEntry, _ problems: Problems) -> SourceSyntax? {
    guard entry.key.text.isNamePart else {
      problems.report(
        "'\(entry.key.text.shortened)' can't be a label", at: entry.key.place,
        notes: ["a label has \(Rule.part)"])
      return nil
    }
    return source(entry.key, entry.value, problems)
  }

  private static func source(_ label: Name?, _ node: SyntaxNode, _ problems: Problems) -> SourceSyntax? {
    InputReference.parse(node, problems).map { SourceSyntax(label: label, reference: $0) }
  }
}

extension Substring {
  /// The text without spaces at its ends.
  var trimmed: String {
    var text = drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

extension String {
  /// The text with its first occurrence of a prefix replaced.
  func replacingFirst(_ prefix: String, with replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
