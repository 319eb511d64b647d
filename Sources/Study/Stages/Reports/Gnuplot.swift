// Has gnuplot draw: a picture's two files, or one for a paper.

import FoundationEssentials
import PipelineCore
import Plot
import Programs

enum Gnuplot {
  /// Draws on PNG and SVG in an empty folder.
  ///
  /// - Throws: `StageFailure`, of kind `unavailable` where there is no gnuplot.
  static func draw(_ drawing: Drawing, in folder: String) throws -> (
    png: [UInt8], svg: [UInt8], version: String
  ) {
    func path(_ name: String) -> String { folder + "/" + name }
    let script = drawing.script(
      png: path("picture.png"), svg: path("picture.svg"), version: path("version"), pixels: path("pixels"))
    let files = try run(
      script, pixels: drawing.pixels, in: folder, making: ["picture.png", "picture.svg", "version"],
      terminals: "pngcairo and svg")
    let version = String(decoding: files[2], as: UTF8.self)
    return (files[0], files[1], version.filter { !$0.isWhitespace })
  }

  /// Draws on PDF in an empty folder.
  ///
  /// - Throws: As `draw`.
  static func pdf(_ drawing: Drawing, _ style: PaperStyle, in folder: String) throws -> [UInt8] {
    let script = drawing.script(pdf: "\(folder)/picture.pdf", style, pixels: "\(folder)/pixels")
    return try run(
      script, pixels: drawing.pixels, in: folder, making: ["picture.pdf"], terminals: "pdfcairo")[0]
  }

  private static func run(
    _ script: String, pixels: [UInt8], in folder: String, making names: [String], terminals: String
  ) throws -> [[UInt8]] {
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func path(_ name: String) -> String { folder + "/" + name }
    try Data(pixels).write(to: URL(fileURLWithPath: path("pixels")))
    try Data(script.utf8).write(to: URL(fileURLWithPath: path("script")))
    var environment = ["LANG": "C.UTF-8"]
    for name in ["PATH", "HOME"] { environment[name] = ProcessInfo.processInfo.environment[name] }
    // Without the settings of the user, so that the picture is the same for all.
    let gnuplot = Program(
      ["gnuplot", "--default-settings", path("script")], environment: .exactly(environment), directory: folder
    )
    do throws(StageFailure) {
      try gnuplot.runWell()
    } catch {
      guard error.kind == .unavailable else { throw error }
      throw StageFailure(
        "pictures are drawn by gnuplot, which is not on PATH; install it (apt-get install gnuplot-nox). "
          + "All other stages do without it.", kind: .unavailable)
    }
    return try names.map { name in
      guard let data = manager.contents(atPath: path(name)), !data.isEmpty else {
        throw StageFailure(
          "gnuplot ended without an error but wrote no \(name); has it the terminals \(terminals)?")
      }
      return [UInt8](data)
    }
  }
}
