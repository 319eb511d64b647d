// `pipeline timeline`: a run as a picture.

import ArgumentParser
import PipelineExecution

struct TimelineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "timeline", abstract: "Draws a run as SVG: a lane a core, a bar a node, a colour a stage.")

  @Argument(
    help: "A run: its name in 'pipeline log', a pipeline (its latest run), or NAME~1 (the one before).")
  var name: String
  @OptionGroup var cache: CacheOptions

  func run() throws {
    let record = try RunHistory(cache: cache.cache).required(name)
    guard !record.nodes.isEmpty else {
      printError("error: nothing was run in \(record.id)")
      throw Exit.failed
    }
    print(Timeline(record).svg, terminator: "")
  }
}

extension RunHistory {
  /// The run that a text means; ends the program with exit code 66 where there is none.
  func required(_ text: String) throws -> RunRecord {
    if let record = find(text) { return record }
    printError("error: no run is called '\(text)'")
    printError(
      "  note: 'pipeline log' lists the runs; a pipeline's name stands for its latest, NAME~1 for the one before"
    )
    throw Exit.unavailable
  }
}
