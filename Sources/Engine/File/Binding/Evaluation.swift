// The value of a template: every reference replaced, within bounds.

import PipelineCore

/// How large a value may become through references.
struct EvaluationBudget {
  /// The most bytes and elements of one value.
  static let one = 1_000_000
  /// The most of all values that are made by references together.
  static let all = 64_000_000
  /// The deepest nesting.
  static let depth = YAMLBounds.depth

  private(set) var left = Self.all

  /// A value would grow beyond the bounds.
  struct Exceeded: Error {}

  mutating func spend(_ cost: Int) throws(Exceeded) {
    left -= cost
    if left < 0 { throw Exceeded() }
  }

  /// The bytes and elements of a value.
  mutating func measure(_ value: Value, depth: Int) throws(Exceeded) -> Int {
    guard depth <= Self.depth else { throw Exceeded() }
    var cost = 1
    switch value {
    case .null, .boolean, .integer, .number: break
    case .string(let text): cost += text.utf8.count
    case .list(let values):
      for value in values { cost += try measure(value, depth: depth + 1) }
    case .map(let values):
      for (key, value) in values { cost += try measure(value, depth: depth + 1) + key.utf8.count }
    }
    guard cost <= Self.one else { throw Exceeded() }
    return cost
  }
}

/// Why a template has no value.
enum EvaluationFailure: Error {
  /// Something that it refers to has no value; that has been reported.
  case missing
  /// Its value would be too large.
  case tooLarge
  /// A list, a map or null within text.
  case notText(Reference, Value)
}

extension Template {
  /// The value with every reference replaced. `lookup` gives nil for what has failed before.
  func evaluate(
    _ budget: inout EvaluationBudget, _ lookup: (Reference) -> Value?
  ) throws(EvaluationFailure) -> Value {
    try evaluate(&budget, depth: 1, lookup)
  }

  private func evaluate(
    _ budget: inout EvaluationBudget, depth: Int, _ lookup: (Reference) -> Value?
  ) throws(EvaluationFailure) -> Value {
    switch kind {
    case .constant(let value): return value
    case .reference(let reference):
      guard let value = lookup(reference) else { throw .missing }
      if depth > 1 { try spend(on: value, depth: depth, &budget) }
      return value
    case .text(let pieces):
      var text = ""
      for piece in pieces {
        switch piece {
        case .text(let plain): text += plain
        case .reference(let reference):
          guard let value = lookup(reference) else { throw .missing }
          switch value {
          case .null, .list, .map: throw .notText(reference, value)
          case .boolean, .integer, .number, .string: text += value.plainText
          }
        }
        guard text.utf8.count <= EvaluationBudget.one else { throw .tooLarge }
      }
      try spend(on: .string(text), depth: depth, &budget)
      return .string(text)
    case .list(let elements):
      var values: [Value] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try element.evaluate(&budget, depth: depth + 1, lookup)) }
      if depth == 1 { try spend(on: .list(values), depth: depth, &budget) }
      return .list(values)
    case .map(let entries):
      var values: [String: Value] = [:]
      for entry in entries { values[entry.key] = try entry.value.evaluate(&budget, depth: depth + 1, lookup) }
      if depth == 1 { try spend(on: .map(values), depth: depth, &budget) }
      return .map(values)
    }
  }

  private func spend(
    on value: Value, depth: Int, _ budget: inout EvaluationBudget
  ) throws(EvaluationFailure) {
    do {
      try budget.spend(try budget.measure(value, depth: depth))
    } catch {
      throw .tooLarge
    }
  }
}
