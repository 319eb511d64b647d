// The answer of `pipeline compare` as text that fits a screen: what matters most, and how much is left out.

import PipelineExecution
import Wording

/// What differs between two sides, as lines of some width and number.
struct ComparisonPage {
  /// At most so many characters a line; nil for any.
  var width: Int?
  /// At most so many lines; nil for any.
  var lines: Int?
  /// `one → two`.
  var title: String
  /// A line for each parameter that differs.
  var parameters: [String]
  var metrics: [CompareCommand.MetricChange]
  /// How many metrics are the same.
  var same: Int
  /// What can't be compared, a line each.
  var missing: [String]

  /// Never fewer of a section than these, however small the screen is.
  private static let fewest = 3

  /// The lines, without an end of line behind the last.
  var text: String {
    // Title; a blank line and a heading for each section; the heads of the columns.
    let room = lines.map { max(2 * Self.fewest, $0 - 7) } ?? .max
    let kept = min(missing.count, room < .max ? Self.fewest : .max)
    let both = room == .max ? .max : room - kept
    // What one section does not need, the other gets.
    let half = both == .max ? .max : both / 2
    let ofParameters = both == .max ? .max : max(half, both - metrics.count)
    let shown = parameters.count <= ofParameters ? parameters.count : ofParameters
    let ofMetrics = both == .max ? .max : max(Self.fewest, both - shown)
    var page = [title, ""]
    page.append(
      parameters.isEmpty ? "parameters: the same" : "parameters" + note(shown, of: parameters.count))
    page += parameters.prefix(shown).map { "  " + $0 }
    page.append("")
    page += metricLines(atMost: ofMetrics)
    page += missing.prefix(kept).map { "no artifact: \($0)" }
    if kept < missing.count { page.append("no artifact: \(missing.count - kept) more") }
    guard let width else { return page.joined(separator: "\n") }
    return page.map { TerminalText.fitted($0, columns: width) }.joined(separator: "\n")
  }

  private func note(_ shown: Int, of count: Int) -> String {
    shown < count ? " (\(shown) of \(count); more with --lines, all with --json)" : ""
  }

  private func metricLines(atMost limit: Int) -> [String] {
    guard !metrics.isEmpty else {
      return [same == 0 ? "metrics: none that both have" : "metrics: 0 of \(same) differ"]
    }
    var shown = metrics
    var heading = "metrics: \(metrics.count) of \(metrics.count + same) differ"
    if metrics.count > limit {
      // The sort is stable, so that equal changes keep the order of the tables.
      shown = Array(metrics.sorted { Self.weight($0) > Self.weight($1) }.prefix(limit))
      heading += "; the \(shown.count) that changed most (more with --lines, all with --json)"
    }
    let isOfOneNode = Set(metrics.map(\.node)).count == 1
    let isOfOneRow = Set(metrics.map(\.row)).count == 1 && metrics[0].row.isEmpty
    if isOfOneNode { heading = heading.replacing("metrics:", with: "metrics of \(metrics[0].node):") }
    let names: [(head: String, text: (CompareCommand.MetricChange) -> String)] =
      (isOfOneNode ? [] : [("node", { $0.node })]) + (isOfOneRow ? [] : [("row", { $0.row })])
      + [("metric", { $0.metric })]
    let rows = shown.map { change -> [String] in
      let difference = change.first.flatMap { a in change.second.map { $0 - a } }
      return names.map { $0.text(change) } + [
        Self.figure(change.first), Self.figure(change.second),
        difference.map { ($0 > 0 ? "+" : "") + Self.figure($0) } ?? "",
      ]
    }
    return [heading]
      + aligned([names.map(\.head) + ["first", "second", "difference"]] + rows, texts: names.count)
  }

  /// How much a metric changed, of its own size; one that only one side has first.
  private static func weight(_ change: CompareCommand.MetricChange) -> Double {
    guard let a = change.first, let b = change.second else { return .infinity }
    return abs(b - a) / max(abs(a), abs(b))
  }

  private static func figure(_ value: Double?) -> String { value.map { printed($0, "%.5g") } ?? "–" }

  /// Rows in columns, of which the first few hold names and give way where the width is short.
  private func aligned(_ rows: [[String]], texts: Int) -> [String] {
    var widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    if let width {
      // Two spaces before each column.
      while widths.reduce(0, { $0 + $1 + 2 }) > width,
        let widest = (0..<texts).max(by: { widths[$0] < widths[$1] }), widths[widest] > 8
      {
        widths[widest] -= 1
      }
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let text = TerminalText.fitted(cell, columns: widths[column])
        let padding = String(repeating: " ", count: max(0, widths[column] - text.count))
        return "  " + (column < texts ? text + padding : padding + text)
      }.joined()
    }
  }
}
