// The graph of the stages as a drawing: layers from left to right, each stage a box with its nodes coloured by state.

import PipelineCore

/// Lays stages out in layers, and draws them.
///
/// As of Sugiyama, Tagawa and Toda (1981): the layer of a stage is the longest way to it; within the layers stages are
/// ordered by the mean place of their neighbours, a few sweeps to and fro. Nothing depends on the number of nodes.
struct StageGraph {
  private let snapshot: Snapshot
  private let pipeline: Int
  /// By stage, the stages that it takes.
  private let sources: [[Int]]
  /// By stage, those of its sources that another of its sources needs anyway: their edges are seen when it is chosen.
  private let implied: [Set<Int>]
  private let layer: [Int]
  /// The stages of each layer, from top to bottom.
  private var order: [[Int]]
  private var top: [Int]
  private var height = 0

  private static let width = 176
  private static let gap = 56
  /// Nodes are drawn one by one up to this number in a stage; more are one bar, by their shares.
  private static let drawnNodes = 160
  private static let perRow = 20

  init(_ snapshot: Snapshot, pipeline: Int) {
    self.snapshot = snapshot
    self.pipeline = pipeline
    let plan = snapshot.plan
    sources = plan.stages.map { stage in
      guard let first = stage.nodes.first else { return [] }
      // All nodes of a stage take their inputs from the same stages.
      return Set(plan.predecessors(of: NodeID(first)).map { plan.nodes[$0.index].stage }).sorted()
    }
    implied = Self.implied(sources)
    var layer = [Int](repeating: 0, count: plan.stages.count)
    for (stage, list) in sources.enumerated() { layer[stage] = (list.map { layer[$0] }.max() ?? -1) + 1 }
    order = (0...(layer.max() ?? 0)).map { level in layer.indices.filter { layer[$0] == level } }
    self.layer = layer
    top = layer
    sweep()
    place()
  }

  private static func implied(_ sources: [[Int]]) -> [Set<Int>] {
    var needed = [Set<Int>](repeating: [], count: sources.count)
    for (stage, list) in sources.enumerated() {
      needed[stage] = list.reduce(into: Set(list)) { $0.formUnion(needed[$1]) }
    }
    return sources.map { list in
      list.reduce(into: Set<Int>()) { $0.formUnion(needed[$1]) }.intersection(list)
    }
  }

  private mutating func sweep() {
    var targets = [[Int]](repeating: [], count: sources.count)
    for (stage, list) in sources.enumerated() { for source in list { targets[source].append(stage) } }
    var position = layer.map { _ in 0.0 }
    func number(_ stages: [Int], _ position: inout [Double]) {
      // In parts of the layer: layers of several lengths stand side by side.
      for (place, stage) in stages.enumerated() {
        position[stage] = (Double(place) + 0.5) / Double(stages.count)
      }
    }
    for stages in order { number(stages, &position) }
    for round in 0..<8 {
      let neighbours = round % 2 == 0 ? sources : targets
      for level in round % 2 == 0 ? Array(order.indices) : order.indices.reversed() {
        let wanted = order[level].map { stage -> Double in
          let near = neighbours[stage]
          return near.isEmpty ? position[stage] : near.reduce(0) { $0 + position[$1] } / Double(near.count)
        }
        order[level] = zip(wanted, order[level]).sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
        number(order[level], &position)
      }
    }
  }

  private mutating func place() {
    let heights = order.map { level in level.reduce(0) { $0 + boxHeight($1) + 14 } }
    height = (heights.max() ?? 0) + 10
    // From the top: what a reader sees first are the sources, at the upper left.
    for stages in order {
      var line = 10
      for stage in stages {
        top[stage] = line
        line += boxHeight(stage) + 14
      }
    }
  }

  private func boxHeight(_ stage: Int) -> Int {
    let count = snapshot.plan.stages[stage].nodes.count
    return 42 + (count > Self.drawnNodes ? 10 : (count + Self.perRow - 1) / Self.perRow * 8)
  }

