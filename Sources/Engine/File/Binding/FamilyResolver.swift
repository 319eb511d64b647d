// Which cases and axes each stage has: from its `for`, its `cases`, and what its inputs take.

import PipelineCore

/// Works out the cases and axes of all stages, each after those that its `for` follows.
struct FamilyResolver {
  let problems: Problems
  let scope: Scope
  private(set) var result: StageFamilies
  private let types: [String: StageDeclaration]
  private var unitCount = 0

  /// The most cases of all stages together.
  private static let mostCases = 100_000

  init(_ syntax: [StageSyntax], types: [String: StageDeclaration], scope: Scope, _ problems: Problems) {
    self.problems = problems
    self.scope = scope
    self.types = types
    result = StageFamilies(problems: problems)
    for (index, stage) in syntax.enumerated() {
      result.positions[stage.name.text] = index
      let declaration = types[(stage.type ?? stage.name).text]
      result.families.append(StageFamily(syntax: stage, declaration: declaration, origin: index))
    }
    for index in syntax.indices { fillRequiredSlots(of: index) }
    for index in order() { resolve(index) }
    var base = 0
    for index in result.families.indices {
      result.families[index].base = base
      base += result.families[index].units.count
    }
  }

  /// A required slot that is given nothing takes the stage of its own name, if that is of a type that fits.
  private mutating func fillRequiredSlots(of index: Int) {
    let family = result.families[index]
    for slot in family.declaration?.inputs ?? []
    where !slot.arity.isOptional && family.syntax.settings.inputs[slot.name] == nil {
      guard let position = result.positions[slot.name], position != index else { continue }
      let type = result.families[position].declaration?.name
      // A stage of an unknown type is reported where it stands, not here.
      guard slot.accepts.isEmpty || type == nil || slot.accepts.contains(type ?? "") else { continue }
      let place = family.syntax.name.place
      result.families[index].syntax.settings.inputs.set(
        Name(text: slot.name, place: place),
        SyntaxNode(place: place, content: .scalar(.string(slot.name))))
    }
  }

  /// The stages, each after those that an input in its `for` takes; without recursion, since a chain may be long.
  private func order() -> [Int] {
    enum State { case new, open, done }
    var states = [State](repeating: .new, count: result.families.count)
    var order: [Int] = []
    for root in states.indices where states[root] == .new {
      var path: [(stage: Int, followed: [(stage: Int, place: Place)])] = [(root, followed(by: root))]
      states[root] = .open
      while let top = path.last {
        guard let next = top.followed.last else {
          states[top.stage] = .done
          order.append(top.stage)
          path.removeLast()
          continue
        }
        path[path.count - 1].followed.removeLast()
        switch states[next.stage] {
        case .done: break
        case .new:
          states[next.stage] = .open
          path.append((next.stage, followed(by: next.stage)))
        case .open:
          guard problems.hasRoom else { break }
          let start = path.firstIndex { $0.stage == next.stage } ?? 0
          let cycle = (path[start...].map(\.stage) + [next.stage]).map { result.families[$0].name }
          problems.report(
            "cycle of inputs: \(cycle.asPath)", at: next.place,
            notes: ["each of these stages takes from the next"])
        }
      }
    }
    return order
  }

  /// The stages that inputs in `for` take.
  private func followed(by index: Int) -> [(stage: Int, place: Place)] {
    let stage = result.families[index].syntax
    var nodes: [SyntaxNode] = []
    for settings in [stage.settings] + stage.cases.entries.compactMap(\.value) {
      for name in settings.expansion ?? stage.settings.expansion ?? [] where !isAxis(name) {
        if let node = settings.inputs[name.text] ?? stage.settings.inputs[name.text] { nodes.append(node) }
      }
    }
    return nodes.flatMap(\.texts).compactMap { text, place in
      result.positions[InputReference.stage(of: text)].map { ($0, place) }
    }
  }

  private func isAxis(_ name: Name) -> Bool { scope.axisPositions.keys.contains(name.text) }

  private mutating func resolve(_ index: Int) {
    let stage = result.families[index].syntax
    let inherited = inheritedCases(of: index)
    var labels: [String?] = inherited?.labels ?? stage.cases.names
    if labels.isEmpty { labels = [nil] }
    for (label, _) in stage.cases.entries where inherited?.labels.contains(label.text) == false {
      problems.report(
        "'\(label.text.shortened)' is no case of what '\(stage.name.text)' is 'for'", at: label.place,
        notes: [suggestion(for: label.text, among: inherited?.labels ?? [], of: "cases")])
    }
    unitCount += labels.count
    if unitCount > Self.mostCases {
      problems.report("more than \(Self.mostCases) cases of stages", at: stage.name.place)
      result.families[index].hasFailed = true
    }
    guard !result.families[index].hasFailed else {
      result.families[index].units = [StageUnit(place: stage.name.place)]
      return
    }
    var units: [StageUnit] = []
    for label in labels { units.append(unit(label, of: index)) }
    result.families[index].units = units
    if let inherited { result.families[index].origin = inherited.origin }
  }

