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
  /// Whether it comes from the file's `defaults`.
  var isDefault = false
}

/// A stage of the file or one case of it, bound to its type.
struct BoundStage {
  /// `stage`, or `stage[case]`.
  var name: Name
  /// The stage in the file.
  var family: String
  var label: String?
  var declaration: StageDeclaration
  /// Positions in `Scope.axes`.
  var axes: [Int]
  var axesPlace: Place
  var timeout: Double?
  /// Under which conditions its nodes exist.
  var condition = BoundCondition()
  var parameters: [BoundParameter] = []
  /// Whether each parameter that the file gives, or must give, is among them; what is not has been reported.
  var hasAllParameters = true
  var inputs: [BoundInput] = []
}

/// Looks up the names of all stages. Each stage or case that fails is nil, and what depends on it is not judged.
struct StageBinder {
  let problems: Problems
  let families: StageFamilies
  let defaults: OrderedEntries<SyntaxNode>
  private(set) var scope: Scope
  /// By unit: in file order, a stage's cases in theirs.
  private(set) var stages: [BoundStage?] = []

  init(problems: Problems, families: StageFamilies, defaults: OrderedEntries<SyntaxNode>, scope: Scope) {
    self.problems = problems
    self.families = families
    self.defaults = defaults
    self.scope = scope
  }

  mutating func bind(types: [String: StageDeclaration]) {
    for family in families.families {
      let timeout = timeout(family.syntax)
      if family.declaration == nil { reportUnknownType(family, types) }
      for unit in family.units.indices {
        var stage = family.hasFailed ? nil : bind(unit, of: family)
        stage?.timeout = timeout
        stages.append(stage)
      }
    }
    for index in families.families.indices {
      let family = families.families[index]
      for unit in family.units.indices {
        // Inputs are judged even where the type is unknown: their stages and pins may be wrong too.
        let position = family.base + unit
        let inputs = InputBinder(
          problems: problems, scope: scope, families: families, stages: stages, consumer: index, unit: unit,
          bound: stages[position]
        ).bind()
        stages[position]?.inputs = inputs
        guard let stage = stages[position] else { continue }
        let parameters = bindParameters(
          family.units[unit], of: family, stage.declaration, title: stage.name.text, lists: stage.labelLists)
        stages[position]?.parameters = parameters.bound
        stages[position]?.hasAllParameters = parameters.areAll
      }
    }
  }

  private func reportUnknownType(_ family: StageFamily, _ types: [String: StageDeclaration]) {
    let typeName = family.syntax.type ?? family.syntax.name
    problems.report(
      family.syntax.type != nil
        ? "unknown stage type '\(typeName.text.shortened)'"
        : "stage '\(typeName.text)' has no 'stage:', and no stage type has its name",
      at: typeName.place,
      notes: [suggestion(for: typeName.text, among: types.keys.sorted(), of: "stage types")])
    for unit in family.units {
      for (_, node) in unit.parameters.entries { _ = template(node, unit, nil, family.name, lists: nil) }
    }
  }

  /// The type and the axes of a unit.
  private mutating func bind(_ index: Int, of family: StageFamily) -> BoundStage? {
    let unit = family.units[index]
    guard let declaration = family.declaration else { return nil }
    guard let axes = bindAxes(unit) else {
      _ = bindParameters(unit, of: family, declaration, title: family.title(of: index), lists: nil)
      return nil
    }
    var stage = BoundStage(
      name: Name(text: family.title(of: index), place: unit.place), family: family.name, label: unit.label,
      declaration: declaration, axes: axes,
      axesPlace: family.syntax.settings.expansion?.first?.place ?? unit.place)
    if let entry = unit.condition {
      stage.condition = ConditionReader(problems: problems, axes: axes, title: stage.name.text)
        .read(entry.value, scope: &scope)
    }
    return stage
  }

  /// The positions of the axes of a unit; nil where one of them failed.
  private func bindAxes(_ unit: StageUnit) -> [Int]? {
    guard let names = unit.axes else { return nil }
    let positions = names.compactMap { scope.axisPositions[$0.text] ?? nil }
    return positions.count == names.count ? positions : nil
  }

