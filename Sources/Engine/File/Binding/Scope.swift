// What `${name}` can mean: the file's parameters, evaluated, and its axes.

import PipelineCore

/// An axis with its values.
struct Axis {
  var name: Name
  var values: [Value]
  /// The values as they stand in node names: `size=500`.
  var parts: [String]
  /// The position of a value by its plain text.
  var positions: [String: Int]
}

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

/// The file's parameters and axes. What failed is known by name and has no value, so that nothing is reported
/// twice.
struct Scope {
  /// Names of parameters with their values; nil for one that failed.
  private(set) var parameters: [String: Value?] = [:]
  private(set) var parameterNames: [String] = []
  private(set) var parameterPlaces: [String: Place] = [:]
  private(set) var axes: [Axis] = []
  /// Positions in `axes`; nil for an axis that failed.
  private(set) var axisPositions: [String: Int?] = [:]
  var axisNames: [String] { axisPositions.keys.sorted() }
  /// Numbers that would read otherwise within text than they are written, by the name that stands for them.
  private var written: [String: (text: String, place: Place)] = [:]
  var budget = EvaluationBudget()

  init(_ file: FileSyntax, _ problems: Problems) {
    for (name, _) in file.axes.entries { axisPositions[name.text] = .some(nil) }
    let values = file.parameters.entries + file.defaults.entries
    refuseTwoMeanings(file, problems)
    for (name, node) in values {
      parameterNames.append(name.text)
      parameterPlaces[name.text] = node.place
      written[name.text] = node.written.map { ($0, node.place) }
    }
    evaluateParameters(values, problems)
    for (name, node) in file.axes.entries {
      if case .list(let elements) = node.content {
        for element in elements {
          guard case .scalar(let value) = element.content else { continue }
          // An axis knows 2.0 as 2.
          let text = value.isWhole ? value.plainText : element.written
          if let text { written[name.text] = (text, element.place) }
        }
      }
      guard let axis = AxisReader(problems: problems).read(name, node, scope: &self) else { continue }
      axisPositions[name.text] = axes.count
      axes.append(axis)
    }
  }

  /// One name stands for one thing, wherever a `${…}` is.
  private func refuseTwoMeanings(_ file: FileSyntax, _ problems: Problems) {
    let sections = [
      ("a parameter", file.parameters), ("a default", file.defaults), ("an axis", file.axes),
    ]
    for (index, (what, section)) in sections.enumerated() {
      for (other, earlier) in sections[..<index] {
        for (name, _) in section.entries {
          guard let place = earlier.place(of: name.text) else { continue }
          let (first, second) = place < name.place ? (place, name.place) : (name.place, place)
          problems.report(
            "'\(name.text)' names both \(other) and \(what)", at: second,
            notes: ["first given at \(problems.text(first))"])
        }
      }
    }
  }

  /// Whether a reference means something where it stands.
  func knows(_ reference: Reference, axes: [String]) -> Bool {
    axes.contains(reference.text) || parameters.keys.contains(reference.text)
  }

  /// Whether a reference means something where it stands; reports it if not.
  func check(_ reference: Reference, axes: [String], of stage: String?, _ problems: Problems) -> Bool {
    if knows(reference, axes: axes) { return true }
    if axisPositions.keys.contains(reference.text) {
      let message =
        stage.map { "'\(reference.text)' is an axis that stage '\($0)' does not expand over" }
        ?? "'\(reference.text)' is an axis, and has a value only within a stage that expands over it"
      problems.report(
        message, at: reference, notes: stage == nil ? [] : ["add '\(reference.text)' to its 'for'"])
    } else {
      problems.report(
        "nothing is called '\(reference.text)'", at: reference,
        notes: [suggestion(for: reference.text, among: parameterNames + axes, of: "parameters and axes")])
    }
    return false
  }

  /// Whether all numbers that become text in a template read there as they are written; reports one that does not.
  func readsAsWritten(_ template: Template, as type: ParameterType?, _ problems: Problems) -> Bool {
    for reference in template.references(asText: type) {
      guard let (text, place) = written[reference.text] else { continue }
      problems.report(
        "'${\(reference.text)}' would not stand in this text as it is written, \(text.shortened)",
        at: reference,
        notes: ["quote it at \(problems.text(place)) if it is text, or write the number without what is lost"]
      )
      return false
    }
    return true
  }

  /// Evaluates a template that refers to parameters only; nil after reporting.
  mutating func value(of node: SyntaxNode, _ problems: Problems) -> Value? {
    guard let template = Template.parse(node, problems) else { return nil }
    let sound = template.references.map { check($0, axes: [], of: nil, problems) }
    guard !sound.contains(false), readsAsWritten(template, as: nil, problems) else { return nil }
    return value(of: template, problems)
  }

  private mutating func value(of template: Template, _ problems: Problems) -> Value? {
    let parameters = self.parameters
    do {
      return try template.evaluate(&budget) { parameters[$0.text] ?? nil }
    } catch {
      problems.report(error, of: template)
      return nil
    }
  }

  private enum State { case open, done }

  /// Evaluates each parameter after those that it refers to, without recursion, since a chain may be long.
  private mutating func evaluateParameters(_ entries: [(name: Name, value: SyntaxNode)], _ problems: Problems)
  {
    var templates: [String: Template] = [:]
    for (name, node) in entries {
      parameters[name.text] = .some(nil)
      templates[name.text] = Template.parse(node, problems)
    }
    var states: [String: State] = [:]
    for root in parameterNames where states[root] == nil {
      var path: [(name: String, references: [Reference], next: Int)] = []
      func enter(_ name: String, _ scope: Scope) {
        states[name] = .open
        let references = templates[name]?.references ?? []
        path.append((name, references.filter { scope.check($0, axes: [], of: nil, problems) }, 0))
        // A reference to nothing leaves the parameter without a value.
        if path[path.count - 1].references.count < references.count { templates[name] = nil }
      }
      enter(root, self)
      while let top = path.last {
        guard top.next < top.references.count else {
          path.removeLast()
          states[top.name] = .done
          if let template = templates[top.name], readsAsWritten(template, as: nil, problems) {
            parameters[top.name] = .some(value(of: template, problems))
          }
          // A parameter that is another one reads as that one is written.
          if case .reference(let reference)? = templates[top.name]?.kind {
            written[top.name] = written[reference.text]
          }
          continue
        }
        path[path.count - 1].next += 1
        let reference = top.references[top.next]
        switch states[reference.text] {
        case .done: break
        case nil: enter(reference.text, self)
        case .open:
          let start = path.firstIndex { $0.name == reference.text } ?? 0
          let cycle = path[start...].map(\.name) + [reference.text]
          problems.report("cycle of parameters: \(cycle.asPath)", at: reference)
          for name in cycle { templates[name] = nil }
        }
      }
    }
  }
}

extension Problems {
  /// Reports why a template has no value, unless that has been done.
  func report(_ failure: EvaluationFailure, of template: Template) {
    switch failure {
    case .missing: break
    case .tooLarge:
      report(
        "the references make this value too large", at: template.place,
        notes: [
          "a value may have \(EvaluationBudget.one) bytes and \(EvaluationBudget.depth) levels, all values "
            + "together \(EvaluationBudget.all) bytes"
        ])
    case .notText(let reference, let value):
      report("'${\(reference.text)}' is \(value.found), which can't stand within text", at: reference)
    }
  }
}