  /// The cases that the inputs in `for` bring: those of a stage, or one for each stage of a list.
  private mutating func inheritedCases(of index: Int) -> (labels: [String], origin: Int)? {
    let stage = result.families[index].syntax
    var found: (labels: [String], origin: Int)?
    for name in stage.settings.expansion ?? [] where !isAxis(name) {
      guard let node = stage.settings.inputs[name.text], let cases = cases(of: node, index) else { continue }
      guard let first = found else {
        found = cases
        continue
      }
      if Set(first.labels) != Set(cases.labels) {
        result.families[index].hasFailed = true
        problems.report(
          "the inputs in 'for' of '\(stage.name.text)' bring different cases", at: name.place,
          notes: ["name one case of an input, as in 'stage[case]', or leave it out of 'for'"])
      }
    }
    return found
  }

  private func cases(of node: SyntaxNode, _ index: Int) -> (labels: [String], origin: Int)? {
    guard let sources = result.sources(of: node) else { return nil }
    if case .scalar = node.content {
      guard sources[0].reference.label == nil, let position = result.positions[sources[0].reference.stage],
        result.families[position].hasCases
      else { return nil }
      return (result.families[position].labels, result.families[position].origin)
    }
    var labels: [String] = []
    var seen: Set<String> = []
    for source in sources {
      guard let position = result.positions[source.reference.stage],
        result.isOneStage(source, result.families[position])
      else { continue }
      for label in result.labels(of: source) {
        if seen.insert(label).inserted {
          labels.append(label)
        } else {
          problems.report(
            "the label '\(label.shortened)' stands twice", at: source.label?.place ?? source.reference.place,
            notes: ["give one of them another label: 'label: stage'"])
        }
      }
    }
    return labels.isEmpty ? nil : (labels, index)
  }

  /// A case with what its stage and it itself are given.
  private func unit(_ label: String?, of index: Int) -> StageUnit {
    let stage = result.families[index].syntax
    let own = label.flatMap { stage.cases[$0] ?? nil }
    var unit = StageUnit(label: label, place: label.flatMap { stage.cases.place(of: $0) } ?? stage.name.place)
    unit.inputs = stage.settings.inputs
    unit.parameters = stage.settings.parameters
    unit.condition = own?.condition ?? stage.settings.condition
    for (name, value) in own?.parameters.entries ?? [] { unit.parameters.set(name, value) }
    for (slot, value) in own?.inputs.entries ?? [] {
      if !value.isNull {
        unit.inputs.set(slot, value)
      } else if !unit.inputs.remove(slot.text) {
        problems.report(
          "there is no input '\(slot.text.shortened)' of stage '\(stage.name.text)' to remove",
          at: slot.place,
          notes: [suggestion(for: slot.text, among: stage.settings.inputs.names, of: "inputs")])
      }
    }
    unit.axes = axes(own?.expansion ?? stage.settings.expansion ?? [], unit, index)
    return unit
  }

  /// The axes that the names in `for` stand for; nil after reporting.
  private func axes(_ names: [Name], _ unit: StageUnit, _ index: Int) -> [Name]? {
    let family = result.families[index]
    var axes: [Name] = []
    var isSound = true
    func add(_ axis: Name) { if !axes.contains(where: { $0.text == axis.text }) { axes.append(axis) } }
    for name in names {
      if isAxis(name) {
        add(name)
        continue
      }
      guard let node = unit.inputs[name.text] else {
        isSound = false
        let slots = family.declaration?.inputs.filter { !$0.arity.isJoin }.map(\.name) ?? []
        if slots.contains(name.text) {
          problems.report(
            "'for' names the input '\(name.text)', which nothing is given to", at: name.place,
            notes: ["add it to 'inputs', or take it out here"])
          continue
        }
        problems.report(
          "unknown axis '\(name.text.shortened)'", at: name.place,
          notes: [suggestion(for: name.text, among: scope.axisNames + slots, of: "axes and inputs")])
        continue
      }
      if family.declaration?.input(name.text)?.arity.isJoin == true, family.declaration?.takesAnyInput != true
      {
        isSound = false
        problems.report(
          "'for' can't follow the input '\(name.text)', which takes many artifacts", at: name.place)
        continue
      }
      let title = unit.label.map { "\(family.name)[\($0)]" } ?? family.name
      guard let source = result.one(node, slot: name.text, for: unit.label, of: title),
        let taken = result.families[source.family].units.indices.contains(source.unit)
          ? result.families[source.family].units[source.unit].axes : nil
      else {
        isSound = false
        continue
      }
      let pinned = Set(source.reference.pins.map(\.axis))
      for axis in taken where !pinned.contains(axis.text) { add(Name(text: axis.text, place: name.place)) }
    }
    return isSound ? axes : nil
  }
}

extension SyntaxNode {
  /// All texts, here or within.
  fileprivate var texts: [(String, Place)] {
    switch content {
    case .scalar(.string(let text)): [(text, place)]
    case .scalar: []
    case .list(let nodes): nodes.flatMap(\.texts)
    case .map(let entries): entries.flatMap(\.value.texts)
    }
  }
}
