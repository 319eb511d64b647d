// The command line: one executable, its subcommands, and the options that they share.

import ArgumentParser
import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import PipelineFile
import Stages

@main
struct PipelineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Runs pipelines of cached stages, and only those stages whose inputs changed.",
    discussion: """
      A pipeline is a file pipelines/NAME.yaml; NAME may also be a path. Each stage is a node that writes one \
      HDF5 artifact into the cache, under a key of its parameters and inputs.

      Exit codes: 0 done; 1 a stage failed; 64 wrong usage; 65 wrong pipeline file or parameter; 66 an input \
      that can't be had; 130 interrupted.
      """,
    version: "0.1.0",
    subcommands: [
      RunCommand.self, PlanCommand.self, ExplainCommand.self, StatusCommand.self, PathCommand.self,
      TableCommand.self, PicturesCommand.self, StagesCommand.self, GraphCommand.self, LogCommand.self,
      CompareCommand.self, TimelineCommand.self, CacheCommand.self,
      FetchCommand.self, WorkerCommand.self,
    ])

  static func main() {
    endIdleThreads()
    main(nil)
  }
}

/// Ends the threads that OpenBLAS starts when it is loaded. Nothing here computes outside of workers, and until
/// they fall asleep the threads take a core from whatever has to be done first. OpenBLAS starts them anew should
/// it need them; one that is built without threads has no such function.
private func endIdleThreads() {
  guard let symbol = dlsym(nil, "blas_thread_shutdown_") else { return }
  _ = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
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
    help: "A pipeline: NAME for pipelines/NAME.yaml, or a path.", completion: .custom(completePipelines))
  var name: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Sets a parameter or an axis of the file (repeat=50), or a stage's parameter (influence.damping=0.1).",
      valueName: "key=value"))
  var overrides: [String] = []

  /// Reads the file, or ends the program with its errors and exit code 65.
  func load() throws -> PipelineDocument {
    let path = try self.path()
    do throws(PipelineFileErrors) {
      return try PipelineFile.load(
        path: path, stages: allStages.declarations, overrides: overrides, hashFile: digestOfFile)
    } catch {
      for diagnostic in error.diagnostics { printError(diagnostic.description) }
      throw Exit.wrongFile
    }
  }

  func path() throws -> String {
    let path =
      name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
      ? name : "pipelines/\(name).yaml"
    if FileManager.default.fileExists(atPath: path) { return path }
    printError("error: there is no pipeline file \(path)")
    printError("  note: \(suggestion(for: name, among: pipelineNames(), of: "pipelines"))")
    throw Exit.unavailable
  }
}

/// The pipelines of the current folder.
func pipelineNames() -> [String] {
  let files = (try? FileManager.default.contentsOfDirectory(atPath: "pipelines")) ?? []
  return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
}

private func completePipelines(_: [String], _: Int, _: String) -> [String] { pipelineNames() }

/// Where results are kept.
struct CacheOptions: ParsableArguments {
  @Option(
    name: .customLong("cache"),
    help: ArgumentHelp("The cache folder (default: $PIPELINE_CACHE, or cache).", valueName: "dir"),
    completion: .directory)
  var directory: String?

  func validate() throws {
    if directory?.isEmpty == true { throw ValidationError("--cache takes a folder, not an empty name") }
  }

  var cache: CacheStore {
    // An empty variable means the same as none; an empty name would be the current folder.
    let variable = ProcessInfo.processInfo.environment["PIPELINE_CACHE"].flatMap { $0.isEmpty ? nil : $0 }
    return CacheStore(root: directory ?? variable ?? "cache")
  }
}

/// A pipeline, its keys, and the cache that they are looked up in.
struct Session {
  let document: PipelineDocument
  let cache: CacheStore
  let keys: PlanKeys
  var plan: Plan { document.plan }

  init(_ pipeline: PipelineOptions, _ cache: CacheOptions) throws {
    document = try pipeline.load()
    self.cache = cache.cache
    keys = document.plan.planKeys()
  }

  /// The nodes that names mean, all of them for none; an unknown name ends the program with exit code 65.
  func nodes(_ names: [String]) throws -> [NodeID] {
    if names.isEmpty { return Array(plan.ids) }
    return try names.flatMap { name in
      let found = plan.nodes(named: name)
      if found.isEmpty {
        printError("error: pipeline \(plan.name) has no node or stage '\(name)'")
        let candidates = plan.stages.map(\.name) + (name.contains("[") ? plan.nodes.map(\.name) : [])
        if let near = nearest(to: name, among: candidates) {
          printError("  note: did you mean '\(near)'?")
        } else {
          printError("  note: stages: \(plan.stages.map(\.name).joined(separator: ", "))")
        }
        throw Exit.wrongFile
      }
      return found
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
