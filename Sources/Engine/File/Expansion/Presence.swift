// Which points of each stage's axes have a node, where 'zip', 'exclude' and 'when' leave some out.

import PipelineCore

/// The points of a stage's axes that have a node. A point is known by its offset: its position in the whole product of
/// the axes, the last one varying fastest.
struct Points {
  /// The offsets, ascending.
  let offsets: [Int]
  private let ranks: [Int: Int]

  init(_ offsets: [Int]) {
    self.offsets = offsets
    ranks = Dictionary(offsets.enumerated().map { ($1, $0) }) { first, _ in first }
  }

  /// How many points with a node precede one that has a node; nil for one that has none.
  func rank(of offset: Int) -> Int? { ranks[offset] }
}

/// The points of all stages.
struct Presence {
  /// By stage; nil for one with a node at each point.
  private(set) var points: [Points?]
  /// What is left out, by stage, in topological order.
  private(set) var omissions: [Omission] = []

  private let stages: [BoundStage?]
  private let axes: [[Int]]
  private let rules: AxisRules
  private let scope: Scope

  /// Looks at each stage after those that it takes from. Nil after reporting a stage with too many points to look at.
  init?(_ stages: [BoundStage?], order: [Int], rules: AxisRules, scope: Scope, _ problems: Problems) {
    self.stages = stages
    self.rules = rules
    self.scope = scope
    axes = stages.map { $0?.axes ?? [] }
    points = stages.map { _ in nil }
    var seen = 0
    for index in order {
      guard let stage = stages[index], isThinned(stage) else { continue }
      let candidates = Expansion.product(freeSizes(of: stage))
      let (sum, overflow) = seen.addingReportingOverflow(candidates)
      guard !overflow, sum <= PlanBounds.nodes else {
        problems.report(
          "stage '\(stage.name.text)' has \(candidates == Int.max ? "countless" : "\(candidates)") points of its "
            + "axes before any is left out; at most \(PlanBounds.nodes) are possible", at: stage.axesPlace)
        return nil
      }
      seen = sum
      thin(index, stage)
    }
  }

  /// Whether a stage has nodes.
  func hasNodes(_ stage: Int) -> Bool { points[stage]?.offsets.isEmpty != true }

  /// How many nodes a stage has.
  func count(_ stage: Int) -> Int {
    points[stage]?.offsets.count ?? Expansion.product(sizes(of: axes[stage]))
  }

  private func sizes(of axes: [Int]) -> [Int] { axes.map { scope.axes[$0].values.count } }

  /// The sizes of the axes that vary by themselves; 1 for one that follows another.
  private func freeSizes(of stage: BoundStage) -> [Int] {
    zip(sizes(of: stage.axes), rules.followers(among: stage.axes)).map { $1 == nil ? $0 : 1 }
  }

  private func isThinned(_ stage: BoundStage) -> Bool {
    !stage.condition.isVoid || rules.concern(stage.axes)
      || stage.inputs.contains { input in
        input.sources.allSatisfy { points[$0.stage] != nil }
      }
  }

  private mutating func thin(_ index: Int, _ stage: BoundStage) {
    let sizes = sizes(of: stage.axes)
    let free = freeSizes(of: stage)
    let followers = rules.followers(among: stage.axes)
    let exclusions = rules.exclusions.compactMap { Exclusion($0, stage.axes) }
    var inputs = stage.inputs.compactMap { InputPresence($0, consumer: sizes, axes, scope, points) }
    var omission = Omission(stage: stage.name.text, family: stage.family)
    var offsets: [Int] = []
    var digits = [Int](repeating: 0, count: sizes.count)
    for _ in 0..<Expansion.product(free) {
      for (position, leader) in followers.enumerated() {
        if let leader { digits[position] = digits[leader] }
      }
      if exclusions.contains(where: { $0.holds(digits) }) {
        omission.excluded += 1
      } else if !stage.condition.admits(digits) {
        omission.conditional += 1
      } else if !inputs.indices.allSatisfy({ inputs[$0].isFilled(digits) }) {
        omission.starved += 1
      } else {
        offsets.append(Odometer.offset(digits, sizes))
      }
      for (position, leader) in followers.enumerated() where leader != nil { digits[position] = 0 }
      Odometer.advance(&digits, free)
    }
    points[index] = Points(offsets)
    omission.left = offsets.count
    if omission.total > 0 { omissions.append(omission) }
  }
}

/// An entry of `exclude`, by the positions of a stage's axes.
private struct Exclusion {
  private let parts: [(position: Int, values: Set<Int>)]

  /// Nil where the stage lacks one of the axes.
  init?(_ parts: [(axis: Int, values: Set<Int>)], _ axes: [Int]) {
    let own = parts.compactMap { part in axes.firstIndex(of: part.axis).map { ($0, part.values) } }
    guard own.count == parts.count else { return nil }
    self.parts = own
  }

  func holds(_ digits: [Int]) -> Bool { parts.allSatisfy { $0.values.contains(digits[$0.position]) } }
}

/// Whether an input finds anything to take.
private struct InputPresence {
  private enum Form {
    case one(OneTable, Points)
    case join(JoinShape)
  }

  private let form: Form
  private let points: [Points?]
  /// Of each join that was looked at, whether it has a member.
  private var known: [Int: Bool] = [:]

  /// Nil for an input that always finds something.
  init?(_ input: BoundInput, consumer sizes: [Int], _ axes: [[Int]], _ scope: Scope, _ points: [Points?]) {
    guard input.sources.allSatisfy({ points[$0.stage] != nil }) else { return nil }
    self.points = points
    if input.isJoin {
      form = .join(JoinShape(input, consumer: sizes, axes, scope))
    } else {
      guard let taken = points[input.sources[0].stage] else { return nil }
      form = .one(OneTable(input.sources[0], consumer: sizes, axes, scope), taken)
    }
  }

  mutating func isFilled(_ digits: [Int]) -> Bool {
    switch form {
    case .one(let table, let taken): return taken.rank(of: table[digits]) != nil
    case .join(let shape):
      let position = shape.position(digits)
      if let known = known[position] { return known }
      let isFilled = shape.members(at: digits).contains { !$0.ranks(among: points[$0.stage]).isEmpty }
      known[position] = isFilled
      return isFilled
    }
  }
}
