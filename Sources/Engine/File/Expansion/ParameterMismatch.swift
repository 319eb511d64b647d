// What is said of a parameter whose value is not of its type.

import PipelineCore

extension ParameterEvaluator {
  /// Reports the innermost value that is not of its type.
  func mismatch(
    _ parameter: BoundParameter, _ found: Value, _ point: [String: Value], of stage: BoundStage
  ) {
    var (node, value, type, template) = (
      parameter.node, found, parameter.declaration.type, parameter.template
    )
    search: while true {
      switch (type, value, node.content) {
      case (.optional(let inner), _, _) where value.isCollection: type = inner
      case (.either(_, let inner), _, _) where value.isCollection: type = inner
      case (.list(let element), .list(let values), .list(let nodes)) where nodes.count == values.count:
        guard let index = values.indices.first(where: { element.conform(values[$0]) == nil }) else {
          break search
        }
        (node, value, type) = (nodes[index], values[index], element)
        if case .list(let templates) = template.kind { template = templates[index] }
      case (.map(let element), .map(let values), .map(let entries)):
        guard
          let index = entries.indices.first(where: { index in
            values[entries[index].key.text].map { element.conform($0) == nil } ?? false
          }), let inner = values[entries[index].key.text]
        else { break search }
        (node, value, type) = (entries[index].value, inner, element)
        if case .map(let templates) = template.kind { template = templates[index].value }
      default: break search
      }
    }
    var notes: [String] = []
    if case .choice(let words) = type, case .string(let word) = value,
      let near = nearest(to: word, among: words)
    {
      notes.append("did you mean '\(near)'?")
    }
    let isText = if case .optional(.string) = type { true } else { type == .string }
    if isText, case .scalar = node.content, template.references.isEmpty, value != .null {
      notes.append("quote it if it is text")
    }
    for reference in template.references.prefix(4) {
      if let value = point[reference.text] {
        notes.append("at \(reference.text)=\(value.plainText.shortened)")
      } else if let place = scope.parameterPlaces[reference.text] {
        notes.append("'${\(reference.text)}' is given at \(problems.text(place))")
      }
    }
    if parameter.isDefault {
      notes.append("'defaults' give it to stage '\(stage.family)', of type \(stage.declaration.name)")
    }
    problems.report(
      "parameter '\(parameter.declaration.name)': found \(value.found), expected \(type.description)",
      at: node.place, notes: notes)
  }
}

extension Value {
  fileprivate var isCollection: Bool {
    switch self {
    case .list, .map: true
    default: false
    }
  }
}
