// Where the time went: the run that made most of what there is, and the cost of each stage.

import PipelineCore
import PipelineExecution

/// The time that the results of a pipeline took.
struct TimeSection {
  let snapshot: Snapshot
  let run: RunRecord?
  /// How many of the results that there are the run made.
  private let made: Int

  /// How many of the latest runs are looked at: each is read whole.
  private static let runs = 8

  /// Finds the run, among the latest, that made most of what is up to date.
  init(_ snapshot: Snapshot) {
    self.snapshot = snapshot
    let keys = Set(snapshot.artifacts.compactMap { $0?.action })
    let history = RunHistory(cache: snapshot.cache)
    var best: (run: RunRecord, made: Int)?
    for id in history.ids(of: snapshot.plan.name).prefix(Self.runs) {
      guard let run = history.run(id) else { continue }
      let made = run.nodes.count { $0.failure == nil && $0.key.map(keys.contains) == true }
      if made > best?.made ?? 0 || best == nil && !run.nodes.isEmpty { best = (run, made) }
      if made * 2 > keys.count { break }
    }
    run = best?.run
    made = best?.made ?? 0
  }

  /// The run as the page draws it; nodes that the pipeline no longer has are left out.
  func data(_ numbers: [String: Int]) -> RunData? {
    guard let run else { return nil }
    var data = RunData(id: run.id, ending: run.ending, seconds: Number(run.seconds), jobs: run.jobs ?? 0)
    for node in run.nodes {
      guard let number = numbers[node.node], let began = node.began, let ended = node.ended else { continue }
      data.node.append(number)
      data.began.append(Number(began))
      data.ended.append(Number(ended))
      data.threads.append(node.threads ?? 1)
      data.failed.append(node.failure == nil ? 0 : 1)
    }
    return data.node.isEmpty ? nil : data
  }

  /// Whether there is anything to tell.
  var isEmpty: Bool { snapshot.made.allSatisfy { $0 == nil } }

  /// Adds the section's content.
  func write(to html: inout HTML) {
    let costs = snapshot.plan.ids.map { snapshot.cost($0.index) ?? 0 }
    let all = costs.reduce(0, +)
    var text = "All results that are up to date took \(duration(all)) of one core."
    if let run {
      let ran = run.nodes.compactMap { node in node.seconds.map { $0 * Double(node.threads ?? 1) } }.reduce(
        0, +)
      text +=
        " Run \(run.id) (\(run.ending)) made \(made) of them in \(duration(run.seconds)), with \(duration(ran)) of one core"
      text += all > ran ? "; the cache had the rest, which saved \(duration(all - ran)) of one core." : "."
    }
    html.element("p", text: text)
    html.element("div", ["class": "timeline"]) { _ in }
    html.region("Cost by stage") { writeStages(costs, to: &$0) }
  }

  private func writeStages(_ costs: [Double], to html: inout HTML) {
    html.markup("<table class=\"cost\"><thead><tr>")
    let titles = [
      "stage", "type", "made", "of one core", "share", "longest", "peak memory", "declared memory",
    ]
    for title in titles { html.element("th", ["scope": "col"], text: title) }
    html.markup("</tr></thead><tbody>\n")
    let all = max(costs.reduce(0, +), .leastNormalMagnitude)
    let stages = snapshot.plan.stages.map { stage in (stage, cost: stage.nodes.reduce(0) { $0 + costs[$1] }) }
    for (stage, cost) in stages.sorted(by: { ($1.cost, $0.0.name) < ($0.cost, $1.0.name) }) {
      let made = stage.nodes.compactMap { snapshot.made[$0] }
      guard !made.isEmpty else { continue }
      let declared = stage.nodes.map {
        stage.declaration.resources(snapshot.plan.nodes[$0].parameters).memory
      }.max()
      html.markup("<tr>")
      html.element("th", ["scope": "row"]) { $0.foreign(stage.name) }
      html.element("td", text: stage.declaration.name)
      for text in [
        "\(made.count) of \(stage.nodes.count)", duration(cost), "\(Int((100 * cost / all).rounded())) %",
        duration(made.map(\.seconds).max() ?? 0), formatBytes(made.map(\.peakMemory).max() ?? 0),
        formatBytes(declared ?? 0),
      ] {
        html.element("td", ["class": "n"], text: text)
      }
      html.markup("</tr>\n")
    }
    html.markup("</tbody></table>")
  }
}
