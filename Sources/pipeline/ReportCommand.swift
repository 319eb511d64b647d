// `pipeline report`: pipelines as one HTML file.

import ArgumentParser
import FoundationEssentials
import PipelineExecution
import Programs
import Report
import Wording

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
    help: ArgumentHelp(
      "Compares with a run (its name in 'pipeline log', or NAME~1) or with another pipeline.",
      valueName: "run"))
  var against: String?
  @Option(
    help: ArgumentHelp(
      "Makes a folder (RO-Crate 1.1) with the report, the pipeline files and all results that are up to date.",
      valueName: "dir"),
    completion: .directory)
  var crate: String?
  @Option(
    help: ArgumentHelp(
      "The licence that the crate names: its address, or words.", valueName: "licence"))
  var license = Crate.noLicense
  @Option(
    name: .customLong("author"),
    help: ArgumentHelp(
      "Of the crate, repeatable: 'NAME <MAIL or ORCID>; ORGANISATION <ADDRESS>', all but the name optional (default: git's user).",
      valueName: "who"))
  var authors: [String] = []
  @Option(help: ArgumentHelp("Of the crate: 'NAME <ADDRESS>' of an organisation.", valueName: "who"))
  var publisher: String?
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write (default: NAME.html).", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var output: String?

  func validate() throws {
    if crate == nil, !authors.isEmpty || publisher != nil {
      throw ValidationError("--author and --publisher are of a crate; give --crate, too")
    }
    if against != nil, names.count > 1 {
      throw ValidationError("--against compares one pipeline, not \(names.count)")
    }
    if crate != nil, output != nil {
      throw ValidationError("--crate puts the report into the crate; leave -o out")
    }
  }

  func run() throws {
    let pipelines = try names.map { name in
      let options = try PipelineOptions.parse([name] + overrides.flatMap { ["--set", $0] })
      return ReportedPipeline(document: try options.load(), cache: cache.cache, words: options.words)
    }
    let reference = try against.map { text in
      let side = try ComparedSide(text, cache, stages: ReportReference.stages)
      for node in side.missing { printError("no artifact: \(side.label): \(node)") }
      return ReportReference(
        label: side.label, parameters: side.parameters, files: side.files, places: side.places)
    }
    let report: String
    do {
      report = try Report(pipelines, origin: Self.origin(), against: reference).html()
    } catch {
      printError("error: \(error)")
      throw Exit.failed
    }
    if let crate { return try make(crate, pipelines, report) }
    let path = output ?? pipelines[0].document.plan.name + ".html"
    try writing(path) { try Data(report.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) }
    print(path)
  }

  /// Fills a new folder: what stands in an old one might not be what the metadata says.
  private func make(_ folder: String, _ pipelines: [ReportedPipeline], _ report: String) throws {
    let files = FileManager.default
    guard !files.fileExists(atPath: folder) else {
      printError("error: \(folder) is there already; name a folder that is not")
      throw Exit.unavailable
    }
    let crate = Crate(pipelines, origin: Self.origin())
    try writing(folder) {
      for part in crate.parts {
        let target = folder + "/" + part.path
        try files.createDirectory(
          atPath: target.parentFolder, withIntermediateDirectories: true)
        try files.copyItem(atPath: part.source, toPath: target)
      }
      try Data(report.utf8).write(to: URL(fileURLWithPath: folder + "/" + Crate.report))
      try crate.json(license: license, people: people()).write(
        to: URL(fileURLWithPath: folder + "/" + Crate.metadata))
    }
    print(folder)
  }

  /// Those that are named; without authors whoever git says works here.
  private func people() -> Crate.People {
    var authors = self.authors
    if authors.isEmpty, let name = Self.git("config", "user.name") {
      authors = [name + (Self.git("config", "user.email").map { " <\($0)>" } ?? "")]
    }
    return Crate.People(
      authors: authors.map { Crate.People.Party($0) }, publisher: publisher.map { Crate.People.Party($0) })
  }

  private func writing(_ path: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      printError("error: can't write \(path): \(reason(of: error))")
      throw Exit.unavailable
    }
  }

  private static func git(_ arguments: String...) -> String? {
    let program = Program(["git", "-C", Project.root] + arguments, output: .pipe, errors: .nothing)
    guard let child = try? program.start() else { return nil }
    let (ending, output, _) = child.communicate()
    return ending.isSuccess
      ? String(decoding: output, as: UTF8.self).split(separator: "\n").joined(separator: "\n") : nil
  }

  /// The checkout that the project's root is in, as git tells it; without git, or outside of a checkout, none.
  static func origin() -> ReportOrigin {
    let changes = git("status", "--porcelain", "--untracked-files=no")
    return ReportOrigin(
      version: PipelineCommand.configuration.version, commit: git("rev-parse", "HEAD"),
      isChanged: changes?.isEmpty == false)
  }
}
