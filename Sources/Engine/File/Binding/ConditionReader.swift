// `when`: the conditions on parameters and axes under which the nodes of a stage exist.

import PipelineCore

/// The conditions of a stage, with what hangs on no axis already judged.
struct BoundCondition {
  /// Whether all conditions on parameters hold.
  var holds = true
  /// By position among the stage's axes, which values meet the conditions on that axis.
  var allowed: [Int: [Bool]] = [:]

  /// Whether it leaves nothing out.
  var isVoid: Bool { holds && allowed.isEmpty }

  /// Whether a point of the stage's axes meets them.
  func admits(_ digits: [Int]) -> Bool {
    holds && allowed.allSatisfy { position, values in values[digits[position]] }
  }
}

/// Reads the conditions of one stage or case.
struct ConditionReader {
  let problems: Problems
  /// The stage's axes, as positions in `Scope.axes`.
  let axes: [Int]
  /// What the stage is called.
  let title: String

  private static let form =
    "a condition is written 'name=value', with one of "
    + NodePattern.Comparison.allCases.map(\.rawValue).joined(separator: " ")

  /// Reads `size>100`, `size>100,data!=gamma`, `${flag}`, or a list of such, which all must hold. What is wrong is
  /// reported.
  func read(_ node: SyntaxNode, scope: inout Scope) -> BoundCondition {
    var bound = BoundCondition()
    if node.isNull { return bound }
    var elements = [node]
    if case .list(let list) = node.content { elements = list }
    for element in elements {
      guard let value = scope.value(of: element, problems) else { continue }
      switch value {
      case .boolean(let flag): bound.holds = bound.holds && flag
      case .string(let text):
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
          read(part, at: element.place, scope, &bound)
        }
      default:
        problems.report(
          "'when': found \(value.found), expected a condition or a list of conditions", at: element.place,
          notes: [Self.form])
      }
    }
    return bound
  }

  private func read(
    _ part: Substring, at place: Place, _ scope: Scope, _ bound: inout BoundCondition
  ) {
    guard var condition = NodePattern.condition(part) else {
      problems.report(
        "'\(String(part).shortened)' is no condition", at: place,
        notes: [Self.form, "a parameter that is true or false stands alone, as in 'when: ${name}'"])
      return
    }
    condition.axis = condition.axis[...].trimmed
    condition.value = condition.value[...].trimmed
    if let own = axes.firstIndex(where: { scope.axes[$0].name.text == condition.axis }) {
      let axis = scope.axes[axes[own]]
      let met = axis.values.map { condition.holds(for: $0) }
      if let unlike = zip(axis.values, met).first(where: { $0.1 == nil })?.0 {
        reportUnlike(condition, unlike, at: place)
      } else if !condition.comparison.isOfSize, Set(met).count == 1,
        (met[0] == true) == (condition.comparison == .other),
        !problems.isOption(axis.name.place)
      {
        // An option may shorten an axis; in the file itself it is a slip.
        problems.report(
          "'when': \(condition.value.shortened) is no value of axis '\(condition.axis)'", at: place,
          notes: [axis.suggestion(for: condition.value)])
      } else {
        let before = bound.allowed[own] ?? axis.values.map { _ in true }
        bound.allowed[own] = zip(before, met).map { $0 && $1 == true }
      }
    } else if let parameter = scope.parameters[condition.axis] {
      // What failed has been reported.
      guard let value = parameter else { return }
      switch value {
      case .list, .map:
        problems.report(
          "'when' compares '\(condition.axis)', which is \(value.found)", at: place,
          notes: ["a condition compares a number, a text, true, false or null"])
      default:
        guard let isMet = condition.holds(for: value) else {
          return reportUnlike(condition, value, at: place)
        }
        bound.holds = bound.holds && isMet
      }
    } else {
      reportUnknown(condition.axis, at: place, scope)
    }
  }

  private func reportUnlike(_ condition: NodePattern.Condition, _ value: Value, at place: Place) {
    problems.report(
      "'\(condition.comparison.rawValue)' compares numbers; found '\(condition.value.shortened)' and, as a value of "
        + "'\(condition.axis)', \(value.found)", at: place, notes: ["texts can be compared by = and !="])
  }

  private func reportUnknown(_ name: String, at place: Place, _ scope: Scope) {
    if scope.axisPositions.keys.contains(name) {
      problems.report(
        "'\(name)' is an axis that stage '\(title)' does not expand over", at: place,
        notes: ["add '\(name)' to its 'for'"])
      return
    }
    let names = scope.parameterNames + axes.map { scope.axes[$0].name.text }
    problems.report(
      "nothing is called '\(name.shortened)'", at: place,
      notes: [suggestion(for: name, among: names, of: "parameters and axes")])
  }
}
