// Expands bound stages over their axes into nodes and joins: O(nodes + edges), joins counted once.

import PipelineCore

/// Turns bound stages into a plan.
struct Expansion {
  let problems: Problems
  let scope: Scope
  let stages: [BoundStage]
  /// The stages in topological order.
  let order: [Int]
  /// Parameters of each stage's nodes, by stage.
  let parameters: [StageParameters]
  let presence: Presence

  private var plannedStages: [PlannedStage] = []
  private var nodes: [PlannedNode] = []
  private var joins: [Join] = []
  /// The axes of each stage, by stage.
  private let stageAxes: [[Int]]
  /// The first node of each stage, by stage.
  private var bases: [Int]
  private var joinsByDescription: [[Int]: JoinID] = [:]
  private var labels: [String: Int] = [:]

  init(
    problems: Problems, scope: Scope, stages: [BoundStage], order: [Int], parameters: [StageParameters],
    presence: Presence
  ) {
    self.problems = problems
    self.scope = scope
    self.stages = stages
    self.order = order
    self.parameters = parameters
    self.presence = presence
    stageAxes = stages.map(\.axes)
    bases = [Int](repeating: 0, count: stages.count)
  }

  /// Whether the plan stays within bounds; reports the stage that breaks them. Nothing is allocated before.
  static func fits(
    _ stages: [BoundStage?], order: [Int], scope: Scope, _ presence: Presence, _ problems: Problems
  ) -> Bool {
    let axes = stages.map { $0?.axes ?? [] }
    var nodes = 0
    var members = 0
    for index in order {
      guard let stage = stages[index] else { continue }
      let sizes = stage.axes.map { scope.axes[$0].values.count }
      nodes = saturating(nodes, plus: presence.count(index))
      guard nodes <= PlanBounds.nodes else {
        problems.report(
          "stage '\(stage.name.text)' brings the plan to \(nodes == Int.max ? "countless" : "\(nodes)") nodes; "
            + "at most \(PlanBounds.nodes) are possible", at: stage.axesPlace)
        return false
      }
      for input in stage.inputs where input.isJoin && input.sources.allSatisfy({ stages[$0.stage] != nil }) {
        let shape = JoinShape(input, consumer: sizes, axes, scope)
        let size = shape.membersOfOne { presence.count($0) }.reduce(0) { saturating($0, plus: $1) }
        members = saturating(members, plus: product([min(shape.count, presence.count(index)), size]))
        guard members <= PlanBounds.members else {
          problems.report(
            "input '\(input.slot)' of '\(stage.name.text)' brings the joins to "
              + "\(members == Int.max ? "countless" : "\(members)") members; at most \(PlanBounds.members) are possible",
            at: input.place)
          return false
        }
      }
    }
    return true
  }

  mutating func plan(name: String, baseDirectory: String) -> Plan {
    nodes.reserveCapacity(order.reduce(0) { $0 + presence.count($1) })
    for stage in order where presence.hasNodes(stage) { expand(stage) }
    return Plan(
      name: name, baseDirectory: baseDirectory, stages: plannedStages, nodes: nodes, joins: joins,
      omissions: presence.omissions)
  }

  private mutating func expand(_ index: Int) {
    let stage = stages[index]
    let sizes = sizes(of: stage)
    let axes = stage.axes.map { scope.axes[$0] }
    let points = presence.points[index]
    let base = nodes.count
    bases[index] = base
    var inputs = stage.inputs.map { input in
      input.isJoin
        ? InputExpander.join(JoinTable(input, consumer: sizes, stageAxes, scope))
        : InputExpander.one(
          OneTable(input.sources[0], consumer: sizes, stageAxes, scope), input.sources[0].stage)
    }
    var digits = [Int](repeating: 0, count: axes.count)
    for rank in 0..<presence.count(index) {
      if let points { Odometer.place(&digits, at: points.offsets[rank], sizes) }
      // `stage[case,axis=value]`: the label of a case is part of the name, and of no key.
      var name = stage.family
      var separator = "["
      if let label = stage.label {
        name += "[" + label
        separator = ","
      }
      var values: [AxisValue] = []
      values.reserveCapacity(axes.count)
      for position in axes.indices {
        name += separator
        name += axes[position].parts[digits[position]]
        separator = ","
        values.append(AxisValue(axes[position].name.text, axes[position].values[digits[position]]))
      }
      if separator == "," { name += "]" }
      var planned: [PlannedInput] = []
      planned.reserveCapacity(inputs.count)
      for position in inputs.indices {
        let source = source(&inputs[position], digits, tellsStages: stage.inputs[position].tellsStages)
        planned.append(PlannedInput(slot: stage.inputs[position].slot, source: source))
      }
      let settings = parameters[index][digits]
      nodes.append(
        PlannedNode(
          name: name, stage: plannedStages.count, parameters: settings.parameters, axes: values,
          inputs: planned,
          files: settings.files, tracked: settings.tracked))
      Odometer.advance(&digits, sizes)
    }
    plannedStages.append(
      PlannedStage(
        name: stage.name.text, family: stage.family, declaration: stage.declaration,
        axes: axes.map(\.name.text),
        nodes: base..<nodes.count, timeout: stage.timeout, traces: stage.traces))
  }

