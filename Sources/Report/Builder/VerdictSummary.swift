// The answer before its evidence: one small table for each comparison, over all columns.

import FoundationEssentials
import ResultTables

/// Writes what came out of a comparison: a row for each other scheme, a column for each figure.
struct VerdictSummary {
  let comparison: Results.Comparison

  private struct Row: Hashable {
    var against: String
    var setting: String
  }

  /// The tests over all columns; if there are none, those of each column.
  private var tests: [Int] {
    let all = comparison.tests.indices.filter { comparison.tests[$0].column == "all" }
    return all.isEmpty ? Array(comparison.tests.indices) : all
  }

  /// Adds the table, and once each reason for which nothing is shown.
  func write(to html: inout HTML) {
    let tests = tests
    if tests.isEmpty { return }
    var figures = Numbering<String>()
    var rows = Numbering<Row>()
    var cells: [[Int]: Int] = [:]
    for place in tests {
      let test = comparison.tests[place]
      let setting = [test.setting, test.column == "all" ? "" : test.column].filter { !$0.isEmpty }
      let row = Row(against: test.against, setting: setting.joined(separator: ", "))
      cells[[rows.number(row), figures.number(test.figure)]] = place
    }
    html.element("div", ["class": "scroll"]) { html in
      html.element("table", ["class": "short"]) { html in
        html.element("thead") { html in
          html.element("tr") { html in
            html.element("th", ["scope": "col"]) { $0.foreign("\(comparison.scheme) against") }
            for figure in figures.all { html.element("th", ["scope": "col"]) { $0.foreign(figure) } }
          }
        }
        html.element("tbody") { html in
          for (number, row) in rows.all.enumerated() {
            html.element("tr") { html in
              html.element("th", ["scope": "row"]) {
                $0.foreign([row.against, row.setting].filter { !$0.isEmpty }.joined(separator: ", "))
              }
              for figure in figures.all.indices {
                html.element("td") { html in
                  if let place = cells[[number, figure]] { write(comparison.tests[place], to: &html) }
                }
              }
            }
          }
        }
      }
    }
    writeReasons(tests, to: &html)
  }

  private func write(_ test: Results.Test, to html: inout HTML) {
    let figure = PlainTable.figure
    html.element("strong") { $0.foreign(test.verdict) }
    html.markup("<br>")
    let ends = test.lower.isFinite ? " (\(figure(test.lower)) to \(figure(test.upper)))" : ""
    html.element("span", ["class": "interval"]) {
      $0.foreign("\(figure(test.mean))\(ends); \(comparison.good) in \(test.closer) of \(test.pairs)")
    }
  }

  private func writeReasons(_ tests: [Int], to html: inout HTML) {
    var seen: Set<String> = []
    html.element("p", ["class": "interval"]) {
      $0.text("Mean differences in \(comparison.unit) with 95 % intervals that no correction has widened; ")
      $0.text("below 0, ")
      $0.foreign(comparison.scheme)
      $0.text(" is \(comparison.good). Outcomes are corrected for their number.")
    }
    for place in tests {
      guard let reason = comparison.reasons[place] else { continue }
      let test = comparison.tests[place]
      // A failed control is that of a figure, whatever it is compared with.
      let line = "Why not shown, \(test.figure): \(reason)."
      guard seen.insert(line).inserted else { continue }
      html.element("p", ["class": "reason"]) { $0.foreign(line) }
    }
  }
}
