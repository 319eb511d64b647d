// Which nodes of a plan a user means: a stage, a case of it, and conditions on its axes.

/// Why a pattern means no node of a plan.
public struct NodePatternError: Error, Sendable {
  /// What was found and what was expected.
  public var message: String
  /// What to do.
  public var notes: [String]

  init(_ message: String, _ notes: String...) { self.init(message, notes: notes) }

  init(_ message: String, notes: [String]) {
    self.message = message
    self.notes = notes
  }
}

/// `stage`, `stage[case]`, `stage[axis=value]`, `stage[axis<value,axis!=value]`: axes that are left out may have any
/// value.
package struct NodePattern {
  /// How the value of an axis is compared. In the order in which they are looked for.
  package enum Comparison: String, CaseIterable {
    case atMost = "<="
    case atLeast = ">="
    case other = "!="
    case less = "<"
    case more = ">"
    case equal = "="

    /// Whether it is one of size, which texts have not.
    package var isOfSize: Bool { self != .equal && self != .other }
  }

  package struct Condition {
    package var axis: String
    package var comparison: Comparison
    package var value: String

    /// Whether a value meets it; nil where the two can't be compared.
    package func holds(for found: Value) -> Bool? {
      let isSame = found.plainText == value || found.asNumber.map { $0 == Double(value) } == true
      switch comparison {
      case .equal: return isSame
      case .other: return !isSame
      case .atMost, .atLeast, .less, .more:
        guard let a = found.asNumber, let b = Double(value) else { return nil }
        switch comparison {
        case .atMost: return a <= b
        case .atLeast: return a >= b
        case .less: return a < b
        default: return a > b
        }
      }
    }
  }

  var stage: String
  var label: String?
  var conditions: [Condition] = []

  init(_ text: String) throws(NodePatternError) {
    stage = String(text.prefix { $0 != "[" })
    guard stage.utf8.count < text.utf8.count else { return }
    guard text.hasSuffix("]") else { throw NodePatternError("'\(text)' has no ']' at its end") }
    let inside = text.dropFirst(stage.count + 1).dropLast()
    for (place, part) in inside.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      if let condition = Self.condition(part) {
        conditions.append(condition)
      } else if place == 0, !part.isEmpty, part.allSatisfy({ !"=<>!".contains($0) }) {
        label = String(part)
      } else {
        throw NodePatternError(
          "'\(part)' in '\(text)' is no condition on an axis",
          "conditions are written 'axis=value', with one of \(Comparison.allCases.map(\.rawValue).joined(separator: " "))"
        )
      }
    }
  }

  /// Reads one condition; nil for what is none.
  package static func condition(_ part: Substring) -> Condition? {
    let axis = part.prefix { !"=<>!".contains($0) }
    let rest = part.dropFirst(axis.count)
    guard let comparison = Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else {
      return nil
    }
    let value = rest.dropFirst(comparison.rawValue.count)
    guard !axis.isEmpty, !value.isEmpty else { return nil }
    return Condition(axis: String(axis), comparison: comparison, value: String(value))
  }
}

extension Value {
  fileprivate var asNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension Plan {
  /// The nodes that a pattern means, in the plan's order: a node's full name; a stage or a case of it, which means all of
  /// its nodes; either with conditions on axes, as in `train[data=alpha,seed<3]`.
  ///
  /// - Throws: `NodePatternError` where that is no node, with the nearest that there is.
  public func nodes(matching text: String) throws(NodePatternError) -> [NodeID] {
    let exact = nodes(named: text)
    if !exact.isEmpty { return exact }
    let pattern = try NodePattern(text)
    let family = stages.filter { $0.family == pattern.stage }
    guard !family.isEmpty else {
      let lost = omissions.filter { $0.family == pattern.stage }
      if !lost.isEmpty {
        throw NodePatternError(
          "stage '\(pattern.stage)' has no nodes in pipeline \(name)", notes: lost.map(\.description))
      }
      throw NodePatternError(
        "pipeline \(name) has no node or stage '\(text)'",
        suggestion(for: pattern.stage, among: Set(stages.map(\.family)).sorted(), of: "stages"))
    }
    var meant = family
    if let label = pattern.label {
      meant = family.filter { $0.name == "\(pattern.stage)[\(label)]" }
      if meant.isEmpty, let lost = omissions.first(where: { $0.stage == "\(pattern.stage)[\(label)]" }) {
        throw NodePatternError("'\(lost.stage)' has no nodes in pipeline \(name)", lost.description)
      }
      guard !meant.isEmpty else { throw unknownCase(label, of: family) }
    }
    for condition in pattern.conditions { try check(condition, against: meant) }
    let found = meant.flatMap { stage in
      stage.nodes.filter { index in
        pattern.conditions.allSatisfy { condition in
          nodes[index].axes.contains { $0.axis == condition.axis && condition.holds(for: $0.value) == true }
        }
      }
    }
    guard !found.isEmpty else { throw noMatch(text, pattern, meant) }
    return found.map { NodeID($0) }
  }

  /// Makes sure that a condition says something of at least one of some stages.
  private func check(_ condition: NodePattern.Condition, against stages: [PlannedStage])
    throws(NodePatternError)
  {
    let name = stages.count == 1 ? stages[0].name : stages[0].family
    let axes = stages.flatMap(\.axes)
    guard !axes.isEmpty else {
      throw NodePatternError("'\(name)' has no axes: it is one node, which is called by that name alone")
    }
    guard axes.contains(condition.axis) else {
      throw NodePatternError(
        "'\(name)' has no axis '\(condition.axis)'",
        suggestion(for: condition.axis, among: Set(axes).sorted(), of: "axes"))
    }
    let values = values(of: condition.axis, in: stages)
    if let text = values.first(where: { condition.holds(for: $0) == nil }) {
      throw NodePatternError(
        "'\(condition.comparison.rawValue)' compares numbers; found '\(condition.value)' and, as a value of axis "
          + "'\(condition.axis)', '\(text.plainText)'", "texts can be compared by = and !=")
    }
  }

  /// The values of an axis, each once.
  private func values(of axis: String, in stages: [PlannedStage]) -> [Value] {
    var seen: Set<Value> = []
    return stages.flatMap(\.nodes).compactMap { index in nodes[index].axes.first { $0.axis == axis }?.value }
      .filter { seen.insert($0).inserted }
  }

  private func unknownCase(_ label: String, of family: [PlannedStage]) -> NodePatternError {
    let stage = family[0].family
    let labels = family.filter { $0.name != $0.family }.map {
      String($0.name.dropFirst(stage.count + 1).dropLast())
    }
    guard !labels.isEmpty else {
      return NodePatternError(
        "'\(stage)' has no cases, so '[\(label)]' names none",
        "its nodes are named as in '\(nodes[family[0].nodes.lowerBound].name)'")
    }
    return NodePatternError(
      "'\(stage)' has no case '\(label)'", suggestion(for: label, among: labels, of: "cases"))
  }

  private func noMatch(_ text: String, _ pattern: NodePattern, _ stages: [PlannedStage]) -> NodePatternError {
    var error = NodePatternError("no node is meant by '\(text)'")
    error.notes = pattern.conditions.map { condition in
      let values = values(of: condition.axis, in: stages).map(\.plainText)
      return
        "\(condition.axis): \(values.prefix(30).joined(separator: ", "))\(values.count > 30 ? ", …" : "")"
    }
    error.notes += omissions.filter { lost in stages.contains { $0.name == lost.stage } }.map(\.description)
    return error
  }
}
