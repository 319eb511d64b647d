// The section of a page alive that tells of the run in progress, as HTML.

import PipelineCore
import PipelineExecution
import ResultTables

/// What is to be told of one moment.
struct LiveSection {
  /// The run that makes just this pipeline, if there is one.
  var run: LiveRun?
  /// Seconds, on the watcher's clock, since the run was last heard of.
  var silence: Double
  /// `about 3 min left`.
  var timeLeft: String?
  /// Runs of the pipeline with other `--set` options.
  var others: [LiveRun] = []
  /// The latest run that has ended, in words.
  var latest: String?
  /// The last lines that nodes at work have printed.
  var logs: [String: String] = [:]

  /// A run that was silent for so long stands still, or is gone on a host that can't be seen from here.
  private static let longSilence = 3 * LiveRecorder.heartbeat

  /// Where the run stands, in a sentence or two.
  var head: String {
    var html = HTML()
    guard let run else {
      html.element("p", ["class": "now"]) { html in
        html.text("No run is in progress. ")
        if let latest { html.foreign(latest + ".") }
        html.text(" This page follows the next run as soon as it begins.")
      }
      writeOthers(to: &html)
      return html.source
    }
    let record = run.record
    html.element("p", ["class": "now"]) { html in
      html.element("strong", text: "\(record.done) of \(record.total) nodes")
      var words = [""]
      if record.failed > 0 { words.append("\(record.failed) failed") }
      words.append("\(record.nodes.count) at work")
      words.append(duration(record.seconds))
      if record.seconds > 5, record.done > 0 {
        words.append("\(Self.rate(60 * Double(record.done) / record.seconds)) nodes a minute")
      }
      words.append("\(record.nodes.reduce(0) { $0 + $1.threads }) of \(record.jobs) cores")
      if let timeLeft { words.append(timeLeft) }
      html.text(words.joined(separator: " · "))
    }
    html.open(
      "progress",
      [
        "max": "\(max(1, record.total))", "value": "\(record.done)",
        "aria-label": "Nodes that are settled",
      ])
    html.markup("</progress>")
    html.element("p", ["class": "notes"]) { html in
      html.foreign("since \(record.started), process \(record.owner.process) on \(record.owner.host)")
    }
    if run.isGone {
      html.element(
        "p", ["class": "warning"],
        text: "The run was killed. What was finished is kept; run the same command again to go on from there."
      )
    } else if silence > Self.longSilence {
      html.element(
        "p", ["class": "warning"],
        text: "Nothing was heard of the run for \(duration(silence)): it stands still, or is gone.")
    }
    writeOthers(to: &html)
    return html.source
  }

  private static func rate(_ value: Double) -> String {
    value < 10 ? "\((10 * value).rounded() / 10)" : "\(Int(value.rounded()))"
  }

  private func writeOthers(to html: inout HTML) {
    for other in others where !other.isGone {
      html.element("p", ["class": "notes"]) { html in
        html.foreign(
          "another run is in progress, with \(other.record.overrides.map { "--set " + $0 }.joined(separator: " ")): "
            + "\(other.record.done) of \(other.record.total) nodes")
      }
    }
  }

  /// The nodes at work: how far each is, and what it printed last.
  ///
  /// - Parameter running: Nodes that some process is at work on, as leases tell it, with that process.
  func nodes(_ running: [(name: String, owner: String)]) -> String {
    var html = HTML()
    let record = run?.isGone == false ? run?.record : nil
    let known = Set(record?.nodes.map(\.name) ?? [])
    for node in record?.nodes ?? [] {
      html.element("div", ["class": "work"]) { html in
        Self.link(node.name, &html)
        html.open(
          "progress",
          node.fraction > 0
            ? [
              "max": "1", "value": "\((1000 * node.fraction).rounded() / 1000)",
              "aria-label": "of \(node.name)",
            ]
            : ["aria-label": "of \(node.name)"])
        html.markup("</progress> ")
        var words = [duration(node.seconds), "\(node.threads) \(node.threads == 1 ? "thread" : "threads")"]
        if node.fraction > 0 { words.append("\(Int(100 * node.fraction)) %") }
        html.text(words.joined(separator: " · "))
        if !node.message.isEmpty {
          html.text(" · ")
          html.foreign(node.message)
        }
        if let log = logs[node.name], !log.isEmpty {
          html.element("details", ["open": "", "data-key": node.name]) { html in
            html.element("summary", text: "log")
            html.element("pre", ["tabindex": "0"], text: log)
          }
        }
      }
    }
    for (name, owner) in running where !known.contains(name) {
      html.element("div", ["class": "work"]) { html in
        Self.link(name, &html)
        html.foreign(" \(owner)")
      }
    }
    for (name, owner) in (record?.waits ?? [:]).sorted(by: { $0.key < $1.key }) {
      html.element("div", ["class": "work"]) { html in
        Self.link(name, &html)
        html.foreign(" waits for \(owner)")
      }
    }
    return html.source
  }

  /// What failed, with the last lines of its log.
  static func failures(_ failures: [(name: String, message: String, log: String)]) -> String {
    if failures.isEmpty { return "" }
    var html = HTML()
    html.element("h3", text: failures.count == 1 ? "1 node failed" : "\(failures.count) nodes failed")
    for (name, message, log) in failures.prefix(20) {
      html.element("details", ["open": "", "data-key": name]) { html in
        html.element("summary") { $0.foreign(name) }
        html.element("pre", ["tabindex": "0"], text: message)
        if !log.isEmpty, !LogTail.isTold(log, by: message) {
          html.element("p", ["class": "notes"], text: "the last lines that it printed")
          html.element("pre", ["tabindex": "0"], text: log)
        }
      }
    }
    if failures.count > 20 { html.element("p", text: "and \(failures.count - 20) more") }
    return html.source
  }

  /// Tables of what there is so far.
  static func tables(_ tables: [(name: String, table: PartialTable)]) -> String {
    if tables.isEmpty { return "" }
    var html = HTML()
    html.element("h3", text: "Tables so far")
    for (name, table) in tables {
      html.element("p") { html in
        html.foreign(table.grid.title.isEmpty ? name : table.grid.title)
        html.text(": of \(table.there) of \(table.all) results. Intervals are of the repeats that are there.")
      }
      TableSection.write(table.grid, label: name, to: &html)
      TableSection.notes(table.grid.above, to: &html)
    }
    return html.source
  }

  private static func link(_ name: String, _ html: inout HTML) {
    html.element("button", ["type": "button", "class": "link", "data-node": name]) { $0.foreign(name) }
    html.text(" ")
  }
}
