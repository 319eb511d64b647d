// The parameters and external files of a stage's nodes, evaluated once for each distinct combination.

import PipelineCore

/// Checked parameters by the stage's axis positions. Axes that no parameter refers to make no difference.
struct StageParameters {
  fileprivate var values: [(ParameterValues, [ExternalFile])] = []
  /// By axis of the stage; 0 for an axis that makes no difference.
  fileprivate var strides: [Int] = []

  subscript(digits: [Int]) -> (ParameterValues, [ExternalFile]) {
    var position = 0
    for (digit, stride) in zip(digits, strides) { position += digit * stride }
    return values[position]
  }
}

/// Evaluates and checks parameters; what is wrong is reported once a parameter.
struct ParameterEvaluator {
  let problems: Problems
  var scope: Scope
  let baseDirectory: String
  let hashFile: (String) throws -> Digest
  private var digests: [String: Digest?] = [:]

  init(
    problems: Problems, scope: Scope, baseDirectory: String, hashFile: @escaping (String) throws -> Digest
  ) {
    self.problems = problems
    self.scope = scope
    self.baseDirectory = baseDirectory
    self.hashFile = hashFile
  }

  /// The parameters of a stage; nil after reporting.
  mutating func evaluate(_ stage: BoundStage) -> StageParameters? {
    let axes = stage.axes.map { scope.axes[$0] }
    let axisOfName = Dictionary(axes.enumerated().map { ($1.name.text, $0) }) { first, _ in first }
    var fixed: [BoundParameter] = []
    var varying: [BoundParameter] = []
    var matters = [Bool](repeating: false, count: axes.count)
    for parameter in stage.parameters {
      let used = parameter.template.references.compactMap { axisOfName[$0.text] }
      for axis in used { matters[axis] = true }
      if used.isEmpty { fixed.append(parameter) } else { varying.append(parameter) }
    }

    var base: [String: Value] = [:]
    // Each value is judged by itself all the same, but no check sees a node of which some are missing.
    var isSound = stage.hasAllParameters
    for parameter in fixed {
      guard let value = value(of: parameter, at: [:]) else {
        isSound = false
        continue
      }
      base[parameter.declaration.name] = value
    }

    let sizes = zip(axes, matters).map { $1 ? $0.values.count : 1 }
    var result = StageParameters()
    result.strides = [Int](repeating: 0, count: axes.count)
    var count = 1
    for axis in axes.indices.reversed() where matters[axis] {
      result.strides[axis] = count
      count = Expansion.product([count, sizes[axis]])
    }
    result.values.reserveCapacity(count)
    var digits = [Int](repeating: 0, count: axes.count)
    for _ in 0..<count {
      var point: [String: Value] = [:]
      for axis in axes.indices where matters[axis] {
        point[axes[axis].name.text] = axes[axis].values[digits[axis]]
      }
      var values = base
      for (index, parameter) in varying.enumerated().reversed() {
        if let value = value(of: parameter, at: point) {
          values[parameter.declaration.name] = value
        } else {
          // One report is enough, whatever the other axis values would give.
          isSound = false
          varying.remove(at: index)
        }
      }
      if isSound {
        if let checked = check(values, of: stage, at: point) {
          result.values.append(checked)
        } else {
          isSound = false
        }
      }
      if !isSound, varying.isEmpty { break }
      Odometer.advance(&digits, sizes)
    }
    return isSound ? result : nil
  }

  /// The value of a parameter at a point of the axes, brought to its type; nil after reporting.
  private mutating func value(of parameter: BoundParameter, at point: [String: Value]) -> Value? {
    let parameters = scope.parameters
    var found: Value
    do {
      found = try parameter.template.evaluate(&scope.budget) { point[$0.text] ?? parameters[$0.text] ?? nil }
    } catch {
      problems.report(error, of: parameter.template)
      return nil
    }
    found = parameter.template.asText(found, where: parameter.declaration.type)
    if let value = parameter.declaration.type.conform(found) { return value }
    mismatch(parameter, found, point)
    return nil
  }

