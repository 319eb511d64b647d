// `zip` and `exclude`: which combinations of axis values have nodes, in all stages.

import PipelineCore

/// What a file leaves out of the product of its axes. Axes are positions in `Scope.axes`.
struct AxisRules {
  /// Each entry names values of some axes, by position. It leaves out the nodes that have all of these axes, each at one
  /// of its values.
  private(set) var exclusions: [[(axis: Int, values: Set<Int>)]] = []
  /// By axis, the group of axes that go in step to which it belongs.
  private(set) var groups: [Int: Int] = [:]

  init(_ file: FileSyntax, scope: inout Scope, _ problems: Problems) {
    if let zip = file.zip { readZip(zip, scope, problems) }
    if let exclude = file.exclude { readExclusions(exclude, &scope, problems) }
  }

  /// Whether one of the exclusions bears on a stage with these axes.
  func concern(_ axes: [Int]) -> Bool {
    followers(among: axes).contains { $0 != nil }
      || exclusions.contains { $0.allSatisfy { axes.contains($0.axis) } }
  }

  /// For each of some axes, the position among them of the first axis of its group; nil for an axis that goes by itself,
  /// and for the first.
  func followers(among axes: [Int]) -> [Int?] {
    axes.enumerated().map { position, axis in
      guard let group = groups[axis], let first = axes.firstIndex(where: { groups[$0] == group }) else {
        return nil
      }
      return first < position ? first : nil
    }
  }

  // MARK: - zip

  /// `[a, b]`, or a list of such lists.
  private mutating func readZip(_ entry: SyntaxEntry, _ scope: Scope, _ problems: Problems) {
    if entry.value.isNull { return }
    guard case .list(let elements) = entry.value.content else {
      problems.report(
        "'zip': found \(entry.value.found), expected a list of axes", at: entry.value.place,
        notes: ["it is written 'zip: [rate, steps]', or as a list of such lists"])
      return
    }
    let isOne = elements.allSatisfy { if case .list = $0.content { false } else { true } }
    for group in isOne ? [entry.value] : elements { readGroup(group, scope, problems) }
  }

  private mutating func readGroup(_ node: SyntaxNode, _ scope: Scope, _ problems: Problems) {
    guard case .list(let elements) = node.content, elements.count > 1 else {
      problems.report(
        "'zip': found \(node.found), expected a list of two axes or more", at: node.place)
      return
    }
    let group = groups.values.max().map { $0 + 1 } ?? 0
    var first: Axis?
    for element in elements {
      guard let axis = Self.axis(element, scope, problems, of: "zip") else { continue }
      let name = scope.axes[axis].name.text
      let count = scope.axes[axis].values.count
      if groups.updateValue(group, forKey: axis) != nil {
        problems.report("axis '\(name)' stands twice in 'zip'", at: element.place)
      } else if let first, first.values.count != count {
        problems.report(
          "'zip' pairs '\(first.name.text)', which has \(counted(first.values.count)), with '\(name)', which has "
            + "\(counted(count))", at: element.place,
          notes: [
            "the values are given at \(problems.text(first.name.place)) and \(problems.text(scope.axes[axis].name.place))"
          ])
      }
      first = first ?? scope.axes[axis]
    }
  }

  private func counted(_ count: Int) -> String { count == 1 ? "1 value" : "\(count) values" }

  // MARK: - exclude

  private mutating func readExclusions(_ entry: SyntaxEntry, _ scope: inout Scope, _ problems: Problems) {
    if entry.value.isNull { return }
    var elements = [entry.value]
    if case .list(let list) = entry.value.content { elements = list }
    for element in elements {
      guard case .map(let entries) = element.content, !entries.isEmpty else {
        problems.report(
          "'exclude': found \(element.found), expected a map of axes with values", at: element.place,
          notes: ["it is written 'exclude: [{data: gamma, model: lasso}, {seed: [3, 4]}]'"])
        continue
      }
      let before = problems.count
      let parts = entries.compactMap { Self.part($0, &scope, problems) }
      // A value that the axis does not have leaves nothing out.
      if problems.count == before, parts.allSatisfy({ !$0.values.isEmpty }) { exclusions.append(parts) }
    }
  }

  /// An axis, and the positions of the values that are named.
  private static func part(
    _ entry: SyntaxEntry, _ scope: inout Scope, _ problems: Problems
  ) -> (axis: Int, values: Set<Int>)? {
    let name = SyntaxNode(place: entry.key.place, content: .scalar(.string(entry.key.text)))
    guard let axis = axis(name, scope, problems, of: "exclude"),
      let value = scope.value(of: entry.value, problems)
    else { return nil }
    var values = [value]
    if case .list(let list) = value { values = list }
    var positions: Set<Int> = []
    for (index, value) in values.enumerated() {
      var place = entry.value.place
      if case .list(let nodes) = entry.value.content, nodes.indices.contains(index) {
        place = nodes[index].place
      }
      switch value {
      case .list, .map, .null:
        problems.report(
          "'exclude': found \(value.found), expected a value of axis '\(entry.key.text)' or a list of them",
          at: place)
      default:
        let text = value.isWhole ? value.wholeText : value.plainText
        if let position = scope.axes[axis].positions[text] {
          positions.insert(position)
        } else if !problems.isOption(scope.axes[axis].name.place) {
          // An option may shorten an axis; in the file itself it is a slip.
          problems.report(
            "'exclude': \(text.shortened) is no value of axis '\(entry.key.text)'", at: place,
            notes: [scope.axes[axis].suggestion(for: text)])
        }
      }
    }
    return (axis, positions)
  }

  /// The axis that a scalar names; nil after reporting that there is none, or for one that has failed.
  private static func axis(
    _ node: SyntaxNode, _ scope: Scope, _ problems: Problems, of key: String
  ) -> Int? {
    guard case .scalar(.string(let name)) = node.content else {
      problems.report("'\(key)': found \(node.found), expected the name of an axis", at: node.place)
      return nil
    }
    if let known = scope.axisPositions[name] { return known }
    problems.report(
      "unknown axis '\(name.shortened)'", at: node.place,
      notes: [suggestion(for: name, among: scope.axisNames, of: "axes")])
    return nil
  }
}

extension Axis {
  /// "did you mean …?" for a word, or else the values; no number is near another.
  func suggestion(for text: String) -> String {
    let texts = values.map(\.plainText)
    if Double(text) == nil { return PipelineCore.suggestion(for: text, among: texts, of: "its values") }
    return "its values: \(texts.prefix(20).joined(separator: ", "))\(texts.count > 20 ? ", …" : "")"
  }
}

extension Value {
  /// A whole number as an integer is written.
  fileprivate var wholeText: String {
    if case .number(let number) = self, let integer = Int(exactly: number) {
      String(integer)
    } else {
      plainText
    }
  }
}
