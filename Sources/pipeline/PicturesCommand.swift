// `pipeline pictures`: the pictures of a pipeline as files in a folder.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Stages
import Wording

struct PicturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pictures", abstract: "Writes the pictures of a pipeline that has been run, as PNG and SVG.",
    discussion: """
      A picture of node 'histogram[label=0]' becomes histogram-label=0.png and .svg. Exits 1 if a picture is not \
      up to date; the others are written all the same.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A picture's node or stage (default: all pictures).") var nodes: [String] = []
  @Option(help: ArgumentHelp("The folder to write to (default: pictures/NAME).", valueName: "dir"))
  var into: String?

  func run() throws {
    let session = try Session(pipeline, cache)
    let pictures = try session.nodes(nodes).filter {
      session.plan.stage(of: $0).declaration.name == PictureFiles.stage
    }
    guard !pictures.isEmpty else {
      printError(
        "error: pipeline \(session.plan.name) has no picture; add a stage of type '\(PictureFiles.stage)' to it"
      )
      throw Exit.wrongFile
    }
    let folder = into ?? "pictures/\(session.plan.name)"
    let resolution = Resolution(plan: session.plan, keys: session.keys, cache: session.cache)
    var missing: [String] = []
    var names: Set<String> = []
    for id in pictures {
      guard let artifact = resolution.artifact(id) else {
        missing.append(session.plan[id].name)
        continue
      }
      let name = Self.fileName(session.plan[id].name, besides: &names)
      for file in try PictureFiles.read(session.file(of: id, artifact)) {
        try write(file.bytes, to: "\(folder)/\(name).\(file.ending)")
      }
    }
    guard missing.isEmpty else {
      printError(
        "not up to date: \(missing.joined(separator: ", ")); first: \(pipeline.runCommand)")
      throw Exit.failed
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: String(path[..<path.lastIndex(of: "/")!]), withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      printError("error: can't write \(path): \(reason(of: error))")
      throw Exit.unavailable
    }
    print(path)
  }

  /// A file name of a node's name: what a shell or a file system takes for its own becomes a dash, and what would be
  /// too long, or is another node's already, ends with a digest of the whole.
  static func fileName(_ node: String, besides taken: inout Set<String>) -> String {
    var name = ""
    for scalar in node.unicodeScalars where scalar != "]" {
      let isPlain = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      name.unicodeScalars.append(isPlain || "=._+-".unicodeScalars.contains(scalar) ? scalar : "-")
    }
    if name.utf8.count > 150 || taken.contains(name) {
      while name.utf8.count > 150 { name.removeLast() }
      name += "-" + Digest(of: node.utf8).hex.prefix(12)
    }
    taken.insert(name)
    return name
  }
}
