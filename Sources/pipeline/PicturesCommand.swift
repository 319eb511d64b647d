// `pipeline pictures`: the pictures of a pipeline as files in a folder.

import ArgumentParser
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Plot
import Stages
import Wording

struct PicturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pictures",
    abstract: "Writes the pictures of a pipeline that has been run, as PNG and SVG, and as PDF for a paper.",
    discussion: """
      A picture of node 'histogram[label=0]' becomes histogram-label=0.png and .svg. Exits 1 if a picture is not \
      up to date; the others are written all the same. A PDF is drawn anew by gnuplot, without the lines under the \
      title: they belong into a paper's caption.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A picture's node or stage (default: all pictures).") var nodes: [String] = []
  @Option(help: ArgumentHelp("The folder to write to (default: pictures/NAME).", valueName: "dir"))
  var into: String?
  @OptionGroup(title: "PDF") var paper: PaperOptions

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
      if let style = paper.style {
        try write(pdf(of: id, session, resolution, style), to: "\(folder)/\(name).pdf")
      }
    }
    guard missing.isEmpty else {
      printError(
        "not up to date: \(missing.joined(separator: ", ")); first: \(pipeline.runCommand(cache))")
      throw Exit.failed
    }
  }

  /// Draws a picture anew from what its node was made of.
  private func pdf(of id: NodeID, _ session: Session, _ resolution: Resolution, _ style: PaperStyle) throws
    -> [UInt8]
  {
    let (plan, cache, manager) = (session.plan, session.cache, FileManager.default)
    for source in plan.predecessors(of: id) {
      if let artifact = resolution.artifact(source) { _ = try session.file(of: source, artifact) }
    }
    let (inputs, gathers) = cache.taskInputs(of: id, in: plan) { resolution.artifact($0) }
    let folder = manager.temporaryDirectory.appending(path: "pipeline-" + UUID().uuidString).path
    defer { try? manager.removeItem(atPath: folder) }
    let declaration = plan.stage(of: id).declaration
    let task = StageTask(
      node: plan[id].name, stage: declaration.name, stageVersion: declaration.version, key: session.keys[id],
      parameters: plan[id].parameters, axes: plan[id].axes, streamKey: plan.streamKey(of: id), inputs: inputs,
      gathers: gathers, output: "\(folder)/picture", scratch: folder, files: [], downloads: cache.downloads,
      cache: cache.root, threads: 1, memory: 1 << 28)
    do {
      return try PictureFiles.pdf(task, style)
    } catch {
      printError("error: can't draw \(plan[id].name) as PDF: \(error)")
      throw (error as? StageFailure)?.kind == .unavailable ? Exit.unavailable : Exit.failed
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

/// How pictures look in a paper.
struct PaperOptions: ParsableArguments {
  @Flag(help: "Writes each picture as PDF, too.") var pdf = false
  @Option(help: ArgumentHelp("Width and height in millimetres (default: 85x60, a column).", valueName: "WxH"))
  var size: String?
  @Option(help: "The size of texts in points (default: 7).") var fontSize: Double?
  @Option(help: "The title (default: none).") var title: String?
  @Option(help: "The label of the horizontal axis (default: the picture's own).") var xLabel: String?
  @Option(help: "The label of the vertical axis (default: the picture's own).") var yLabel: String?

  func validate() throws {
    let isStyled = size != nil || fontSize != nil || title != nil || xLabel != nil || yLabel != nil
    if isStyled, !pdf {
      throw ValidationError("--size, --font-size, --title and the labels are those of a PDF; add --pdf")
    }
    if let size, lengths == nil {
      throw ValidationError(
        "--size takes two lengths of 10 to 2000 millimetres, such as 85x60, not '\(size)'")
    }
    if let fontSize, !(2...72).contains(fontSize) {
      throw ValidationError("--font-size takes 2 to 72 points, not \(fontSize)")
    }
  }

  private var lengths: (width: Double, height: Double)? {
    let parts = (size ?? "85x60").split(separator: "x", omittingEmptySubsequences: false).map {
      Double(String($0)) ?? 0
    }
    return parts.count == 2 && parts.allSatisfy { (10...2000).contains($0) } ? (parts[0], parts[1]) : nil
  }

  /// The style; nil where no PDF is asked for.
  var style: PaperStyle? {
    guard pdf, let lengths else { return nil }
    return PaperStyle(
      width: lengths.width, height: lengths.height, points: fontSize ?? 7, title: title ?? "", xLabel: xLabel,
      yLabel: yLabel)
  }
}
