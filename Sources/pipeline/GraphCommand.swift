// `pipeline graph`: the DAG by stage, as text, Graphviz source or a drawing.

import ArgumentParser
import PipelineCore
import Programs
import Wording

struct GraphCommand: ParsableCommand {
  enum Format: String, CaseIterable, ExpressibleByArgument { case text, dot, svg }

  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Shows the DAG of stages, with the number of nodes of each.")

  @OptionGroup var pipeline: PipelineOptions
  @Option(help: "text, dot, or svg (drawn by Graphviz).") var format = Format.text

  func run() throws {
    let plan = try pipeline.load().plan
    let edges = stageEdges(plan)
    switch format {
    case .text:
      for (index, stage) in plan.stages.enumerated() {
        print("\(stage.name)\(expansion(stage, plan))  \(stage.declaration.name)")
        for edge in edges where edge.target == index {
          print("  ← \(plan.stages[edge.source].name)  \(edge.slot)\(edge.gathers ? " (all)" : "")")
        }
      }
    case .dot: print(dot(plan, edges), terminator: "")
    case .svg: try drawSVG(dot(plan, edges))
    }
  }

  private struct Edge: Hashable {
    var source: Int
    var target: Int
    var slot: String
    var gathers: Bool
  }

  private func stageEdges(_ plan: Plan) -> [Edge] {
    var edges: [Edge] = []
    for (index, stage) in plan.stages.enumerated() {
      guard let first = stage.nodes.first else { continue }
      // All nodes of a stage take their inputs from the same stages.
      for input in plan.nodes[first].inputs {
        let sources: [NodeID]
        let gathers: Bool
        switch input.source {
        case .node(let node): (sources, gathers) = ([node], false)
        case .join(let join): (sources, gathers) = (plan.joins[join.index].members.map(\.node), true)
        }
        for source in sources {
          let edge = Edge(
            source: plan.nodes[source.index].stage, target: index, slot: input.slot, gathers: gathers)
          if !edges.contains(edge) { edges.append(edge) }
        }
      }
    }
    return edges
  }

  /// `[size×8, repeat×3] = 24 nodes`.
  private func expansion(_ stage: PlannedStage, _ plan: Plan) -> String {
    if stage.axes.isEmpty { return "" }
    let axes = stage.axes.map { axis in
      let values = Set(
        stage.nodes.compactMap { node in plan.nodes[node].axes.first { $0.axis == axis }?.value })
      return "\(axis)×\(values.count)"
    }
    return "[\(axes.joined(separator: ", "))] = \(counted(stage.nodes.count, "node"))"
  }

  private func dot(_ plan: Plan, _ edges: [Edge]) -> String {
    func quoted(_ text: String) -> String {
      "\"" + replaced(replaced(text, "\\", with: "\\\\"), "\"", with: "\\\"")
        + "\""
    }
    var text =
      "digraph \(quoted(plan.name)) {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"Helvetica\"];\n"
    for stage in plan.stages {
      let label = stage.name + (stage.axes.isEmpty ? "" : "\n" + expansion(stage, plan))
      text +=
        "  \(quoted(stage.name)) [label=\(replaced(quoted(label), "\n", with: "\\n"))];\n"
    }
    for edge in edges {
      let style = edge.gathers ? " [style=bold]" : ""
      text +=
        "  \(quoted(plan.stages[edge.source].name)) -> \(quoted(plan.stages[edge.target].name))\(style);\n"
    }
    return text + "}\n"
  }

  private func drawSVG(_ source: String) throws {
    guard let dot = try? Program(["dot", "-Tsvg"], input: .pipe, output: .pipe, errors: .nothing).start()
    else {
      throw missingGraphviz()
    }
    let (ending, drawing, _) = dot.communicate(Array(source.utf8))
    guard ending.isSuccess, !drawing.isEmpty else { throw missingGraphviz() }
    print(String(decoding: drawing, as: UTF8.self), terminator: "")
  }

  private func missingGraphviz() -> ExitCode {
    printError("error: --format svg needs Graphviz: apt-get install graphviz, or use --format dot")
    return Exit.unavailable
  }
}
