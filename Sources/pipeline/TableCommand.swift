// `pipeline table`: the result table of a pipeline, in the form that its reader needs.

import ArgumentParser
import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution
import ResultTables
import Stages
import Wording

extension TableReport.Format: ExpressibleByArgument {}

struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "Prints the result table of a pipeline that has been run.",
    discussion: """
      On a terminal, a table that is wider than it goes on in blocks below, or is turned.

      With --format json, each cell names the nodes behind it; 'pipeline path' gives their files. Several tables \
      are then one map by their nodes' names.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A table's node (default: all tables).", completion: Complete.nodes) var nodes: [String] =
    []
  @Option(help: "text, markdown, csv or json.") var format = TableReport.Format.text
  @Option(
    help: ArgumentHelp(
      "Text has at most this many columns (default: those of the terminal).", valueName: "columns"))
  var width: Int?
  @Option(
    help: ArgumentHelp(
      "Only these columns: values of the axis across, or names; a comma between two.", valueName: "names"))
  var columns: String?
  @Option(help: ArgumentHelp("Only these rows: labels, or other values that go down.", valueName: "names"))
  var rows: String?
  @Option(
    help: ArgumentHelp(
      "Other figures than the file's: words of the parameter 'metrics' of 'table'.", valueName: "names"))
  var metrics: String?

  func validate() throws {
    if let width, width < 20 { throw ValidationError("--width takes an integer ≥ 20, not \(width)") }
    if width != nil, format != .text {
      throw ValidationError("--width is of text; \(format.rawValue) has no width")
    }
  }

  private var selection: TableReport.Selection {
    func list(_ text: String?) -> [String] {
      (text ?? "").split(separator: ",").map { trimmed($0) }
    }
    return TableReport.Selection(columns: list(columns), rows: list(rows), metrics: list(metrics))
  }

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
        printError("\(session.plan[id].name) is not up to date; first: \(pipeline.runCommand(cache))")
        throw Exit.failed
      }
      texts.append((session.plan[id].name, try text(of: id, artifact, session)))
    }
    if format == .json, texts.count > 1 {
      // One document whatever their number; a node's name has no character that JSON escapes.
      let members = texts.map { "\"\($0.name)\" : \($0.text.dropLast())" }
      print("{\n" + members.joined(separator: ",\n") + "\n}")
    } else {
      for table in texts { print(table.text) }
    }
  }
}

extension TableCommand {
  private func text(of id: NodeID, _ artifact: Artifact, _ session: Session) throws -> String {
    do {
      return try session.table(id, artifact, selection).render(format, width: width ?? Terminal.width)
    } catch let error as TableSelectionError {
      printError("error: \(session.plan[id].name): \(error)")
      throw Exit.wrongUsage
    }
  }
}

/// The terminal that standard output goes to.
enum Terminal {
  /// How many characters stand on a line of it; nil where the output goes elsewhere.
  static var width: Int? { size.flatMap { $0.ws_col > 0 ? Int($0.ws_col) : nil } }

  /// How many lines it has; nil where the output goes elsewhere.
  static var height: Int? { size.flatMap { $0.ws_row > 0 ? Int($0.ws_row) : nil } }

  private static var size: winsize? {
    var size = winsize()
    guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
    return size
  }
}

extension Session {
  /// A table, each row with the nodes behind it: those upstream of it that are at its own axis values.
  func table(
    _ id: NodeID, _ artifact: Artifact, _ selection: TableReport.Selection = TableReport.Selection()
  ) throws -> TableReport {
    let rows = plan.nodesBehindInputs(of: id).map { $0.map { plan[$0].name } }
    return try TableReport(
      file: file(of: id, artifact), parameters: plan[id].parameters, nodes: rows, selection: selection)
  }
}
