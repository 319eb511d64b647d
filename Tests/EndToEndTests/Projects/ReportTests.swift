// A report of a small study, as a file and in a browser.

import Foundation
import Testing

/// A browser that tests can drive.
enum Browser {
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
      parameters: {three_step_damping: "${damping}"}
      axes: {size: [10, 20], repeat: 3}
      stages:
        images: {parameters: {train_images: 600, test_images: 100}}
        spectrum: {parameters: {pairs: 10}}
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
    #expect(run.status == 1 && run.errors.contains("72 nodes run, 0 up to date, 1 failed"), "\(run.errors)")
  }

  @Test func isOneFileThatReadsWithoutAScript() throws {
    let box = try Sandbox()
    try study(box)
    let answer = try box.pipeline("report", "small")
    #expect(answer.status == 0 && answer.output == "small.html\n", "\(answer.errors)")
    let page = try String(contentsOfFile: box.folder + "/small.html", encoding: .utf8)
    // The figures of the table are those that `pipeline table` prints.
    let table = try box.pipeline("table", "small", "table", "--format", "markdown").output
    // Without the lines of the head, and without the small table of solves below.
    let rows = table.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { !$0.hasPrefix("| scheme") }.prefix { !$0.isEmpty }.dropFirst(4)
    let cells = rows.flatMap { $0.split(separator: "|").suffix(2) }
      .map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells.count == 32)
    for cell in cells { #expect(page.contains(">\(cell)</td>"), "the page lacks \(cell)") }
    for words in [
      "72 of 73 nodes are up to date: 1 failed",
      "Verdict, step length, 3-step against &lt;script&gt;stolen()",
      "mean difference ", "3-step closer in ",
      "Why not shown: 3 pairs are too few to show closer or further, whatever the figures: the least p of a "
        + "signed-rank test is then 0.2500; 6 pairs are needed.",
      "retrain: trained anew without the removed images. That is retraining.",
      "<dt><bdi>size (axis)</bdi></dt><dd><bdi>10, 20</bdi></dd>",
      "data:image/svg+xml;base64,", "damping: 0.00316",
      "Data: mnist, the first 600 training images, the first 100 test images. Net: lenet, trained for 1 epoch.",
      "3-step: removed in 3 steps: near, moderate, far, by distance in feature space (damping 0.5).",
      ": removed in one step (damping 0.5).",
      "p adjusted: by Holm&#39;s method, for the number of tests of the same family. Families: 1 test over all values "
        + "of size; 2 tests at one value of size.",
      "3-step is closer to retraining where they are below 0.", "<bdi>at 10",
      "words such as <code>evaluate size=20 repeat=2</code> find one.",
    ] {
      #expect(page.contains(words), "the page lacks '\(words)'")
    }
    #expect(
      !page.contains("\u{202E}") && !page.contains("<script>stolen") && !page.contains("<script>window"))
    // Each file is named, with or without a script.
    let path = try box.pipeline("path", "small", "evaluate[3-step,size=10,repeat=1]").output
    let place = try #require(path.range(of: "artifacts/"))
    #expect(page.contains("<code>\(path[place.lowerBound...].dropLast())</code>"))
    // The same state, the same bytes; another name of the file changes nothing.
    #expect(try box.pipeline("report", "small", "-o", "again.html").status == 0)
    #expect(try String(contentsOfFile: box.folder + "/again.html", encoding: .utf8) == page)
    // Two pipelines share a page; one that is not run yet says so.
    #expect(try box.pipeline("report", "small", "tiny", "-o", "both.html").status == 0)
    let both = try String(contentsOfFile: box.folder + "/both.html", encoding: .utf8)
    #expect(both.contains("id=\"p1-verdict\"") && both.contains("first: pipeline run tiny"))
  }

  @Test func comparesWithAnEarlierRun() throws {
    let box = try Sandbox()
    try study(box)
    #expect(try box.pipeline("run", "small", "--keep-going", "--set", "damping=0.7").status == 1)
    let answer = try box.pipeline("report", "small", "--set", "damping=0.7", "--against", "small~1")
    #expect(answer.status == 0, "\(answer.errors)")
    let page = try String(contentsOfFile: box.folder + "/small.html", encoding: .utf8)
    let start = try #require(page.range(of: "id=\"p0-compare\"")).lowerBound
    let end = try #require(page.range(of: "</section>", range: start..<page.endIndex)).lowerBound
    let section = page[start..<end]
    for words in [
      "<td><bdi>influence</bdi></td><td><bdi>damping</bdi></td><td><bdi>0.5</bdi></td><td><bdi>0.7</bdi></td>",
      "3-step · self loss · size 10", "<td class=\"n\">3</td>", "class=\"overlay\"",
      // What the damping does not reach, both have alike.
      "figures differ, ",
    ] {
      #expect(section.contains(words), "the section lacks '\(words)'")
    }
    #expect(!section.contains("retrain · self loss"))
    let two = try box.pipeline("report", "small", "tiny", "--against", "small~1")
    #expect(two.status == 64 && two.errors.contains("--against compares one pipeline, not 2"))
    let none = try box.pipeline("report", "small", "--against", "nothing")
    #expect(none.status == 66 && none.errors.contains("no run is called 'nothing'"), "\(none.errors)")
  }

  /// Every file of a crate is described, is there, and has the bytes that its description says.
  private static let checkCrate = """
    import hashlib, json, pathlib, sys
    root = pathlib.Path(sys.argv[1])
    graph = {entity["@id"]: entity for entity in json.loads((root / "ro-crate-metadata.json").read_text())["@graph"]}
    named = {part["@id"] for part in graph["./"]["hasPart"]}
    there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {"ro-crate-metadata.json"}
    assert named == there, named ^ there
    for name in named - {"report.html"}:
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == graph[name]["sha256"], name
    actions = [entity for entity in graph.values() if entity["@type"] == "CreateAction"]
    assert len(actions) == 72, len(actions)
    for action in actions:
        taken = action.get("object", [])
        for part in [action["result"], *(taken if isinstance(taken, list) else [taken])]:
            assert part["@id"] in graph, part
    root = graph["./"]
    assert root["license"] == {"@id": "https://example.org/licence"}
    assert root["author"] == {"@id": "https://orcid.org/0000-0002-1825-0097"}, root["author"]
    person = graph["https://orcid.org/0000-0002-1825-0097"]
    assert person["@type"] == "Person" and person["name"] == "Josiah Carberry", person
    assert person["affiliation"] == {"@id": "https://ror.org/05gq02987"}, person
    place = graph["https://ror.org/05gq02987"]
    assert place["@type"] == "Organization" and place["name"] == "Brown University" and place["url"], place
    assert root["publisher"] == {"@id": "#A%20Press"} and graph["#A%20Press"]["@type"] == "Organization", root
    """

  @Test func makesACrate() throws {
    let box = try Sandbox()
    try study(box)
    let answer = try box.pipeline(
      "report", "small", "--crate", "crate", "--license", "https://example.org/licence", "--author",
      "Josiah Carberry <https://orcid.org/0000-0002-1825-0097>; Brown University <https://ror.org/05gq02987>",
      "--publisher", "A Press")
    #expect(answer.status == 0 && answer.output == "crate\n", "\(answer.errors)")
    let check = try box.python(["-c", Self.checkCrate, box.folder + "/crate"])
    #expect(check.status == 0, "\(check.errors)")
    let page = try box.pipeline("report", "small", "--author", "A")
    #expect(page.status == 64 && page.errors.contains("--author and --publisher are of a crate"))
    let again = try box.pipeline("report", "small", "--crate", "crate")
    #expect(again.status == 66 && again.errors.contains("crate is there already"), "\(again.errors)")
  }

  @Test func refusesWhatItCannotDo() throws {
    let box = try Sandbox()
    #expect(try box.pipeline("report").status == 64)
    let unknown = try box.pipeline("report", "nowhere")
    #expect(
      unknown.status == 66 && unknown.errors.contains("no pipeline is called 'nowhere'"), "\(unknown.errors)")
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
