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
  /// Numbers of which digits would be lost within text, by the name that stands for them.
  private var written: [String: [(text: String, place: Place)]] = [:]
  var budget = EvaluationBudget()

  init(_ file: FileSyntax, _ problems: Problems) {
    for (name, _) in file.axes.entries { axisPositions[name.text] = .some(nil) }
    let values = file.parameters.entries + file.defaults.entries
    refuseTwoMeanings(file, problems)
    for (name, node) in values {
      parameterNames.append(name.text)
      parameterPlaces[name.text] = node.place
      if case .scalar(let value) = node.content { noteLoss(name, node, as: value) }
    }
    evaluateParameters(values, problems)
    for (name, node) in file.axes.entries {
      if case .list(let elements) = node.content {
        for element in elements {
          guard case .scalar(let value) = element.content else { continue }
          noteLoss(name, element, as: AxisReader.normalised(value) ?? value)
        }
      }
      guard let axis = AxisReader(problems: problems).read(name, node, scope: &self) else { continue }
      axisPositions[name.text] = axes.count
      axes.append(axis)
    }
  }

  /// Remembers a number that would lose digits where it stands as text: 3.10 as 3.1, and on an axis 2.0 as 2.
  private mutating func noteLoss(_ name: Name, _ node: SyntaxNode, as value: Value) {
    guard let text = node.written, text.digits != value.plainText.digits else { return }
    written[name.text, default: []].append((text, node.place))
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

  /// Whether no number that becomes text in a template loses digits there; reports the first that does.
  func readsAsWritten(_ template: Template, as type: ParameterType?, _ problems: Problems) -> Bool {
    for reference in template.references(asText: type) {
      guard let lost = written[reference.text], let first = lost.first else { continue }
      problems.report(
        "'${\(reference.text)}' would not stand in this text as it is written, \(first.text.shortened)",
        at: reference,
        notes: lost.prefix(10).map {
          "quote \($0.shortened) at \(problems.text($1)) if it is text, or write it without the digits that are lost"
        })
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
