// Stages with every name looked up: types, axes, slots, sources and parameters.

import PipelineCore

/// How an axis of an input's source gets its value.
enum AxisChoice {
  /// The consumer's own value; the position is in the consumer's axes.
  case shared(Int)
  /// One value, by position.
  case fixed(Int)
  /// A value for each value of one of the consumer's axes.
  case mapped(Int, [Int])
  /// All values.
  case all
}

/// One source of an input.
struct BoundSource {
  var label: String
  /// The stage, as an index into the stages in file order.
  var stage: Int
  /// One choice for each axis of that stage.
  var choices: [AxisChoice]
  var place: Place
}

/// A filled slot.
struct BoundInput {
  var slot: String
  /// Whether the slot takes a join.
  var isJoin: Bool
  /// Whether the consumer is told the stage types of the join's members.
  var tellsStages: Bool
  var sources: [BoundSource]
  var place: Place
}

/// A parameter that the file gives.
struct BoundParameter {
  var declaration: ParameterDeclaration
  var node: SyntaxNode
  var template: Template
}

/// A stage of the file, bound to its type.
struct BoundStage {
  var name: Name
  var declaration: StageDeclaration
  /// Positions in `Scope.axes`.
  var axes: [Int]
  var axesPlace: Place
  var timeout: Double?
  var parameters: [BoundParameter] = []
  /// Whether each parameter that the file gives, or must give, is among them; what is not has been reported.
  var hasAllParameters = true
  var inputs: [BoundInput] = []
}

/// Looks up the names of all stages. Each stage that fails is nil, and what depends on it is not judged.
struct StageBinder {
  let problems: Problems
  let types: [String: StageDeclaration]
  private(set) var scope: Scope
  /// In file order.
  private(set) var stages: [BoundStage?] = []
  private var positions: [String: Int] = [:]
  private var names: [String] = []

  init(problems: Problems, types: [String: StageDeclaration], scope: Scope) {
    self.problems = problems
    self.types = types
    self.scope = scope
  }

  mutating func bind(_ syntax: [StageSyntax]) {
    names = syntax.map(\.name.text)
    for (index, stage) in syntax.enumerated() {
      positions[stage.name.text] = index
      stages.append(bindHead(stage))
    }
    for (index, stage) in syntax.enumerated() {
      // Inputs are judged even where the type is unknown: their stages and pins may be wrong too.
      let inputs = InputBinder(
        problems: problems, scope: scope, names: names, positions: positions, stages: stages,
        consumer: stage, bound: stages[index]
      ).bind()
      stages[index]?.inputs = inputs
    }
  }

  /// Type, axes, timeout and parameters.
  private mutating func bindHead(_ stage: StageSyntax) -> BoundStage? {
    let axes = bindAxes(stage)
    let typeName = stage.type ?? stage.name
    guard let declaration = types[typeName.text] else {
      let isNamed = stage.type != nil
      problems.report(
        isNamed
          ? "unknown stage type '\(typeName.text.shortened)'"
          : "stage '\(typeName.text)' has no 'stage:', and no stage type has its name",
        at: typeName.place,
        notes: [suggestion(for: typeName.text, among: types.keys.sorted(), of: "stage types")])
      for (_, node) in stage.parameters.entries { _ = template(node, stage) }
      return nil
    }
    var bound = BoundStage(
      name: stage.name, declaration: declaration, axes: axes ?? [],
      axesPlace: stage.axes?.first?.place ?? stage.name.place)
    bound.timeout = timeout(stage)
    var meant: Set<String> = []
    for (name, node) in stage.parameters.entries {
      let template = template(node, stage)
      guard let parameter = declaration.parameter(name.text) else {
        let names = declaration.parameters.map(\.name)
        if let parameter = nearest(to: name.text, among: names) { meant.insert(parameter) }
        bound.hasAllParameters = false
        problems.report(
          "\(declaration.name) has no parameter '\(name.text.shortened)'", at: name.place,
          notes: [suggestion(for: name.text, among: names, of: "parameters")])
        continue
      }
      if let template {
        bound.parameters.append(BoundParameter(declaration: parameter, node: node, template: template))
      } else {
        bound.hasAllParameters = false
      }
    }
    for parameter in declaration.parameters
    where parameter.defaultValue == nil && stage.parameters[parameter.name] == nil
      && !meant.contains(parameter.name)
    {
      bound.hasAllParameters = false
      problems.report(
        "stage '\(stage.name.text)' lacks the parameter '\(parameter.name)'", at: stage.name.place,
        notes: ["it is \(parameter.type.description): \(parameter.summary)"])
    }
    return axes == nil ? nil : bound
  }

  private func bindAxes(_ stage: StageSyntax) -> [Int]? {
    var axes: [Int] = []
    var isSound = true
    for axis in stage.axes ?? [] {
      if let position = scope.axisPositions[axis.text] {
        if let position { axes.append(position) } else { isSound = false }
      } else {
        isSound = false
        problems.report(
          "unknown axis '\(axis.text.shortened)'", at: axis.place,
          notes: [suggestion(for: axis.text, among: scope.axisNames, of: "axes")])
      }
    }
    return isSound ? axes : nil
  }

  private mutating func timeout(_ stage: StageSyntax) -> Double? {
    guard let node = stage.timeout, let value = scope.value(of: node, problems) else { return nil }
    switch value {
    case .null: return nil
    case .integer(let seconds) where seconds > 0: return Double(seconds)
    case .number(let seconds) where seconds > 0: return seconds
    default:
      problems.report("'timeout': found \(value.found), expected a number of seconds > 0", at: node.place)
      return nil
    }
  }

  /// The template of a parameter, if all that it refers to exists.
  private func template(_ node: SyntaxNode, _ stage: StageSyntax) -> Template? {
    guard let template = Template.parse(node, problems) else { return nil }
    let axes = stage.axes?.map(\.text) ?? []
    let sound = template.references.map { scope.check($0, axes: axes, of: stage.name.text, problems) }
    return sound.contains(false) ? nil : template
  }
}