  /// The parameters of a unit, which may refer to the labels of what its inputs take; and whether each that the file
  /// gives, or must give, is among them.
  private func bindParameters(
    _ unit: StageUnit, of family: StageFamily, _ declaration: StageDeclaration, title: String,
    lists: [String: Value]?
  ) -> (bound: [BoundParameter], areAll: Bool) {
    var bound: [BoundParameter] = []
    var areAll = true
    var meant: Set<String> = []
    func bind(_ parameter: ParameterDeclaration, to node: SyntaxNode, isDefault: Bool) {
      if let template = template(node, unit, declaration, title, lists: lists),
        scope.readsAsWritten(template, as: parameter.type, problems)
      {
        bound.append(
          BoundParameter(declaration: parameter, node: node, template: template, isDefault: isDefault))
      } else {
        areAll = false
      }
    }
    for (name, node) in unit.parameters.entries {
      if let parameter = declaration.parameter(name.text) {
        bind(parameter, to: node, isDefault: false)
        continue
      }
      areAll = false
      let names = declaration.parameters.map(\.name)
      if let parameter = nearest(to: name.text, among: names) { meant.insert(parameter) }
      let isInput = declaration.inputs.contains { $0.name == name.text }
      problems.report(
        "\(declaration.name) has no parameter '\(name.text.shortened)'", at: name.place,
        notes: [suggestion(for: name.text, among: names, of: "parameters")]
          + (isInput ? ["an input stands under 'inputs:'"] : []))
      _ = template(node, unit, declaration, title, lists: lists)
    }
    for parameter in declaration.parameters where unit.parameters[parameter.name] == nil {
      if let node = defaults[parameter.name] {
        bind(parameter, to: node, isDefault: true)
      } else if parameter.defaultValue == nil {
        areAll = false
        if !meant.contains(parameter.name) { reportLack(of: parameter, unit, family, title) }
      }
    }
    return (bound, areAll)
  }

  /// A parameter that no case gives is the stage's lack, and said once.
  private func reportLack(
    of parameter: ParameterDeclaration, _ unit: StageUnit, _ family: StageFamily, _ title: String
  ) {
    let inSome = family.syntax.cases.entries.contains { $0.value?.parameters[parameter.name] != nil }
    problems.report(
      "stage '\(inSome ? title : family.name)' lacks the parameter '\(parameter.name)'",
      at: inSome ? unit.place : family.syntax.name.place,
      notes: ["it is \(parameter.type.description): \(parameter.summary)"])
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

  /// The template of a parameter, if all that it refers to exists. Without `lists` the inputs are not known, and
  /// no name of one is judged.
  private func template(
    _ node: SyntaxNode, _ unit: StageUnit, _ declaration: StageDeclaration?, _ title: String,
    lists: [String: Value]?
  ) -> Template? {
    guard let template = Template.parse(node, problems) else { return nil }
    // Where the axes of the unit are not known, none is missing.
    let axes = unit.axes?.map(\.text) ?? scope.axisNames
    let sound = template.references.map { reference in
      if lists?.keys.contains(reference.text) == true { return true }
      // A slot whose labels are not known yet, or have failed.
      let isSlot =
        declaration?.input(reference.text)?.arity.isJoin == true && unit.inputs[reference.text] != nil
      if isSlot, !scope.knows(reference, axes: axes) { return lists == nil }
      return scope.check(reference, axes: axes, of: title, problems)
    }
    return sound.contains(false) ? nil : template
  }
}

extension BoundStage {
  /// How the parameters with references are made.
  var traces: [String: ParameterTrace] {
    Dictionary(
      parameters.filter { !$0.template.references.isEmpty }.map { ($0.declaration.name, $0.template.trace) }
    ) { first, _ in first }
  }

  /// Warns of axes over which all nodes are the same: a spread over them would be nothing but zero.
  func warnOfIdleAxes(_ scope: Scope, _ problems: Problems) {
    // A random stage draws other numbers at each value.
    guard !declaration.isRandom else { return }
    let choices = inputs.flatMap(\.sources).flatMap(\.choices)
    for (position, axis) in axes.enumerated() {
      let name = scope.axes[axis].name.text
      let isTaken = choices.contains { choice in
        switch choice {
        case .shared(let own), .mapped(let own, _): own == position
        case .fixed, .all: false
        }
      }
      guard !isTaken, !parameters.contains(where: { $0.template.references.contains { $0.text == name } })
      else { continue }
      problems.warn(
        "stage '\(self.name.text)' makes one result for all values of '\(name)', since nothing that it reads depends "
          + "on it", at: axesPlace,
        notes: ["take '\(name)' out of its 'for', or use '${\(name)}' in its parameters"])
    }
  }

  /// The labels of what each slot of many artifacts takes, in the order of the file.
  var labelLists: [String: Value] { labelLists { _ in true } }

  /// The same of those stages only that have nodes.
  func labelLists(_ hasNodes: (Int) -> Bool) -> [String: Value] {
    var lists: [String: Value] = [:]
    for input in inputs where input.isJoin {
      var seen: Set<String> = []
      let labels = input.sources.filter { hasNodes($0.stage) }.map(\.label).filter {
        seen.insert($0).inserted
      }
      lists[input.slot] = .list(labels.map { .string($0) })
    }
    return lists
  }
}
