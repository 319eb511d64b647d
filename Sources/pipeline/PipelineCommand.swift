// The command line: one executable, its subcommands, and the options that they share.

import ArgumentParser
import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution
import PipelineFile
import Stages
import Wording

@main
struct PipelineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Runs pipelines of cached stages, and only those stages whose inputs changed.",
    discussion: """
      A pipeline is a file NAME.yaml in the folder pipelines or in one within it; NAME may also be a path. Each stage is a node that writes one \
      HDF5 artifact into the cache, under a key of its parameters and inputs.

      Exit codes: 0 done; 1 a stage failed; 64 wrong usage; 65 wrong pipeline file or parameter; 66 an input \
      that can't be had; 130 interrupted.
      """,
    version: "0.1.0",
    subcommands: [
      RunCommand.self, PlanCommand.self, ExplainCommand.self, StatusCommand.self, PathCommand.self,
      InitCommand.self, TableCommand.self, ReportCommand.self, ServeCommand.self, PicturesCommand.self,
      StagesCommand.self,
      GraphCommand.self, LogCommand.self, LogsCommand.self, ExportCommand.self, CatCommand.self,
      ImportCommand.self, CompareCommand.self, TimelineCommand.self, CacheCommand.self,
      SubmitCommand.self, CampaignsCommand.self, CancelCommand.self, PilotCommand.self,
      FetchCommand.self, WorkerCommand.self,
    ])

  static func main() {
    StandardOutput.watch()
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["--version"] { return print(configuration.version) }
    if PlainRun(arguments)?.isAnswered() == true { return }
    Habits.main(PilotCommand.words(arguments) ?? arguments)
  }
}

/// The exit codes of the contract, beyond 0.
enum Exit {
  static let failed = ExitCode(1)
  static let wrongUsage = ExitCode(64)
  static let wrongFile = ExitCode(65)
  static let unavailable = ExitCode(66)
  static let interrupted = ExitCode(130)
}

/// Writes to standard error. A reader that went away is no reason to stop, and `FileHandle` would crash.
func printError(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Writes JSON with sorted keys to standard output.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Which pipeline, with which parameters.
struct PipelineOptions: ParsableArguments {
  @Argument(
    help: "A pipeline: NAME for pipelines/…/NAME.yaml, or a path.", completion: .custom(completePipelines))
  var name: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Sets a parameter or an axis of the file (repeat=50), or a stage's parameter (influence.damping=0.1).",
      valueName: "key=value"),
    completion: Complete.overrides)
  var overrides: [String] = []

  /// Reads the file, or ends the program with its errors and exit code 65.
  ///
  /// - Parameters:
  ///   - cache: Where digests of large files are remembered.
  ///   - remembering: Whether what is read now may be written down there.
  ///   - onProgram: Is told the file of each tracked program.
  func load(
    _ cache: CacheStore? = nil, remembering: Bool = false, onProgram: (String) -> Void = { _ in }
  ) throws -> PipelineDocument {
    let path = try self.path()
    func hashFile(_ path: String) throws -> Digest {
      try cache?.digest(ofFile: path, remembering: remembering) ?? digestOfFile(path)
    }
    do throws(PipelineFileErrors) {
      let document = try PipelineFile.load(
        path: path, stages: allStages.declarations, overrides: overrides, hashFile: hashFile,
        ask: { question in
          if let file = TrackedPrograms.file(of: question) { onProgram(file) }
          return try TrackedPrograms.answer(question, hashFile: hashFile)
        })
      for warning in document.warnings { printError(warning.description) }
      return document
    } catch {
      for diagnostic in error.diagnostics { printError(diagnostic.description) }
      throw Exit.wrongFile
    }
  }

  func path() throws -> String { try PipelineFolder.path(of: name) }

  /// The command that brings this pipeline, with its options, up to date in a cache.
  func runCommand(_ cache: CacheOptions) -> String { "pipeline run \(words)\(cache.words)" }

  /// The words by which a command names this pipeline, quoted for a shell.
  var words: String { Self.words(name, overrides) }

  /// The words by which a command names a pipeline with `--set` options, quoted for a shell.
  static func words(_ name: String, _ overrides: [String]) -> String {
    ([name] + overrides.flatMap { ["--set", $0] }).map(quoted).joined(separator: " ")
  }

  /// A word as a shell takes it whole.
  static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "_-=./:,+@%".utf8.contains(byte)
      }
    }
    return isPlain && !word.isEmpty ? word : "'" + replaced(word, "'", with: "'\\''") + "'"
  }
}

