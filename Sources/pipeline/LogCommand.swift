// `pipeline log`: the runs of a pipeline, or the past of one node.

import ArgumentParser
import PipelineCore
import PipelineExecution

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Lists runs, the latest first, or the past of one node.",
    discussion: "A run that found everything up to date leaves no record.")

  @Argument(help: "A pipeline (default: all).") var pipeline: String?
  @Argument(help: "A node of it, such as 'retrain[size=500,repeat=3]'.") var node: String?
  @OptionGroup var cache: CacheOptions
  @Option(name: .shortAndLong, help: "Shows this many, at most.") var limit = 20
  @Flag(help: "Prints JSON.") var json = false

  private struct RunRow: Encodable {
    struct Failure: Encodable {
      var node: String
      var message: String
    }
    var id: String
    var pipeline: String
    var time: String
    var seconds: Double
    var ended: String
    /// The words of `--set`.
    var set: [String]
    var ran: Int
    var failed: [Failure]
    var upToDate: Int?
    var unchanged: Int?
  }

  private struct Past: Encodable {
    var run: String
    var time: String
    var event: String
    /// The words of `--set` of that run.
    var set: [String]
    var reasons: [String]
    var seconds: Double?
    var threads: Int?
    var peakMemory: Int?
    var key: String?
    var message: String?
    /// The program that made the result; of results of one key that of the last.
    var madeBy: MadeBy?
  }

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes an integer ≥ 1, not \(limit)") }
  }

  func run() throws {
    let history = RunHistory(cache: cache.cache)
    // A path means the pipeline that it holds.
    let name = pipeline.map { path in
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return [".yaml", ".yml"].first(where: file.hasSuffix).map { String(file.dropLast($0.count)) } ?? file
    }
    let ids = history.ids(of: name)
    if let name, ids.isEmpty {
      printError("no run of \(name) has left a record in \(cache.cache.root)")
      throw Exit.failed
    }
    if let node { try showPast(of: node, ids, history) } else { try showRuns(ids, history) }
  }

  private func showRuns(_ ids: [String], _ history: RunHistory) throws {
    let runs = ids.lazy.compactMap(history.run).prefix(limit).map { $0 }
    if json {
      return try printJSON(
        runs.map { run in
          RunRow(
            id: run.id, pipeline: run.pipeline, time: run.time, seconds: run.seconds, ended: run.ending,
            set: run.overrides, ran: run.nodes.count { $0.failure == nil },
            failed: run.nodes.compactMap { node in
              node.failure.map { .init(node: node.node, message: $0) }
            }, upToDate: run.passedOver?.fresh, unchanged: run.passedOver?.cutOff)
        })
    }
    let hasOptions = runs.contains { !$0.overrides.isEmpty }
    let ends = hasOptions ? ["set", "what and why"] : ["what and why"]
    var rows = [["run", "took", "ended", "ran", "failed", "up to date"] + ends]
    for run in runs {
      let failed = run.nodes.count { $0.failure != nil }
      var row = [
        run.id, duration(run.seconds), run.ending, String(run.nodes.count - failed), String(failed),
        run.passedOver.map { String($0.fresh + $0.cutOff) } ?? "?",
      ]
      if hasOptions { row.append(Self.text(run.overrides)) }
      rows.append(row + [summary(of: run)])
    }
    printColumns(rows)
  }

  /// `v=1 w=2`: the words of `--set`.
  private static func text(_ overrides: [String]) -> String {
    overrides.map(PipelineOptions.quoted).joined(separator: " ")
  }

  /// `train, retrain (12): learning_rate: 0.1 → 0.01`: the stages that ran, and the reason of the first.
  private func summary(of run: RunRecord) -> String {
    var stages: [(name: String, count: Int)] = []
    for node in run.nodes {
      let stage = String(node.node.prefix { $0 != "[" })
      if let known = stages.firstIndex(where: { $0.name == stage }) {
        stages[known].count += 1
      } else {
        stages.append((stage, 1))
      }
    }
    var text = stages.prefix(4).map { $0.count > 1 ? "\($0.name) (\($0.count))" : $0.name }.joined(
      separator: ", ")
    if stages.count > 4 { text += ", …" }
    if let failed = run.nodes.first(where: { $0.failure != nil }), let message = failed.failure {
      text += ": \(failed.node) failed: \(message.prefix { $0 != "\n" })"
    } else if let reason = run.nodes.lazy.flatMap(\.reasons).first {
      text += ": \(reason)"
    }
    return text
  }

  private func showPast(of node: String, _ ids: [String], _ history: RunHistory) throws {
    var past: [Past] = []
    var told: Set<Digest> = []
    for id in ids {
      guard past.count < limit, let run = history.run(id) else { continue }
      for event in run.nodes.reversed() where event.node == node {
        let isLast = event.failure == nil && event.key.map { told.insert($0).inserted } == true
        let record = isLast ? event.key.flatMap { cache.cache.action($0) } : nil
        past.append(
          Past(
            run: run.id, time: event.time, event: event.failure == nil ? "ran" : "failed",
            set: run.overrides, reasons: event.reasons, seconds: event.seconds, threads: event.threads,
            peakMemory: event.peakMemory, key: event.key?.hex, message: event.failure,
            madeBy: MadeBy(record)))
      }
    }
    if json { return try printJSON(past) }
    if past.isEmpty {
      printError(
        "no recorded run has run \(node); its artifact may come from another pipeline ('pipeline explain')")
      let names = Set(ids.lazy.compactMap(history.run).flatMap { $0.nodes.map(\.node) }).sorted()
      printError("  note: \(suggestion(for: node, among: names, of: "nodes that have run"))")
      throw Exit.failed
    }
    let hasOptions = past.contains { !$0.set.isEmpty }
    var rows = [["when", "", "took", "threads", "memory", "key"] + (hasOptions ? ["set", "why"] : ["why"])]
    for entry in past {
      let why = entry.reasons + (entry.message.map { ["→ " + String($0.prefix { $0 != "\n" })] } ?? [])
      var row: [String] = [
        entry.time, entry.event, entry.seconds.map(duration) ?? "", entry.threads.map(String.init) ?? "",
        entry.peakMemory.map(formatBytes) ?? "", entry.key.map { String($0.prefix(12)) } ?? "",
      ]
      if hasOptions { row.append(Self.text(entry.set)) }
      rows.append(row + [why.joined(separator: "; ")])
    }
    printColumns(rows)
    for entry in past {
      if let program = entry.madeBy, let key = entry.key {
        print("\(key.prefix(12)) made by \(program.text)")
      }
    }
  }
}
