// The first page of `pipeline serve`: the pipelines of a project, the runs in progress and those of the past.

import PipelineCore
import PipelineExecution
import ReportPage

/// What the first page shows.
public struct ProjectPage: Sendable {
  /// A pipeline.
  public struct Pipeline: Sendable {
    /// Its name, with the `--set` options of a run that it was made for.
    public var words: String
    /// Its file.
    public var file: String
    /// The address of its page, relative to this one.
    public var address: String
    /// Its latest run, in words.
    public var latest: String

    /// A pipeline.
    public init(words: String, file: String, address: String, latest: String) {
      (self.words, self.file, self.address, self.latest) = (words, file, address, latest)
    }
  }

  /// A run of the past.
  public struct Run: Sendable {
    /// Its name.
    public var id: String
    /// The pipeline, with the run's `--set` options.
    public var words: String
    /// The address of the pipeline's page; nil where the project has no such pipeline any more.
    public var address: String?
    /// When it began, in universal time.
    public var time: String
    /// `done`, `failed`, `interrupted`, `killed` or `running`.
    public var ending: String
    /// How many nodes ran well.
    public var ran: Int
    /// How many failed.
    public var failed: Int
    /// Wall time in seconds.
    public var seconds: Double

    /// A run.
    public init(
      id: String, words: String, address: String?, time: String, ending: String, ran: Int, failed: Int,
      seconds: Double
    ) {
      (self.id, self.words, self.address, self.time) = (id, words, address, time)
      (self.ending, self.ran, self.failed, self.seconds) = (ending, ran, failed, seconds)
    }
  }

  /// The pipelines, by name.
  public var pipelines: [Pipeline] = []
  /// The runs in progress, each with the address of its pipeline's page where the project has that.
  public var live: [(run: LiveRun, address: String?)] = []
  /// The latest runs, the latest first.
  public var runs: [Run] = []
  /// The cache's folder.
  public var cache: String

  /// A page without anything on it yet.
  public init(cache: String) { self.cache = cache }

  /// The place whose content is replaced as things change.
  private static let place = "project"

  /// The message that brings a page up to date.
  public var part: LivePart { LivePart(id: Self.place, html: content) }

  /// The page.
  ///
  /// - Parameter events: The address of its messages, relative to the page.
  public func html(events: String) -> String {
    let script = String(cString: report_page_script())
    var html = HTML()
    Report.writeHead(title: "pipelines", script: script, isAlive: true, to: &html)
    html.open("body", ["data-events": events, "class": "project"])
    html.markup("\n<main>\n")
    html.element("h1", text: "Pipelines")
    html.element("p", ["class": "origin"]) { $0.foreign("cache \(cache)") }
    html.element("p", ["id": "live-link", "role": "status"]) { _ in }
    html.element("div", ["id": Self.place]) { $0.markup(content) }
    html.markup("\n</main>\n<script>\(script)</script>\n</body>\n</html>\n")
    return html.source
  }

  private var content: String {
    var html = HTML()
    html.element("h2", text: "Now")
    if live.allSatisfy(\.run.isGone) { html.element("p", text: "No run is in progress.") }
    for (run, address) in live where !run.isGone {
      let record = run.record
      html.element("div", ["class": "work"]) { html in
        Self.link(Self.words(record.pipeline, record.overrides), address, &html)
        html.markup(" ")
        html.open(
          "progress",
          [
            "max": "\(max(1, record.total))", "value": "\(record.done)",
            "aria-label": "Nodes of \(record.pipeline) that are settled",
          ])
        html.markup("</progress>")
        html.foreign(
          " \(record.done) of \(record.total) nodes\(record.failed > 0 ? ", \(record.failed) failed" : "") · "
            + "\(duration(record.seconds)) · process \(record.owner.process) on \(record.owner.host)")
      }
    }
    html.element("h2", text: "Pipelines of this project")
    html.table(["pipeline", "file", "latest run"], label: "Pipelines") { html in
      for pipeline in pipelines {
        html.markup("<tr>")
        html.element("th", ["scope": "row"]) { Self.link(pipeline.words, pipeline.address, &$0) }
        html.element("td") { $0.foreign(pipeline.file) }
        html.element("td") { $0.foreign(pipeline.latest) }
        html.markup("</tr>\n")
      }
    }
    if !runs.isEmpty { writeRuns(to: &html) }
    return html.source
  }

  private func writeRuns(to html: inout HTML) {
    html.element("h2", text: "Runs")
    html.table(["began", "pipeline", "ended", "nodes", "failed", "took", "name"], label: "Runs") { html in
      for run in runs {
        html.markup("<tr>")
        html.element("td", text: run.time)
        html.element("th", ["scope": "row"]) { Self.link(run.words, run.address, &$0) }
        html.element("td", text: run.ending)
        for text in ["\(run.ran)", "\(run.failed)", duration(run.seconds)] {
          html.element("td", ["class": "n"], text: text)
        }
        html.element("td") { $0.foreign(run.id) }
        html.markup("</tr>\n")
      }
    }
  }

  /// A pipeline's name with its options, as people read it.
  public static func words(_ name: String, _ overrides: [String]) -> String {
    name + overrides.map { " --set " + $0 }.joined()
  }

  private static func link(_ text: String, _ address: String?, _ html: inout HTML) {
    guard let address else { return html.foreign(text) }
    html.element("a", ["href": address]) { $0.foreign(text) }
  }
}