func completePipelines(_: [String], _: Int, _: String) -> [String] { PipelineFolder().names }

/// Where results are kept.
struct CacheOptions: ParsableArguments {
  @Option(
    name: .customLong("cache"),
    help: ArgumentHelp(
      "The cache folder (default: $PIPELINE_CACHE, or cache in the project's root).", valueName: "dir"),
    completion: .directory)
  var directory: String?

  func validate() throws {
    if directory?.isEmpty == true { throw ValidationError("--cache takes a folder, not an empty name") }
  }

  var cache: CacheStore { Self.store(directory) }

  /// The words by which a command names the cache, after a space; nothing for the one that it takes by itself.
  var words: String { Self.words(for: cache) }

  static func words(for cache: CacheStore) -> String {
    cache.root == store(nil).root ? "" : " --cache \(PipelineOptions.quoted(cache.root))"
  }

  /// What names the cache; nil where nothing does.
  var source: String? { directory != nil ? "--cache" : Self.variable != nil ? "PIPELINE_CACHE" : nil }

  /// An empty variable means the same as none; an empty name would be the current folder.
  private static var variable: String? {
    getenv("PIPELINE_CACHE").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The cache in a folder, or where it is if none is named.
  static func store(_ directory: String?) -> CacheStore {
    CacheStore(root: directory ?? variable ?? Project.path("cache"))
  }
}

/// A pipeline, its keys, and the cache that they are looked up in.
struct Session {
  let document: PipelineDocument
  let cache: CacheStore
  let keys: PlanKeys
  /// The files of tracked programs.
  let programs: [String]
  var plan: Plan { document.plan }

  /// - Parameter remembering: Whether the digests of large files may be written down in the cache.
  init(_ pipeline: PipelineOptions, _ cache: CacheOptions, remembering: Bool = false) throws {
    self.cache = cache.cache
    var programs: Set<String> = []
    document = try pipeline.load(self.cache, remembering: remembering) { programs.insert($0) }
    self.programs = programs.sorted()
    keys = document.plan.planKeys()
  }

  /// The nodes that names mean, all of them for none; an unknown name ends the program with exit code 65.
  func nodes(_ names: [String]) throws -> [NodeID] {
    if names.isEmpty { return Array(plan.ids) }
    return try names.flatMap { name in
      do throws(NodePatternError) {
        return try plan.nodes(matching: name)
      } catch {
        printError("error: \(error.message)")
        for note in error.notes { printError("  note: \(note)") }
        if PipelineFolder().names.contains(name) {
          printError("  note: '\(name)' is a pipeline; a command takes one, and then nodes of it")
        }
        throw Exit.wrongFile
      }
    }
  }

  /// The file of an artifact of this pipeline, its bytes checked; a damaged one ends the program with exit code 1.
  func file(of id: NodeID, _ artifact: Artifact) throws -> String {
    if let file = cache.checkedFile(of: artifact) { return file }
    printError(
      "error: the artifact of \(plan[id].name) is damaged: \(cache.file(of: artifact)); run the pipeline again"
    )
    throw Exit.failed
  }

  /// The one node that a name means.
  func node(_ name: String) throws -> NodeID {
    let found = try nodes([name])
    guard found.count == 1 else {
      printError("error: '\(name)' means \(found.count) nodes; name one, such as '\(plan[found[0]].name)'")
      throw Exit.wrongFile
    }
    return found[0]
  }
}
