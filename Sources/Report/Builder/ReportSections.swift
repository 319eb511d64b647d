// The sections of one pipeline, in the order of the page; one that has nothing to show is left out.

import FoundationEssentials
import PipelineCore
import Stages

/// One pipeline of a report.
struct ReportSections {
  /// The stage types whose artifacts a report shows.
  static let resultStages = TableReport.stages.union([PictureFiles.stage])

  let snapshot: Snapshot
  private let results: Results
  private let time: TimeSection
  private let comparison: ComparisonSection?
  private let number: Int
  private let origin: ReportOrigin

  /// Reads a pipeline's results.
  ///
  /// - Parameter number: The pipeline's place in the page.
  init(_ pipeline: ReportedPipeline, number: Int, origin: ReportOrigin, against reference: ReportReference?)
    throws
  {
    snapshot = Snapshot(pipeline)
    results = try Results(snapshot)
    time = TimeSection(snapshot)
    comparison = try reference.map { [snapshot, results] in
      try ComparisonSection(snapshot, results, against: $0)
    }
    self.number = number
    self.origin = origin
  }

  /// What the page is called by.
  var name: String { snapshot.plan.name }

  /// The section's title and content, those that have any.
  private var sections: [(id: String, title: String, write: (inout HTML) -> Void)] {
    var list: [(String, String, (inout HTML) -> Void)] = [
      (
        "verdict", "Verdict",
        { VerdictSection(snapshot: snapshot, results: results, number: number).write(to: &$0) }
      )
    ]
    if !results.tables.isEmpty {
      list.append(("tables", results.tables.count == 1 ? "Table" : "Tables", writeTables))
    }
    if hasDrawings || !results.pictures.isEmpty { list.append(("figures", "Figures", writePictures)) }
    if let comparison { list.append(("compare", "Compare", { comparison.write(to: &$0) })) }
    list.append(("graph", "Stages", writeGraph))
    let files = FilesSection(snapshot: snapshot, scheme: results.comparisons.first?.scheme)
    if !files.isEmpty { list.append(("files", "Files", { files.write(to: &$0) })) }
    if !time.isEmpty { list.append(("time", "Time", { time.write(to: &$0) })) }
    if !snapshot.failures.isEmpty { list.append(("failures", "Failures", writeFailures)) }
    list.append(
      (
        "provenance", "Provenance",
        {
          ProvenanceSection(snapshot: snapshot, results: results, origin: origin, run: time.run).write(
            to: &$0)
        }
      ))
    return list
  }

  /// Adds links to the sections.
  func writeLinks(to html: inout HTML, isAlive: Bool) {
    html.element("li") { html in
      html.element("a", ["href": "#p\(number)"]) { $0.foreign(name) }
      html.element("ul") { html in
        if isAlive { html.element("li") { $0.element("a", ["href": "#p\(number)-live"], text: "Now") } }
        for section in sections {
          html.element("li") { $0.element("a", ["href": "#p\(number)-\(section.id)"], text: section.title) }
        }
      }
    }
  }

  /// Adds the sections.
  func write(to html: inout HTML, live: LivePage?) {
    html.element("article", ["id": "p\(number)", "data-p": "\(number)"]) { html in
      html.element("h1") { $0.foreign(name) }
      html.element("p", ["class": "origin"]) { html in
        let latest = snapshot.made.compactMap { $0?.created }.max()
        let parts = [latest.map { "latest result \($0)" }, origin.checkout, "pipeline \(origin.version)"]
        html.text(parts.compactMap { $0 }.joined(separator: " · "))
      }
      if let live { write(live, to: &html) }
      for section in sections {
        html.element("section", ["id": "p\(number)-\(section.id)", "class": section.id]) { html in
          html.element("h2", text: section.title)
          section.write(&html)
        }
      }
    }
  }

  /// Adds what tells of the run in progress; its places are filled anew as it goes on.
  private func write(_ live: LivePage, to html: inout HTML) {
    html.element("section", ["id": "p\(number)-live", "class": "live"]) { html in
      html.element("h2", text: "Now")
      html.element("p", ["id": "live-link", "role": "status"]) { _ in }
      for id in LivePage.places {
        html.element("div", ["id": id]) { $0.markup(live.html(of: id)) }
      }
    }
  }

  private func writeTables(to html: inout HTML) {
    for (place, table) in results.tables.enumerated() {
      TableSection(pipeline: number, place: place, name: snapshot.plan[table.node].name, grid: table.grid)
        .write(to: &html)
    }
  }

  /// Whether the page's script has something to draw among the figures.
  private var hasDrawings: Bool { !results.histograms.isEmpty || !results.digits.isEmpty }

  private func writePictures(to html: inout HTML) {
    if hasDrawings {
      html.element("div", ["class": "drawn"]) { html in
        html.element("noscript") { $0.element("p", text: "Distances are drawn by a script.") }
      }
    }
    for picture in results.pictures {
      let node = snapshot.plan[picture.node]
      let title = node.parameters[TableReport.title]
      html.element("figure", ["data-n": "\(picture.node.index)"]) { html in
        // As an image, no script or style of the file can act on the page.
        html.open(
          "img",
          [
            "src": "data:image/svg+xml;base64," + Data(picture.svg).base64EncodedString(),
            "alt": title.isEmpty ? node.name : "\(node.name): \(title)",
          ])
        html.element("figcaption") { html in
          html.foreign(title)
          html.markup(" <small>")
          html.foreign(node.name)
          html.markup("</small>")
        }
      }
    }
  }

  private func writeGraph(to html: inout HTML) {
    html.element("p", ["class": "legend"]) { html in
      for state in Snapshot.State.allCases where snapshot.count(state) > 0 {
        html.markup("<span class=\"key s\(state.rawValue)\"></span>")
        html.text("\(snapshot.count(state)) \(state.name) ")
      }
    }
    html.region("The stages") {
      StageGraph(snapshot, pipeline: number).write(to: &$0)
    }
    html.element("div", ["class": "stage-nodes"]) { _ in }
  }

  private func writeFailures(to html: inout HTML) {
    for (node, message) in snapshot.failures {
      html.element("details", ["open": ""]) { html in
        html.element("summary") { $0.foreign(snapshot.plan[node].name) }
        html.element("pre", ["tabindex": "0"], text: message)
        let log = snapshot.lastLines(of: node)
        if !log.isEmpty, !LogTail.isTold(log, by: message) {
          html.element("p", ["class": "notes"], text: "the last lines that it printed")
          html.element("pre", ["tabindex": "0"], text: log)
        }
        html.element(
          "pre", ["class": "commands"],
          text: "\(snapshot.command("logs", node))\n\(snapshot.command("run", node))")
      }
    }
  }

  /// The data of the pipeline.
  func data() -> PipelineData {
    let plan = snapshot.plan
    let numbers = Dictionary(plan.nodes.enumerated().map { ($1.name, $0) }) { first, _ in first }
    var behind = Numbering<[Int]>()
    let tables = results.tables.map { $0.data(plan, numbers, &behind) }
    let (nodes, parameters, reasons) = snapshot.nodeData()
    return PipelineData(
      words: snapshot.words, stages: snapshot.stageData, nodes: nodes,
      joins: plan.joins.map { $0.members.map(\.node.index) }, parameters: parameters, reasons: reasons,
      tables: tables, behind: behind.all, results: results.long,
      tests: results.comparisons.map { $0.data(plan) }, effects: results.effects,
      histograms: results.histograms, digits: results.digits, run: time.data(numbers))
  }
}
