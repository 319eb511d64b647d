// A report of a small study, as a file and in a browser.

import Foundation
import Testing

/// A browser that tests can drive.
private enum Browser {
  static let program = "/usr/bin/chromium"
  static let driver = "/usr/bin/chromedriver"

  static let isThere: Bool = {
    guard [program, driver, Sandbox.python].allSatisfy(FileManager.default.isExecutableFile) else {
      return false
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Sandbox.python)
    process.arguments = ["-c", "import selenium, axe_core_python"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}

@Suite(.serialized) struct ReportTests {
  /// A study whose texts try to be markup, with a stage that fails.
  private func study(_ box: Sandbox) throws {
    let label = #"<script>stolen()</script> שלום \"x'"#
    try box.write(
      """
      description: A "small" study of <script>window.stolen = 'description'</script> & more
      extends: fragments/steps.yaml
      defaults: {epochs: 1, hessian_images: 50, damping: 0.5}
      axes: {size: [10, 20], repeat: 3}
      stages:
        images: {parameters: {train_images: 600, test_images: 100}}
        evaluate: {for: [net, group], inputs: {net: [original: base, retrain, "\(label)": one-step, 3-step: three-step]}}
        table: {inputs: [rows: evaluate], parameters: {title: "Signs: <b>\\"&'\\u202e \(String(repeating: "long ", count: 2000))"}}
        verdict:
          stage: differences
          inputs: {rows: ["evaluate[retrain]", "evaluate[3-step]", "evaluate[\(label)]"]}
          parameters: {scheme: 3-step}
        by-size: {stage: picture, inputs: {differences: verdict}, parameters: {kind: differences, title: By size}}
        fails:
          stage: command
          parameters: {argv: [sh, -c, "echo '</pre><script>window.stolen = 3</script>' >&2; exit 3"], outputs: [o]}
      """, to: "pipelines/small.yaml")
    let run = try box.pipeline("run", "small", "--keep-going")
    #expect(run.status == 1 && run.errors.contains("66 nodes run, 0 up to date, 1 failed"), "\(run.errors)")
  }

  @Test func isOneFileThatReadsWithoutAScript() throws {
    let box = try Sandbox()
    try study(box)
    let answer = try box.pipeline("report", "small")
    #expect(answer.status == 0 && answer.output == "small.html\n", "\(answer.errors)")
    let page = try String(contentsOfFile: box.folder + "/small.html", encoding: .utf8)
    // The figures of the table are those that `pipeline table` prints.
    let table = try box.pipeline("table", "small", "table", "--format", "markdown").output
    let cells = table.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(4)
      .flatMap { $0.split(separator: "|").suffix(2) }.map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells.count == 32)
    for cell in cells { #expect(page.contains(">\(cell)</td>"), "the page lacks \(cell)") }
    for words in [
      "66 of 67 nodes are up to date: 1 failed", "Verdict, 3-step against &lt;script&gt;stolen()",
      "mean difference ",
      "data:image/svg+xml;base64,", "damping: 0.005",
    ] {
      #expect(page.contains(words), "the page lacks '\(words)'")
    }
    #expect(
      !page.contains("\u{202E}") && !page.contains("<script>stolen") && !page.contains("<script>window"))
    // The same state, the same bytes; another name of the file changes nothing.
    #expect(try box.pipeline("report", "small", "-o", "again.html").status == 0)
    #expect(try String(contentsOfFile: box.folder + "/again.html", encoding: .utf8) == page)
    // Two pipelines share a page; one that is not run yet says so.
    #expect(try box.pipeline("report", "small", "tiny", "-o", "both.html").status == 0)
    let both = try String(contentsOfFile: box.folder + "/both.html", encoding: .utf8)
    #expect(both.contains("id=\"p1-verdict\"") && both.contains("first: pipeline run tiny"))
  }

  @Test func refusesWhatItCannotDo() throws {
    let box = try Sandbox()
    #expect(try box.pipeline("report").status == 64)
    let unknown = try box.pipeline("report", "nowhere")
    #expect(unknown.status == 65 && unknown.errors.contains("nowhere"), "\(unknown.errors)")
    let folder = try box.pipeline("report", "tiny", "-o", "missing/report.html")
    #expect(
      folder.status == 66 && folder.errors.contains("can't write missing/report.html"), "\(folder.errors)")
  }

  @Test(.enabled(if: Browser.isThere, "needs chromium, chromedriver and selenium: scripts/setup.sh browser"))
  func worksInABrowser() throws {
    let box = try Sandbox()
    try study(box)
    #expect(try box.pipeline("report", "small").status == 0)
    let check = try box.python([
      Sandbox.root + "/Tests/EndToEndTests/check_report.py", box.folder + "/small.html", Browser.program,
      Browser.driver,
    ])
    #expect(check.status == 0, "\(check.errors)")
  }
}
