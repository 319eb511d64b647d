// The inputs of one stage: slots, sources, and how the axes of both sides match.

import PipelineCore

/// Binds the inputs of one unit. Its own type may be unknown: then slots are not judged, sources are.
struct InputBinder {
  let problems: Problems
  let scope: Scope
  let families: StageFamilies
  /// By unit.
  let stages: [BoundStage?]
  /// The stage, as an index into the families, and the unit within it.
  let consumer: Int
  let unit: Int
  let bound: BoundStage?

  private var family: StageFamily { families.families[consumer] }
  private var given: StageUnit { family.units[unit] }
  private var title: String { family.title(of: unit) }

  func bind() -> [BoundInput] {
    guard !family.hasFailed else { return [] }
    var inputs: [String: BoundInput] = [:]
    var meant: Set<String> = []
    for (name, node) in given.inputs.entries {
      guard let declaration = family.declaration else {
        for source in self.chosen(name.text, node, isJoin: true) ?? [] { _ = self.source(source) }
        continue
      }
      // Where any name will do, it becomes the name of a folder that programs read.
      guard !declaration.takesAnyInput || name.text.isIdentifier else {
        problems.report(
          "'\(name.text.shortened)' can't name an input", at: name.place, notes: [Rule.name])
        continue
      }
      guard let slot = declaration.input(name.text) else {
        let slots = declaration.inputs.map(\.name)
        if let slot = nearest(to: name.text, among: slots) { meant.insert(slot) }
        problems.report(
          "\(declaration.name) has no input '\(name.text.shortened)'", at: name.place,
          notes: [suggestion(for: name.text, among: slots, of: "inputs")])
        continue
      }
      if let input = input(slot, node) { inputs[slot.name] = input }
    }
    guard let declaration = family.declaration else { return [] }
    for slot in declaration.inputs
    where !slot.arity.isOptional && given.inputs[slot.name] == nil && !meant.contains(slot.name) {
      reportLack(of: slot)
    }
    let declared = declaration.inputs.compactMap { inputs.removeValue(forKey: $0.name) }
    return declared + inputs.values.sorted { $0.slot < $1.slot }
  }

  private func reportLack(of slot: InputDeclaration) {
    let inSome = family.syntax.cases.entries.contains {
      $0.value?.inputs[slot.name].map { !$0.isNull } ?? false
    }
    problems.report(
      "stage '\(inSome ? title : family.name)' lacks the input '\(slot.name)'",
      at: inSome ? given.place : family.syntax.name.place,
      notes: [slot.accepts.isEmpty ? "it takes any stage" : "it takes \(alternatives(slot.accepts))"])
  }

  private func input(_ slot: InputDeclaration, _ node: SyntaxNode) -> BoundInput? {
    let isJoin = slot.arity.isJoin
    guard let chosen = self.chosen(slot.name, node, isJoin: isJoin) else { return nil }
    var sources: [BoundSource] = []
    for choice in chosen {
      guard let source = self.source(choice) else { continue }
      if let stage = stages[source.stage] {
        guard slot.accepts.isEmpty || slot.accepts.contains(stage.declaration.name) else {
          problems.report(
            "input '\(slot.name)' takes \(alternatives(slot.accepts)); "
              + "'\(families.families[choice.family].name)' is \(stage.declaration.name)", at: source.place)
          continue
        }
        if !isJoin, given.axes != nil, !matches(source, of: stage, slot) { continue }
      }
      sources.append(source)
    }
    guard !sources.isEmpty, sources.count == chosen.count else { return nil }
    let isOne = !isJoin || (slot.arity == .asWritten && namesOneNode(node, chosen[0], sources))
    return BoundInput(
      slot: slot.name, isJoin: !isOne, tellsStages: slot.arity == .asWritten, sources: sources,
      place: node.place)
  }

  /// Whether an input can only be one node, whatever values the axes take: a stage by name, with a value for each of
  /// its axes, and one case of it if it has any.
  private func namesOneNode(_ node: SyntaxNode, _ choice: ChosenSource, _ sources: [BoundSource]) -> Bool {
    guard case .scalar = node.content, sources.count == 1, choice.isOneUnit else { return false }
    return sources[0].choices.allSatisfy { if case .all = $0 { false } else { true } }
  }

