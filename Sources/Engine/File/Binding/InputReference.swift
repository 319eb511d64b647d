// What an input names: a stage, perhaps pinned to values of its axes.

import PipelineCore

/// `stage` or `stage[axis=value,…]` as it stands in the file.
struct InputReference {
  /// One `axis=value`.
  struct Pin {
    var axis: String
    /// The value, or a whole `${name}`.
    var value: Template
  }

  var stage: String
  var pins: [Pin]
  var place: Place

  /// Reads a reference; nil after reporting what is wrong with it.
  static func parse(_ node: SyntaxNode, _ problems: Problems) -> InputReference? {
    guard case .scalar(.string(let text)) = node.content else {
      problems.report("found \(node.found), expected the name of a stage", at: node.place)
      return nil
    }
    guard let open = text.firstIndex(of: "[") else {
      return InputReference(stage: text, pins: [], place: node.place)
    }
    guard text.hasSuffix("]") else {
      problems.report("'\(text.shortened)' has no ']' at its end", at: node.place)
      return nil
    }
    let inside = text[text.index(after: open)...].dropLast()
    var pins: [Pin] = []
    var ordinal = 0
    for part in inside.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[1].isEmpty else {
        problems.report(
          "'[\(String(inside).shortened)]' pins no axis", at: node.place,
          notes: ["a pinned input is written 'stage[axis=value,axis=value]'"])
        return nil
      }
      let axis = sides[0].trimmed
      if pins.contains(where: { $0.axis == axis }) {
        problems.report("axis '\(axis.shortened)' is pinned twice", at: node.place)
        return nil
      }
      guard let value = value(of: sides[1].trimmed, node.place, ordinal, problems) else { return nil }
      if case .reference = value.kind { ordinal += 1 }
      pins.append(Pin(axis: axis, value: value))
    }
    return InputReference(stage: String(text[..<open]), pins: pins, place: node.place)
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

extension Substring {
  /// The text without spaces at its ends.
  var trimmed: String {
    var text = drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
