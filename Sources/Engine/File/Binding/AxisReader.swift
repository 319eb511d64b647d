// The values of an axis: a list of distinct scalars, or a count.

import PipelineCore

/// Bounds of a plan.
enum PlanBounds {
  /// The most nodes, and the most values of an axis.
  static let nodes = 2_000_000
  /// The most members of all joins together.
  static let members = 10_000_000
}

/// Reads an axis; what is wrong with it is reported.
struct AxisReader {
  let problems: Problems

  func read(_ name: Name, _ node: SyntaxNode, scope: inout Scope) -> Axis? {
    guard let value = scope.value(of: node, problems) else { return nil }
    switch value {
    case .integer(let count): return counted(name, count, at: node.place)
    case .list(let values): return listed(name, values, node)
    default:
      problems.report(
        "axis '\(name.text)': found \(value.found), expected a list of values or a count", at: node.place)
      return nil
    }
  }

  private func counted(_ name: Name, _ count: Int, at place: Place) -> Axis? {
    guard count > 0 else {
      problems.report("axis '\(name.text)' has no values: a count must be at least 1", at: place)
      return nil
    }
    guard count <= PlanBounds.nodes else {
      problems.report(
        "axis '\(name.text)' has \(count) values; at most \(PlanBounds.nodes) are possible", at: place)
      return nil
    }
    return axis(name, (0..<count).map { .integer($0) })
  }

  private func listed(_ name: Name, _ values: [Value], _ node: SyntaxNode) -> Axis? {
    guard !values.isEmpty else {
      problems.report("axis '\(name.text)' has no values", at: node.place)
      return nil
    }
    let before = problems.count
    var normal: [Value] = []
    var first: [String: Int] = [:]
    for (index, value) in values.enumerated() {
      let place = element(index, of: node)
      guard let value = Self.normalised(value) else {
        problems.report(
          "axis '\(name.text)': found \(value.found), expected a number, a string, true or false", at: place)
        continue
      }
      let text = value.plainText
      if !text.isNamePart {
        problems.report(
          "axis '\(name.text)': \(value.found) can't stand in the name of a node", at: place,
          notes: ["a value of an axis has \(Rule.part)"])
      } else if let earlier = first.updateValue(index, forKey: text) {
        problems.report(
          "axis '\(name.text)' has the value \(text.shortened) twice", at: place,
          notes: ["first given at \(problems.text(element(earlier, of: node)))"])
      }
      normal.append(value)
    }
    return problems.count == before ? axis(name, normal) : nil
  }

  /// A scalar in one form: 1.0 is 1, so that either gives a node the same name and the same random stream.
  static func normalised(_ value: Value) -> Value? {
    switch value {
    case .boolean, .integer, .string: return value
    case .number(let number):
      if let integer = Int(exactly: number) { return .integer(integer) }
      return value
    case .null, .list, .map: return nil
    }
  }

  private func element(_ index: Int, of node: SyntaxNode) -> Place {
    if case .list(let elements) = node.content, elements.indices.contains(index) {
      return elements[index].place
    }
    return node.place
  }

  private func axis(_ name: Name, _ values: [Value]) -> Axis {
    let texts = values.map(\.plainText)
    let positions = Dictionary(texts.enumerated().map { ($1, $0) }) { first, _ in first }
    return Axis(name: name, values: values, parts: texts.map { "\(name.text)=\($0)" }, positions: positions)
  }
}

extension Value {
  /// Whether it is a real number without a fraction, which is one value with the integer.
  var isWhole: Bool {
    if case .number(let number) = self { Int(exactly: number) != nil } else { false }
  }
}
