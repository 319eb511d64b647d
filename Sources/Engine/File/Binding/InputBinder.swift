// The inputs of one stage: slots, sources, and how the axes of both sides match.

import PipelineCore

/// Binds the inputs of one stage. Its own type may be unknown: then slots are not judged, sources are.
struct InputBinder {
  let problems: Problems
  let scope: Scope
  let names: [String]
  let positions: [String: Int]
  let stages: [BoundStage?]
  let consumer: StageSyntax
  let bound: BoundStage?

  func bind() -> [BoundInput] {
    var inputs: [String: BoundInput] = [:]
    var meant: Set<String> = []
    for (name, node) in consumer.inputs.entries {
      guard let bound else {
        for (_, node) in labelled(node, isJoin: true) { _ = source("", node) }
        continue
      }
      guard let slot = bound.declaration.input(name.text) else {
        let slots = bound.declaration.inputs.map(\.name)
        if let slot = nearest(to: name.text, among: slots) { meant.insert(slot) }
        problems.report(
          "\(bound.declaration.name) has no input '\(name.text.shortened)'", at: name.place,
          notes: [suggestion(for: name.text, among: slots, of: "inputs")])
        continue
      }
      if let input = input(slot, node) { inputs[slot.name] = input }
    }
    guard let bound else { return [] }
    for slot in bound.declaration.inputs
    where !slot.arity.isOptional && consumer.inputs[slot.name] == nil && !meant.contains(slot.name) {
      problems.report(
        "stage '\(consumer.name.text)' lacks the input '\(slot.name)'", at: consumer.name.place,
        notes: [slot.accepts.isEmpty ? "it takes any stage" : "it takes \(alternatives(slot.accepts))"])
    }
    let declared = bound.declaration.inputs.compactMap { inputs.removeValue(forKey: $0.name) }
    return declared + inputs.values.sorted { $0.slot < $1.slot }
  }

  private func input(_ slot: InputDeclaration, _ node: SyntaxNode) -> BoundInput? {
    let isJoin = slot.arity.isJoin
    let labelled = labelled(node, isJoin: isJoin)
    var sources: [BoundSource] = []
    for (label, node) in labelled {
      guard let source = source(label, node) else { continue }
      if let stage = stages[source.stage] {
        guard slot.accepts.isEmpty || slot.accepts.contains(stage.declaration.name) else {
          problems.report(
            "input '\(slot.name)' takes \(alternatives(slot.accepts)); "
              + "'\(stage.name.text)' is \(stage.declaration.name)", at: source.place)
          continue
        }
        if !isJoin, !matches(source, of: stage, slot) { continue }
      }
      sources.append(source)
    }
    guard !sources.isEmpty, sources.count == labelled.count else { return nil }
    let isOne = !isJoin || (slot.arity == .asWritten && namesOneNode(node, sources))
    return BoundInput(
      slot: slot.name, isJoin: !isOne, tellsStages: slot.arity == .asWritten, sources: sources,
      place: node.place)
  }

  /// Whether an input can only be one node, whatever values the axes take: a stage by name, with a value for each of
  /// its axes.
  private func namesOneNode(_ node: SyntaxNode, _ sources: [BoundSource]) -> Bool {
    guard case .scalar = node.content, sources.count == 1 else { return false }
    return sources[0].choices.allSatisfy { if case .all = $0 { false } else { true } }
  }

  /// The sources with their labels; a list's labels are the names of its stages.
  private func labelled(_ node: SyntaxNode, isJoin: Bool) -> [(String?, SyntaxNode)] {
    switch node.content {
    case .scalar: return [(nil, node)]
    case .list(let elements) where isJoin && !elements.isEmpty: return elements.map { (nil, $0) }
    case .map(let entries) where isJoin && !entries.isEmpty:
      return entries.compactMap { entry in
        let label = entry.key.text
        if !label.isNamePart {
          problems.report(
            "'\(label.shortened)' can't be a label", at: entry.key.place,
            notes: ["a label has \(Rule.part)"])
          return nil
        }
        return (label, entry.value)
      }
    case .list, .map:
      let expected =
        isJoin ? "a stage, a list of stages or a map of labels with stages" : "the name of one stage"
      let found = isJoin ? node.found.replacingFirst("a ", with: "an empty ") : node.found
      problems.report("found \(found), expected \(expected)", at: node.place)
      return []
    }
  }

  private func source(_ label: String?, _ node: SyntaxNode) -> BoundSource? {
    guard let reference = InputReference.parse(node, problems) else { return nil }
    guard let position = positions[reference.stage] else {
      problems.report(
        "unknown stage '\(reference.stage.shortened)'", at: reference.place,
        notes: [suggestion(for: reference.stage, among: names, of: "stages")])
      return nil
    }
    var pins: [String: AxisChoice] = [:]
    for pin in reference.pins {
      guard let choice = choice(pin, reference, stages[position]) else { return nil }
      pins[pin.axis] = choice
    }
    let axes = stages[position]?.axes ?? []
    let choices = axes.map { axis in
      pins[scope.axes[axis].name.text]
        ?? bound?.axes.firstIndex(of: axis).map { AxisChoice.shared($0) } ?? .all
    }
    return BoundSource(
      label: label ?? reference.stage, stage: position, choices: choices, place: reference.place)
  }

  /// The value to which an axis is pinned.
  private func choice(
    _ pin: InputReference.Pin, _ reference: InputReference, _ source: BoundStage?
  ) -> AxisChoice? {
    let ownAxes = consumer.axes?.map(\.text) ?? []
    for inner in pin.value.references
    where !scope.check(inner, axes: ownAxes, of: consumer.name.text, problems) { return nil }
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
        "either add \(list) to the 'for' of '\(consumer.name.text)'",
        "or pin it, as in '\(stage.name.text)[\(pin)]'",
      ])
    return false
  }

  private func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension String {
  /// The text with its first occurrence of a prefix replaced.
  func replacingFirst(_ prefix: String, with replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
