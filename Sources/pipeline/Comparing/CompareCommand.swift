// `pipeline compare`: what differs between two runs or two pipelines, in parameters and in metrics.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Stages

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compares two runs or two pipelines: parameters by stage, and metrics.",
    discussion: """
      Each side is a pipeline (NAME or a path, as the cache has it now) or a run (its name in 'pipeline log', or \
      NAME~0 for the latest run of a pipeline, NAME~1 for the one before).
      """)

  @Argument(help: "The first run or pipeline.") var first: String
  @Argument(help: "The second run or pipeline.") var second: String
  @OptionGroup var cache: CacheOptions
  @Option(help: "At most so many characters a line (default: as wide as the terminal; without one, any).")
  var width: Int?
  @Option(help: "At most so many lines (default: as high as the terminal; without one, any).") var lines: Int?
  @Flag(help: "Prints JSON, with all that differs.") var json = false

  func validate() throws {
    if let width, width < 20 { throw ValidationError("--width takes 20 characters or more, not \(width)") }
    if let lines, lines < 5 { throw ValidationError("--lines takes 5 lines or more, not \(lines)") }
  }

  private struct ParameterChange: Encodable {
    var stage: String
    var parameter: String
    var first: String?
    var second: String?
  }

  struct MetricChange: Encodable {
    var node: String
    var row: String
    var metric: String
    var first: Double?
    var second: Double?
  }

  private struct Answer: Encodable {
    var first: String
    var second: String
    var parameters: [ParameterChange]
    var metrics: [MetricChange]
    var sameMetrics: Int
    var missing: [String]
  }

  func run() throws {
    let sides = try [first, second].map { try ComparedSide($0, cache, stages: ArtifactMetrics.stages) }
    let parameters = parameterChanges(sides[0], sides[1])
    let (metrics, same) = try metricChanges(sides[0], sides[1])
    let missing = sides.flatMap { side in side.missing.map { "\(side.label): \($0)" } }
    if json {
      return try printJSON(
        Answer(
          first: sides[0].label, second: sides[1].label, parameters: parameters, metrics: metrics,
          sameMetrics: same,
          missing: missing))
    }
    let page = ComparisonPage(
      width: width ?? Terminal.width, lines: lines ?? Terminal.height.map { $0 - 1 },
      title: "\(sides[0].label) → \(sides[1].label)",
      parameters: parameters.map {
        "\($0.stage).\($0.parameter): \($0.first ?? "(none)") → \($0.second ?? "(none)")"
      },
      metrics: metrics, same: same, missing: missing)
    print(page.text)
  }

  private func parameterChanges(_ a: ComparedSide, _ b: ComparedSide) -> [ParameterChange] {
    var changes: [ParameterChange] = []
    for stage in Set(a.parameters.keys).union(b.parameters.keys).sorted() {
      let (old, new) = (a.parameters[stage], b.parameters[stage])
      if (old == nil) != (new == nil) {
        changes.append(
          ParameterChange(
            stage: stage, parameter: "(stage)", first: old.map { _ in "there" },
            second: new.map { _ in "there" }))
        continue
      }
      for name in Set(old?.keys.map { $0 } ?? []).union(new?.keys.map { $0 } ?? []).sorted()
      where old?[name] != new?[name] {
        changes += details(stage, name, old?[name], new?[name], a, b).map {
          ParameterChange(stage: stage, parameter: $0.name, first: $0.old, second: $0.new)
        }
      }
    }
    return changes
  }

  /// The parts of a parameter that differ, or the files within a folder that do.
  private func details(
    _ stage: String, _ name: String, _ old: String?, _ new: String?, _ a: ComparedSide, _ b: ComparedSide
  ) -> [PartChange] {
    guard name.hasPrefix(Plan.contentPrefix) else {
      return PartChange.changes(ofAll: name, old, new, b.traces[stage]?[name] ?? a.traces[stage]?[name])
    }
    let path = String(name.dropFirst(Plan.contentPrefix.count))
    let folder = b.folder ?? a.folder ?? "."
    let changes = FolderChanges(cache.cache).changes(
      at: path, old.flatMap { Digest(hex: $0) }, new.flatMap { Digest(hex: $0) },
      place: path.hasPrefix("/") ? path : folder + "/" + path)
    return changes.map { change in
      PartChange(
        name: Plan.contentPrefix + change.path, old: change.old.map { String($0.hex.prefix(12)) },
        new: change.new.map { String($0.hex.prefix(12)) })
    }
  }

  /// Of tables where both sides have one, of single evaluations otherwise: a table says the same in fewer
  /// lines.
  private func metricChanges(_ a: ComparedSide, _ b: ComparedSide) throws -> (
    changes: [MetricChange], same: Int
  ) {
    var changes: [MetricChange] = []
    var same = 0
    let common = Set(a.files.keys).intersection(b.files.keys).sorted()
    let metrics = try common.compactMap { node -> (String, ArtifactMetrics, ArtifactMetrics)? in
      guard let old = try read(a.files[node]), let new = try read(b.files[node]) else { return nil }
      return (node, old, new)
    }
    let tables = metrics.filter { !$0.1.rows.keys.contains("") }
    for (node, old, new) in tables.isEmpty ? metrics : tables {
      for row in Set(old.rows.keys).union(new.rows.keys).sorted() {
        let (before, after) = (old.rows[row] ?? [:], new.rows[row] ?? [:])
        for metric in Set(before.keys).union(after.keys).sorted() {
          let (first, second) = (before[metric], after[metric])
          if first == second {
            same += 1
          } else {
            changes.append(
              MetricChange(
                node: node, row: row, metric: metric, first: finite(first?.mean), second: finite(second?.mean)
              ))
          }
        }
      }
    }
    return (changes, same)
  }

  private func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }

  private func read(_ file: String?) throws -> ArtifactMetrics? {
    guard let file else { return nil }
    do {
      return try ArtifactMetrics(file: file)
    } catch {
      printError("error: \(error)")
      throw Exit.failed
    }
  }
}
