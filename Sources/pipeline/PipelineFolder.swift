// Finds pipelines by name: in the project's folder `pipelines`, in the folders within it, and in its root.

import FoundationEssentials
import PipelineCore

/// The pipelines of a project. Folders called `fragments` hold what pipelines extend, and no pipelines.
struct PipelineFolder {
  static let name = "pipelines"

  /// The paths of all pipelines in the folder, from the working folder, by name.
  let paths: [String: [String]]

  init() {
    var paths: [String: [String]] = [:]
    var folders = [Project.path(Self.name)]
    while let folder = folders.popLast() {
      let manager = FileManager.default
      for entry in (try? manager.contentsOfDirectory(atPath: folder)) ?? [] where !entry.hasPrefix(".") {
        let path = folder + "/" + entry
        if entry.hasSuffix(".yaml") {
          paths[String(entry.dropLast(5)), default: []].append(path)
        } else if entry != "fragments", Project.isFolder(path) {
          folders.append(path)
        }
      }
    }
    self.paths = paths.mapValues { $0.sorted() }
  }

  /// All names, sorted.
  var names: [String] { paths.keys.sorted() }

  /// The files of a name, those in the project's root included.
  func files(named word: String) -> [String] {
    let inRoot = Project.path(word + ".yaml")
    return (FileManager.default.fileExists(atPath: inRoot) ? [inRoot] : []) + (paths[word] ?? [])
  }

  /// Whether a word on the command line is a path and not a name.
  static func isPath(_ word: String) -> Bool {
    word.contains("/") || word.hasSuffix(".yaml") || word.hasSuffix(".yml")
  }

  /// The files that a name or a path may mean.
  static func paths(of word: String) -> [String] {
    if isPath(word) { return FileManager.default.fileExists(atPath: word) ? [word] : [] }
    return PipelineFolder().files(named: word)
  }

  /// The file that a name or a path means; none or several end the program.
  static func path(of word: String) throws -> String {
    if isPath(word) {
      if FileManager.default.fileExists(atPath: word) { return word }
      printError("error: there is no pipeline file \(word)")
      let stem = word.hasSuffix(".yaml") ? String(word.dropLast(5)) : word
      for path in PipelineFolder().files(named: String(stem.split(separator: "/").last ?? "")).prefix(3) {
        printError("  note: there is \(path)")
      }
      throw Exit.unavailable
    }
    let folder = PipelineFolder()
    let found = folder.files(named: word)
    if found.count > 1 {
      printError("error: \(found.count) pipelines are called '\(word)': \(found.joined(separator: ", "))")
      printError("  note: rename all but one, or give a path")
      throw Exit.wrongFile
    }
    guard let path = found.first else {
      printError(
        "error: no pipeline is called '\(word)' in the folder \(Project.path(name)) or in a folder within it")
      printError("  note: \(suggestion(for: word, among: folder.names, of: "pipelines"))")
      throw Exit.unavailable
    }
    return path
  }
}
