// `pipeline export` and `pipeline cat`: the files of nodes in a folder of the user's, or one on standard output.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import PipelineFile
import Wording

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes the files of commands, pictures and tables (CSV) into a folder, with an index.",
    discussion: """
      The files of command 'fit[seed=1]' go to fit-seed=1/, a picture or a table to one file of that name. \
      index.json lists all, with node, axes, size and SHA-256. Files that were changed since, or that are none of \
      the program's, are left alone: then the exit code is 1, as it is if a node is not up to date. Files that \
      an earlier export left, and that are made no more, go.

      With --closure, the results of the nodes and of all that they stand on go into one file, for 'pipeline import' on \
      another machine.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(
    help: "Nodes, stages or patterns, such as 'fit[seed<3]' (default: all with files).",
    completion: Complete.nodes)
  var nodes: [String] = []
  @Option(help: ArgumentHelp("The folder; it is made if need be.", valueName: "dir"), completion: .directory)
  var into: String?
  @Option(
    help: ArgumentHelp("The file for all results, instead of a folder for some files.", valueName: "file"),
    completion: .file())
  var closure: String?
  @Flag(help: "Writes the HDF5 artifacts, too.") var artifacts = false
  @Flag(help: "Replaces files that were changed, or that are none of the program's.") var overwrite = false

  func validate() throws {
    if into?.isEmpty == true { throw ValidationError("--into takes a folder, not an empty name") }
    if closure?.isEmpty == true { throw ValidationError("--closure takes a file, not an empty name") }
    if (into == nil) == (closure == nil) {
      throw ValidationError("export takes either --into and a folder, or --closure and a file")
    }
    if closure != nil, artifacts || overwrite {
      throw ValidationError("--artifacts and --overwrite are for --into; a closure has all artifacts")
    }
  }

  func run() throws {
    let session = try Session(pipeline, cache)
    if let closure {
      return try session.writeClosure(closure, try session.nodes(nodes), first: pipeline.runCommand(cache))
    }
    let into = into ?? ""
    let export = Export(
      session: session, folder: into, nodes: try session.nodes(nodes), withArtifacts: artifacts,
      isChosen: !nodes.isEmpty)
    let outcome = try export.carryOut(overwrites: overwrite)
    print("\(counted(outcome.files, "file")) in \(into)")
    if !outcome.missing.isEmpty {
      printError(
        "not up to date: \(outcome.missing.joined(separator: ", ")); first: \(pipeline.runCommand(cache))")
    }
    guard outcome.missing.isEmpty, outcome.conflicts.isEmpty else { throw Exit.failed }
  }
}

/// Nodes whose files go into a folder.
struct Export {
  let session: Session
  let folder: String
  let nodes: [NodeID]
  var withArtifacts = false
  /// Whether the artifact stands for nodes that have no other files.
  var withArtifactsOfOthers = false
  /// Whether a run leaves them there by itself, as 'publish' says.
  var isPublication = false
  /// Whether somebody has named these nodes, so that one without files is an error.
  var isChosen = true

  struct Outcome {
    var files = 0
    var changes = 0
    /// Nodes that are not up to date.
    var missing: [String] = []
    /// Those of them of which the folder keeps files of an earlier export.
    var former: [String] = []
    var conflicts: [String] = []
  }

  /// Writes what is not there yet. What can't be done ends the program with exit code 66; conflicts are told.
  func carryOut(overwrites: Bool) throws -> Outcome {
    let plan = session.plan
    let shown = nodes.filter {
      withArtifacts || withArtifactsOfOthers || NodeFiles.has(plan.stage(of: $0).declaration.name)
    }
    guard !shown.isEmpty else {
      let what = isChosen ? "these nodes have" : "pipeline \(plan.name) has"
      printError("error: \(what) no files to export: no command, picture or table")
      printError("  note: with --artifacts the HDF5 files of all stages are exported")
      throw Exit.wrongFile
    }
    do {
      return try write(shown, overwrites: overwrites)
    } catch let code as ExitCode {
      throw code
    } catch {
      printError("error: \(error)")
      throw Exit.unavailable
    }
  }

  private func write(_ shown: [NodeID], overwrites: Bool) throws -> Outcome {
    let plan = session.plan
    let (place, cache) = (Self.steps(of: folder), Self.steps(of: session.cache.root))
    if place.starts(with: cache) {
      let what = place == cache ? "is the cache itself" : "lies in the cache \(session.cache.root)"
      throw ExportError(
        description: "\(folder) \(what), which is the program's own; choose a folder outside of it")
    }
    let target = try ExportFolder(folder, overwrites: overwrites)
    let resolution = Resolution(plan: plan, keys: session.keys, cache: session.cache)
    let names = Self.fileNames(of: plan)
    var outcome = Outcome()
    for id in shown {
      guard let artifact = resolution.artifact(id) else {
        outcome.missing.append(plan[id].name)
        continue
      }
      let isBare = !NodeFiles.has(plan.stage(of: id).declaration.name)
      let files = try NodeFiles(
        of: id, artifact, called: names[id.index], in: session,
        withArtifact: withArtifacts || withArtifactsOfOthers && isBare)
      for file in files.files {
        outcome.files += 1
        try target.put(entry(file, of: id, artifact)) { try file.write(to: $0) }
      }
    }
    let written = Set(shown.map { plan[$0].name })
    let all = Set(plan.nodes.map(\.name))
    let missing = Set(outcome.missing)
    var former: Set<String> = []
    try target.finish { file in
      if file.pipeline == plan.name, missing.contains(file.node) { former.insert(file.node) }
      // What is not up to date has not gone; and what was not asked for this time stays while its node does.
      return file.pipeline != plan.name || missing.contains(file.node)
        || all.contains(file.node) && !written.contains(file.node)
    }
    outcome.former = outcome.missing.filter(former.contains)
    outcome.changes = target.changes
    outcome.conflicts = target.conflicts
    // A run has no option for it: what it publishes is a copy, and a user's own file may have no other.
    let way =
      isPublication ? "move it away, and the next run puts the result there" : "--overwrite replaces it"
    for conflict in outcome.conflicts { printError("error: \(conflict); it was left as it is; \(way)") }
    return outcome
  }

  /// The names on the way to a place, links followed as far as there is something.
  private static func steps(of path: String) -> [String] {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.pathComponents
  }

  private func entry(_ file: NodeFiles.File, of id: NodeID, _ artifact: Artifact) -> ExportedFile {
    let node = session.plan[id]
    return ExportedFile(
      path: file.exported, bytes: 0, sha256: "", pipeline: session.plan.name, node: node.name,
      stage: session.plan.stage(of: id).declaration.name,
      axes: Dictionary(node.axes.map { ($0.axis, $0.value.plainText) }) { first, _ in first },
      key: artifact.action.hex, content: artifact.content.hex)
  }

  /// What each node of a plan is called among files, whichever of them are exported.
  private static func fileNames(of plan: Plan) -> [String] {
    var taken: Set<String> = [ExportFolder.indexName.withoutFileEnding]
    return plan.nodes.map { PicturesCommand.fileName($0.name, besides: &taken) }
  }
}

struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "Prints one file of a node on standard output.",
    discussion: """
      A file of a command is called as in its outputs; a picture picture.svg or picture.png; a table table.csv; the \
      artifact itself artifact.h5.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A node, such as 'fit[seed=1]'.", completion: Complete.nodes) var node: String
  @Argument(help: "The file.") var file: String

  func run() throws {
    let session = try Session(pipeline, cache)
    let id = try session.node(node)
    let resolution = Resolution(
      plan: session.plan, keys: session.keys, cache: session.cache, wanted: [id])
    guard let artifact = resolution.artifact(id) else {
      printError("\(session.plan[id].name) is not up to date; first: \(pipeline.runCommand(cache))")
      throw Exit.failed
    }
    do {
      let files = try NodeFiles(of: id, artifact, called: "", in: session, withArtifact: true).files
      guard let found = files.first(where: { $0.path.utf8.elementsEqual(file.utf8) }) else {
        printError("error: \(session.plan[id].name) has no file '\(file)'")
        printError("  note: \(suggestion(for: file, among: files.map(\.path), of: "files"))")
        throw Exit.unavailable
      }
      try found.read { StandardOutput.put(Array($0)) }
    } catch let code as ExitCode {
      throw code
    } catch {
      printError("error: \(error)")
      throw Exit.failed
    }
  }
}