  private func chosen(_ slot: String, _ node: SyntaxNode, isJoin: Bool) -> [ChosenSource]? {
    if isJoin { return families.many(node, for: given.label, origin: family.origin) }
    return families.one(node, slot: slot, for: given.label, of: title).map { [$0] }
  }

  private func source(_ choice: ChosenSource) -> BoundSource? {
    let reference = choice.reference
    let position = families.families[choice.family].base + choice.unit
    var pins: [String: AxisChoice] = [:]
    for pin in reference.pins {
      guard let choice = self.choice(pin, reference, stages[position]) else { return nil }
      pins[pin.axis] = choice
    }
    let axes = stages[position]?.axes ?? []
    let choices = axes.map { axis in
      pins[scope.axes[axis].name.text]
        ?? bound?.axes.firstIndex(of: axis).map { AxisChoice.shared($0) } ?? .all
    }
    return BoundSource(
      label: choice.label, stage: position, choices: choices, place: reference.place)
  }

  /// The value to which an axis is pinned.
  private func choice(
    _ pin: InputReference.Pin, _ reference: InputReference, _ source: BoundStage?
  ) -> AxisChoice? {
    let ownAxes = given.axes?.map(\.text) ?? scope.axisNames
    for inner in pin.value.references
    where !scope.check(inner, axes: ownAxes, of: title, problems) { return nil }
    guard let source else { return .all }
    guard let axis = source.axes.first(where: { scope.axes[$0].name.text == pin.axis }) else {
      let axes = source.axes.map { scope.axes[$0].name.text }
      problems.report(
        "'\(reference.stage)' has no axis '\(pin.axis.shortened)'", at: reference.place,
        notes: [suggestion(for: pin.axis, among: axes, of: "axes")])
      return nil
    }
    switch pin.value.kind {
    case .reference(let name) where ownAxes.contains(name.text):
      guard let own = bound?.axes.firstIndex(where: { scope.axes[$0].name.text == name.text }), let bound
      else {
        return .all
      }
      var positions: [Int] = []
      for value in scope.axes[bound.axes[own]].values {
        guard let position = self.position(of: value, on: axis, reference, "${\(name.text)} takes the value ")
        else { return nil }
        positions.append(position)
      }
      return .mapped(own, positions)
    case .reference(let name):
      guard let value = scope.parameters[name.text] ?? nil else { return .all }
      return position(of: value, on: axis, reference, "${\(name.text)} is ").map { .fixed($0) }
    case .constant(let value): return position(of: value, on: axis, reference, "").map { .fixed($0) }
    case .text, .list, .map: preconditionFailure("a pin is a value or a reference")
    }
  }

  private func position(
    of value: Value, on axis: Int, _ reference: InputReference, _ prefix: String
  ) -> Int? {
    let axis = scope.axes[axis]
    var text = value.plainText
    if case .number(let number) = value, let integer = Int(exactly: number) { text = String(integer) }
    if let position = axis.positions[text] { return position }
    problems.report(
      "\(prefix)\(text.shortened)\(prefix.isEmpty ? " is" : ", which is") no value of axis '\(axis.name.text)'",
      at: reference.place,
      notes: [
        "its values: \(axis.values.prefix(20).map(\.plainText).joined(separator: ", "))\(axis.values.count > 20 ? ", …" : "")"
      ])
    return nil
  }

  /// A slot of one artifact needs a value for every axis of its source.
  private func matches(_ source: BoundSource, of stage: BoundStage, _ slot: InputDeclaration) -> Bool {
    let free = zip(stage.axes, source.choices).filter { if case .all = $0.1 { true } else { false } }
    guard !free.isEmpty else { return true }
    let axes = free.map { scope.axes[$0.0] }
    let names = axes.map { "'\($0.name.text)'" }.joined(separator: " and ")
    let pin = axes.map { "\($0.name.text)=\($0.values[0].plainText)" }.joined(separator: ",")
    let list = axes.map(\.name.text).joined(separator: ", ")
    problems.report(
      "input '\(slot.name)' takes one artifact, but '\(stage.name.text)' has one for each value of \(names)",
      at: source.place,
      notes: [
        "either add \(list) to the 'for' of '\(title)'",
        "or pin it, as in '\(stage.family)[\(stage.label.map { $0 + "," } ?? "")\(pin)]'",
      ])
    return false
  }

  private func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}
