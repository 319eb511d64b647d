// The parameters and external files of a stage's nodes, evaluated once for each distinct combination.

import PipelineCore

/// What decides a node besides its inputs.
struct NodeSettings {
  var parameters: ParameterValues
  var files: [ExternalFile]
  var tracked: [TrackedOutput]
}

/// Checked parameters by the stage's axis positions. Axes that no parameter refers to make no difference.
struct StageParameters {
  fileprivate var values: [NodeSettings] = []
  /// By axis of the stage; 0 for an axis that makes no difference.
  fileprivate var strides: [Int]
  /// Where only some points have a node: for the position of each, where its values stand.
  fileprivate var places: [Int: Int]?

  fileprivate init(strides: [Int]) { self.strides = strides }

  subscript(digits: [Int]) -> NodeSettings {
    let position = position(digits)
    guard let places else { return values[position] }
    guard let place = places[position] else {
      preconditionFailure("a point without a node has no parameters")
    }
    return values[place]
  }

  fileprivate func position(_ digits: [Int]) -> Int {
    var position = 0
    for (digit, stride) in zip(digits, strides) { position += digit * stride }
    return position
  }
}

/// The points of a stage that differ in an axis to which a parameter refers, each once.
struct StagePoints {
  let count: Int
  private let axes: [Axis]
  private let matters: [Bool]
  private let sizes: [Int]
  /// The positions on all axes, where only some points have a node.
  private let digits: [[Int]]?

  fileprivate init(_ axes: [Axis], _ matters: [Bool], only digits: [[Int]]? = nil) {
    self.axes = axes
    self.matters = matters
    self.digits = digits
    sizes = zip(axes, matters).map { $1 ? $0.values.count : 1 }
    count = digits?.count ?? Expansion.product(sizes)
  }

  /// The values of those axes by name; the last one changes fastest.
  subscript(rank: Int) -> [String: Value] {
    var digits = self.digits?[rank] ?? Array(repeating: 0, count: axes.count)
    if self.digits == nil { Odometer.place(&digits, at: rank, sizes) }
    var point: [String: Value] = [:]
    for axis in axes.indices where matters[axis] {
      point[axes[axis].name.text] = axes[axis].values[digits[axis]]
    }
    return point
  }
}

/// Evaluates and checks parameters; what is wrong is reported once a parameter.
struct ParameterEvaluator {
  let problems: Problems
  var scope: Scope
  let presence: Presence
  let home: FileHome
  let baseDirectory: String
  let hashFile: (String) throws -> Digest
  let ask: (TrackedQuestion) throws -> TrackedOutput
  /// What has been answered; nil for what can't be.
  var answers: [TrackedQuestion: TrackedOutput?] = [:]
  /// By path; nil for a file that can't be read.
  var digests: [String: Digest?] = [:]
  /// The labels of the present stage's slots of many artifacts.
  private var lists: [String: Value] = [:]

  init(
    problems: Problems, scope: Scope, presence: Presence, home: FileHome, baseDirectory: String,
    hashFile: @escaping (String) throws -> Digest,
    ask: @escaping (TrackedQuestion) throws -> TrackedOutput
  ) {
    self.problems = problems
    self.scope = scope
    self.presence = presence
    self.home = home
    self.baseDirectory = baseDirectory
    self.hashFile = hashFile
    self.ask = ask
  }

  /// The parameters of a stage, at the points that have a node; nil after reporting.
  mutating func evaluate(_ stage: BoundStage, _ index: Int) -> StageParameters? {
    lists = stage.labelLists(presence.hasNodes)
    let axes = stage.axes.map { scope.axes[$0] }
    let axisOfName = Dictionary(axes.enumerated().map { ($1.name.text, $0) }) { first, _ in first }
    var varying: [BoundParameter] = []
    var matters = [Bool](repeating: false, count: axes.count)
    var base: [String: Value] = [:]
    // Each value is judged by itself all the same, but no check sees a node of which some are missing.
    var isSound = stage.hasAllParameters
    for parameter in stage.parameters {
      let used = parameter.template.references.compactMap { axisOfName[$0.text] }
      for axis in used { matters[axis] = true }
      if !used.isEmpty {
        varying.append(parameter)
      } else if let value = value(of: parameter, at: [:], of: stage) {
        base[parameter.declaration.name] = value
      } else {
        isSound = false
      }
    }

    var result = StageParameters(
      strides: strides(zip(axes, matters).map { $1 ? $0.values.count : 1 }, matters))
    let points = points(index, axes, matters, &result)
    // Those that have all values.
    var nodes: [ParameterValues] = []
    nodes.reserveCapacity(points.count)
    for rank in 0..<points.count {
      let point = points[rank]
      var values: [(name: String, value: Value)] = []
      for (index, parameter) in varying.enumerated().reversed() {
        if let value = value(of: parameter, at: point, of: stage) {
          values.append((parameter.declaration.name, value))
        } else {
          // One report is enough, whatever the other axis values would give.
          isSound = false
          varying.remove(at: index)
        }
      }
      if isSound, let node = complete(values, base, after: nodes.last, of: stage, at: point) {
        nodes.append(node)
      } else {
        isSound = false
      }
      if !isSound, varying.isEmpty { break }
    }
    guard let checked = check(nodes, of: stage, at: points), isSound else { return nil }
    result.values = checked
    return result
  }

  /// The points of a stage's nodes. Those of a thinned stage have their places in the result.
  private func points(
    _ index: Int, _ axes: [Axis], _ matters: [Bool], _ result: inout StageParameters
  ) -> StagePoints {
    guard let points = presence.points[index] else { return StagePoints(axes, matters) }
    let sizes = axes.map(\.values.count)
    var places: [Int: Int] = [:]
    var found: [[Int]] = []
    var digits = [Int](repeating: 0, count: sizes.count)
    for offset in points.offsets {
      Odometer.place(&digits, at: offset, sizes)
      let position = result.position(digits)
      guard places[position] == nil else { continue }
      places[position] = found.count
      found.append(digits)
    }
    result.places = places
    return StagePoints(axes, matters, only: found)
  }

  /// By axis, how far apart the values of two neighbours are; 0 where the axis makes no difference.
  private func strides(_ sizes: [Int], _ matters: [Bool]) -> [Int] {
    var strides = [Int](repeating: 0, count: sizes.count)
    var count = 1
    for axis in sizes.indices.reversed() where matters[axis] {
      strides[axis] = count
      count = Expansion.product([count, sizes[axis]])
    }
    return strides
  }

  /// The value of a parameter at a point of the axes, brought to its type; nil after reporting.
  private mutating func value(
    of parameter: BoundParameter, at point: [String: Value], of stage: BoundStage
  ) -> Value? {
    let (parameters, lists) = (scope.parameters, lists)
    var found: Value
    do {
      found = try parameter.template.evaluate(&scope.budget) { reference in
        point[reference.text] ?? parameters[reference.text] ?? lists[reference.text]
      }
    } catch {
      problems.report(error, of: parameter.template)
      return nil
    }
    found = parameter.template.asText(found, where: parameter.declaration.type)
    if let value = parameter.declaration.type.conform(found) { return value }
    mismatch(parameter, found, point, of: stage)
    return nil
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
    case (.either(let scalar, let other), _, _):
      return asText(value, where: scalar.conform(value) == nil ? other : scalar)
    default: return value
    }
  }
}
