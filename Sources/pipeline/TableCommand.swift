// `pipeline table`: the result table of a pipeline, in the form that its reader needs.

import ArgumentParser
import Foundation
import PipelineCore
import PipelineExecution
import Stages

extension TableReport.Format: ExpressibleByArgument {}

struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "Prints the result table of a pipeline that has been run.",
    discussion: """
      With --format json, each cell names the nodes behind it; 'pipeline path' gives their files. Several tables \
      are then one map by their nodes' names.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A table's node (default: all tables).", completion: Complete.nodes) var nodes: [String] =
    []
  @Option(help: "text, markdown, csv or json.") var format = TableReport.Format.text

  func run() throws {
    let session = try Session(pipeline, cache)
    let tables = try session.nodes(nodes).filter {
      TableReport.stages.contains(session.plan.stage(of: $0).declaration.name)
    }
    guard !tables.isEmpty else {
      printError("error: pipeline \(session.plan.name) has no table; add a stage of type 'table' to it")
      throw Exit.wrongFile
    }
    let resolution = Resolution(plan: session.plan, keys: session.keys, cache: session.cache)
    var texts: [(name: String, text: String)] = []
    for id in tables {
      guard let artifact = resolution.artifact(id) else {
        printError("\(session.plan[id].name) is not up to date; first: \(pipeline.runCommand)")
        throw Exit.failed
      }
      texts.append((session.plan[id].name, try session.table(id, artifact).render(format)))
    }
    if format == .json, texts.count > 1 {
      // One document whatever their number; a node's name has no character that JSON escapes.
      let members = texts.map { "\"\($0.name)\" : \($0.text.trimmingCharacters(in: .newlines))" }
      print("{\n" + members.joined(separator: ",\n") + "\n}")
    } else {
      for table in texts { print(table.text) }
    }
  }
}

extension Session {
  /// A table, each row with the nodes behind it: those upstream of it that are at its own axis values.
  func table(_ id: NodeID, _ artifact: Artifact) throws -> TableReport {
    let rows = plan.predecessors(of: id).map { member in
      var seen: Set<Int> = [member.index]
      var stack = [member]
      while let next = stack.popLast() {
        for source in plan.predecessors(of: next)
        where !plan[source].axes.isEmpty && seen.insert(source.index).inserted {
          stack.append(source)
        }
      }
      return seen.sorted().map { plan.nodes[$0].name }
    }
    return try TableReport(file: file(of: id, artifact), parameters: plan[id].parameters, nodes: rows)
  }
}
