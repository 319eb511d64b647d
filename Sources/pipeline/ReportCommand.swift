// `pipeline report`: pipelines as one HTML file.

import ArgumentParser
import Foundation
import PipelineExecution
import Programs
import Report

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes one HTML file that shows pipelines: verdict, tables, figures, stages, time.",
    discussion: """
      The file needs no network and nothing beside it. It shows what is up to date in the cache, and says what is not. \
      --set applies to each of the pipelines.
      """)

  @Argument(
    help: "Pipelines: NAME for pipelines/…/NAME.yaml, or a path.", completion: .custom(completePipelines))
  var names: [String]
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Sets a parameter or an axis of the files, as for run.", valueName: "key=value"),
    completion: Complete.overrides)
  var overrides: [String] = []
  @OptionGroup var cache: CacheOptions
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write (default: NAME.html).", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var output: String?

  func run() throws {
    let pipelines = try names.map { name in
      let options = try PipelineOptions.parse([name] + overrides.flatMap { ["--set", $0] })
      return ReportedPipeline(document: try options.load(), cache: cache.cache, words: options.words)
    }
    let report: String
    do {
      report = try Report(pipelines, origin: Self.origin()).html()
    } catch {
      printError("error: \(error)")
      throw Exit.failed
    }
    let path = output ?? pipelines[0].document.plan.name + ".html"
    do {
      try Data(report.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      printError("error: can't write \(path): \(error.localizedDescription)")
      throw Exit.unavailable
    }
    print(path)
  }

  /// The checkout that the project's root is in, as git tells it; without git, or outside of a checkout, none.
  private static func origin() -> ReportOrigin {
    func git(_ arguments: String...) -> String? {
      let program = Program(["git", "-C", Project.root] + arguments, output: .pipe, errors: .nothing)
      guard let child = try? program.start() else { return nil }
      let (ending, output, _) = child.communicate()
      return ending.isSuccess
        ? String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) : nil
    }
    let changes = git("status", "--porcelain", "--untracked-files=no")
    return ReportOrigin(
      version: PipelineCommand.configuration.version, commit: git("rev-parse", "HEAD"),
      isChanged: changes?.isEmpty == false)
  }
}
