// `pipeline status`: how the nodes of a pipeline stand, counted by stage or listed.

import ArgumentParser
import PipelineCore
import PipelineExecution

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Counts fresh, stale, failed and running nodes, by stage.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Flag(help: "Lists nodes instead: each with its standing, its axis values and its artifact.") var nodes =
    false
  @Flag(help: "Prints JSON.") var json = false

  private struct Row: Encodable {
    var stage: String
    var type: String
    var nodes = 0
    var fresh = 0
    var stale = 0
    var failed = 0
    var running = 0
  }

  func run() throws {
    let session = try Session(pipeline, cache)
    let resolution = Resolution(plan: session.plan, keys: session.keys, cache: session.cache)
    let standings = resolution.standings()
    if nodes { return try list(session, resolution, standings) }
    var failures: [(node: String, message: String)] = []
    let rows = session.plan.stages.map { stage in
      var row = Row(stage: stage.name, type: stage.declaration.name)
      for index in stage.nodes {
        row.nodes += 1
        switch standings[index] {
        case .fresh: row.fresh += 1
        case .stale: row.stale += 1
        case .running: row.running += 1
        case .failed(let message):
          row.failed += 1
          failures.append((session.plan.nodes[index].name, message))
        }
      }
      return row
    }
    if json { return try printJSON(rows) }
    var lines = [["stage", "type", "nodes", "fresh", "stale", "failed", "running"]]
    for row in rows {
      lines.append(
        [row.stage, row.type] + [row.nodes, row.fresh, row.stale, row.failed, row.running].map(String.init))
    }
    printColumns(lines, rightAlignedFrom: 2)
    for failure in failures { print("failed: \(failure.node): \(failure.message)") }
    for line in CampaignLine.lines(of: session.plan.name, in: session.cache) { print(line) }
  }

  /// A node as `--nodes` shows it.
  private struct Entry: Encodable {
    var node: String
    var stage: String
    /// The case, if the stage has any.
    var label: String?
    var type: String
    var axes: [String: Value]
    /// fresh, stale, failed or running.
    var standing: String
    /// Why it failed.
    var message: String?
    /// The file of its artifact, if it is fresh.
    var path: String?
  }

  private func list(_ session: Session, _ resolution: Resolution, _ standings: [Resolution.Standing]) throws {
    let entries = session.plan.ids.map { id -> Entry in
      let (node, stage) = (session.plan[id], session.plan.stage(of: id))
      var entry = Entry(
        node: node.name, stage: stage.family,
        label: stage.name == stage.family
          ? nil : String(stage.name.dropFirst(stage.family.count + 1).dropLast()),
        type: stage.declaration.name,
        axes: Dictionary(node.axes.map { ($0.axis, $0.value) }) { first, _ in first }, standing: "stale")
      switch standings[id.index] {
      case .fresh(let artifact):
        (entry.standing, entry.path) = ("fresh", session.cache.file(of: artifact))
      case .stale: break
      case .running: entry.standing = "running"
      case .failed(let message): (entry.standing, entry.message) = ("failed", message)
      }
      return entry
    }
    if json { return try printJSON(entries) }
    printColumns(
      [["node", "type", "standing", "artifact"]]
        + entries.map { [$0.node, $0.type, $0.standing, $0.path ?? $0.message ?? ""] })
  }
}