  /// Reports the innermost value that is not of its type.
  private func mismatch(_ parameter: BoundParameter, _ found: Value, _ point: [String: Value]) {
    var (node, value, type, template) = (
      parameter.node, found, parameter.declaration.type, parameter.template
    )
    search: while true {
      switch (type, value, node.content) {
      case (.optional(let inner), _, _) where value.isCollection: type = inner
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
    for reference in template.references.prefix(4) {
      if let value = point[reference.text] {
        notes.append("at \(reference.text)=\(value.plainText.shortened)")
      } else if let place = scope.parameterPlaces[reference.text] {
        notes.append("'${\(reference.text)}' is given at \(problems.text(place))")
      }
    }
    problems.report(
      "parameter '\(parameter.declaration.name)': found \(value.found), expected \(type.description)",
      at: node.place, notes: notes)
  }

  /// All parameters of a node by the declaration and by the stage's own check, and its external files; nil after
  /// reporting.
  private mutating func check(
    _ given: [String: Value], of stage: BoundStage, at point: [String: Value]
  ) -> (ParameterValues, [ExternalFile])? {
    let values: ParameterValues
    do throws(ParameterProblem) {
      values = try ParameterValues(given, of: stage.declaration)
      if let problem = stage.declaration.check(values) { throw problem }
    } catch {
      let given = stage.parameters.first { $0.declaration.name == error.parameter }
      let axes =
        given?.template.references.compactMap { name in point[name.text].map { (name.text, $0) } } ?? []
      problems.report(
        "\(error)", at: given?.node.place ?? stage.name.place,
        notes: axes.prefix(4).map { "at \($0)=\($1.plainText.shortened)" })
      return nil
    }
    guard let files = externalFiles(values, of: stage) else { return nil }
    return (values, files)
  }

  /// The files outside the cache that a node reads, with their digests; nil after reporting.
  private mutating func externalFiles(_ values: ParameterValues, of stage: BoundStage) -> [ExternalFile]? {
    var files: [ExternalFile] = []
    for path in Set(stage.declaration.externalFiles(values)).sorted() {
      let place = place(of: path, in: stage, values)
      let within = FilePath.within(path)
      guard within != nil || stage.declaration.allowsOutsideFiles else {
        problems.report(
          "the file '\(path.shortened)' lies outside of the folder of the pipeline file", at: place,
          notes: [
            "\(stage.declaration.name) reads files by paths relative to that folder, without leaving it"
          ])
        return nil
      }
      guard let digest = digest(path, at: place) else { return nil }
      files.append(ExternalFile(path: path, digest: digest))
    }
    return files
  }

  private mutating func digest(_ path: String, at place: Place) -> Digest? {
    if let known = digests[path] { return known }
    do {
      let digest = try hashFile(FilePath.join(baseDirectory, path))
      digests[path] = .some(digest)
      return digest
    } catch {
      digests[path] = .some(nil)
      problems.report("can't read the file '\(path.shortened)': \(error)", at: place)
      return nil
    }
  }

  /// Where a path is written: the scalar of that value, or else the parameter that holds it.
  private func place(of path: String, in stage: BoundStage, _ values: ParameterValues) -> Place {
    for parameter in stage.parameters {
      if let place = parameter.node.place(of: .string(path)) { return place }
    }
    for parameter in stage.parameters where values[parameter.declaration].contains(.string(path)) {
      return parameter.node.place
    }
    return stage.name.place
  }
}

extension Template {
  /// A scalar that a reference alone stands for is text where text is asked for, as in `argv: [head, "${n}"]`.
  fileprivate func asText(_ value: Value, where type: ParameterType) -> Value {
    switch (type, kind, value) {
    case (.string, .reference, .integer), (.string, .reference, .number), (.string, .reference, .boolean):
      return .string(value.plainText)
    case (.list(let element), .list(let templates), .list(let values)):
      return .list(zip(templates, values).map { $0.asText($1, where: element) })
    case (.map(let element), .map(let templates), .map(var values)):
      for (key, template) in templates {
        values[key] = values[key].map { template.asText($0, where: element) }
      }
      return .map(values)
    case (.optional(let inner), _, _): return asText(value, where: inner)
    default: return value
    }
  }
}

extension SyntaxNode {
  /// The place of a scalar of some value, here or within.
  func place(of wanted: Value) -> Place? {
    switch content {
    case .scalar(let value): value == wanted ? place : nil
    case .list(let nodes): nodes.lazy.compactMap { $0.place(of: wanted) }.first
    case .map(let entries): entries.lazy.compactMap { $0.value.place(of: wanted) }.first
    }
  }
}

extension Value {
  fileprivate var isCollection: Bool {
    switch self {
    case .list, .map: true
    default: false
    }
  }

  /// Whether a value is this one or somewhere within.
  fileprivate func contains(_ wanted: Value) -> Bool {
    switch self {
    case .list(let values): values.contains { $0.contains(wanted) }
    case .map(let values): values.values.contains { $0.contains(wanted) }
    default: self == wanted
    }
  }
}