  private mutating func source(
    _ input: inout InputExpander, _ digits: [Int], tellsStages: Bool
  ) -> InputSource {
    switch input {
    case .one(let table, let stage): return .node(node(of: stage, at: table[digits]))
    case .join(var table):
      let position = table.shape.position(digits)
      if let join = table.joins[position] { return .join(join) }
      let join = intern(table.shape.members(at: digits), tellsStages: tellsStages)
      table.joins[position] = join
      input = .join(table)
      return .join(join)
    }
  }

  private func node(of stage: Int, at offset: Int) -> NodeID {
    guard let points = presence.points[stage] else { return NodeID(bases[stage] + offset) }
    guard let rank = points.rank(of: offset) else {
      preconditionFailure("a node stays only where each of its inputs is filled")
    }
    return NodeID(bases[stage] + rank)
  }

  /// The join of some selections, made once however many stages and nodes take it.
  private mutating func intern(_ selections: [Selection], tellsStages: Bool) -> JoinID {
    var description = [tellsStages ? 1 : 0]
    for selection in selections {
      let label = labels[selection.label] ?? labels.count
      labels[selection.label] = label
      description += [label, selection.stage]
      // An axis with one value is always fixed, so that equal joins have equal descriptions.
      for (position, size) in zip(selection.fixed, selection.sizes) {
        description.append(size == 1 ? 0 : position ?? -1)
      }
    }
    if let join = joinsByDescription[description] { return join }
    var members: [JoinMember] = []
    for selection in selections {
      let base = bases[selection.stage]
      for rank in selection.ranks(among: presence.points[selection.stage]) {
        members.append(JoinMember(label: selection.label, node: NodeID(base + rank)))
      }
    }
    // Two selections of one label are parts of one stage; together they stand in plan order too.
    members.sort { ($0.label, $0.node) < ($1.label, $1.node) }
    let join = JoinID(joins.count)
    joins.append(Join(members: members, tellsStages: tellsStages))
    joinsByDescription[description] = join
    return join
  }

  private func sizes(of stage: BoundStage) -> [Int] { stage.axes.map { scope.axes[$0].values.count } }

  static func product(_ sizes: [Int]) -> Int {
    sizes.reduce(1) { total, size in
      let (product, overflow) = total.multipliedReportingOverflow(by: size)
      return overflow ? Int.max : product
    }
  }

  private static func saturating(_ a: Int, plus b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? Int.max : sum
  }
}

/// Counts through the values of some axes, the last one fastest.
enum Odometer {
  /// The position of some digits in the whole count.
  static func offset(_ digits: [Int], _ sizes: [Int]) -> Int {
    zip(digits, sizes).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// The digits at a position in the whole count.
  static func place(_ digits: inout [Int], at offset: Int, _ sizes: [Int]) {
    var rest = offset
    for position in digits.indices.reversed() {
      digits[position] = rest % sizes[position]
      rest /= sizes[position]
    }
  }

  static func advance(_ digits: inout [Int], _ sizes: [Int]) {
    var position = digits.count - 1
    while position >= 0 {
      digits[position] += 1
      if digits[position] < sizes[position] { return }
      digits[position] = 0
      position -= 1
    }
  }
}

private enum InputExpander {
  /// A table, and the stage whose points its offsets are.
  case one(OneTable, Int)
  case join(JoinTable)
}