  private func left(_ stage: Int) -> Int { 10 + layer[stage] * (Self.width + Self.gap) }

  /// Adds the drawing.
  func write(to html: inout HTML) {
    let width = order.count * (Self.width + Self.gap) - Self.gap + 20
    html.element(
      "svg",
      [
        "class": "graph", "viewBox": "0 0 \(width) \(height)", "width": "\(width)", "height": "\(height)",
        "role": "group", "aria-label": "The stages and what they take", "data-p": "\(pipeline)",
      ]
    ) { html in
      for (stage, list) in sources.enumerated() {
        for source in list { edge(from: source, to: stage, &html) }
      }
      for stage in sources.indices { box(stage, &html) }
    }
  }

  private func edge(from source: Int, to stage: Int, _ html: inout HTML) {
    let (x1, y1) = (left(source) + Self.width, top[source] + boxHeight(source) / 2)
    let (x2, y2) = (left(stage), top[stage] + boxHeight(stage) / 2)
    html.open(
      "path",
      [
        "class": implied[stage].contains(source) ? "edge implied" : "edge", "data-from": "\(source)",
        "data-to": "\(stage)",
        "d": "M\(x1) \(y1)C\(x1 + Self.gap) \(y1) \(x2 - Self.gap) \(y2) \(x2) \(y2)",
      ])
    html.markup("</path>")
  }

  private func box(_ stage: Int, _ html: inout HTML) {
    let planned = snapshot.plan.stages[stage]
    let counts = Snapshot.State.allCases.map { state in planned.nodes.count { snapshot.states[$0] == state } }
    let words = zip(Snapshot.State.allCases, counts).filter { $0.1 > 0 }.map { "\($0.1) \($0.0.name)" }
    let title = "\(planned.name) (\(planned.declaration.name)): \(words.joined(separator: ", "))"
    let (x, y) = (left(stage), top[stage])
    html.element("g", ["class": "stage", "data-s": "\(stage)"]) { html in
      html.element("title", text: title)
      html.open(
        "rect",
        [
          "class": "box", "x": "\(x)", "y": "\(y)", "width": "\(Self.width)", "height": "\(boxHeight(stage))",
          "rx": "5",
        ])
      html.markup("</rect>")
      html.element(
        "text", ["class": "name", "x": "\(x + 9)", "y": "\(y + 17)"], text: Self.short(planned.name, 22))
      let axes = planned.axes.isEmpty ? "" : " · " + planned.axes.joined(separator: " × ")
      let second = "\(planned.nodes.count) \(planned.declaration.name)\(axes)"
      html.element(
        "text", ["class": "type", "x": "\(x + 9)", "y": "\(y + 32)"], text: Self.short(second, 27))
      if planned.nodes.count > Self.drawnNodes {
        bar(counts, x + 8, y + 38, &html)
      } else {
        for (place, node) in planned.nodes.enumerated() {
          let (column, row) = (place % Self.perRow, place / Self.perRow)
          cell(snapshot.states[node], x + 8 + column * 8, y + 38 + row * 8, 7, &html)
        }
      }
    }
  }

  /// The states' shares of many nodes; the least share is still to be seen.
  private func bar(_ counts: [Int], _ x: Int, _ y: Int, _ html: inout HTML) {
    let total = counts.reduce(0, +)
    var place = x
    for (state, count) in zip(Snapshot.State.allCases, counts) where count > 0 {
      let width = max(2, (Self.width - 16) * count / total)
      cell(state, place, y, width, &html)
      place += width
    }
  }

  private func cell(_ state: Snapshot.State, _ x: Int, _ y: Int, _ width: Int, _ html: inout HTML) {
    html.markup("<rect class=\"s\(state.rawValue)\" x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"7\"/>")
  }

  private static func short(_ text: String, _ limit: Int) -> String {
    text.count <= limit ? text : text.prefix(limit - 1) + "…"
  }
}
