// The answer before its evidence: one small table for each comparison, over all columns.

import FoundationEssentials
import ResultTables

/// Writes what came out of a comparison: a row for each other scheme, a column for each figure.
struct VerdictSummary {
  let comparison: Results.Comparison

  private struct Cell: Hashable {
    var row: Int
    var column: Int
  }

  /// Adds the table, and once each reason for which nothing is shown.
  func write(to html: inout HTML) {
    let tests = comparison.headline
    if tests.isEmpty { return }
    var figures = Numbering<String>()
    var rows = Numbering<String>()
    var cells: [Cell: Results.Test] = [:]
    for test in tests {
      cells[Cell(row: rows.number(test.other), column: figures.number(test.figure))] = test
    }
    html.region(comparison.title.isEmpty ? comparison.scheme : comparison.title) { html in
      html.markup("<table class=\"short\"><thead><tr>")
      html.element("th", ["scope": "col"]) { $0.foreign("\(comparison.scheme) against") }
      for figure in figures.all { html.element("th", ["scope": "col"]) { $0.foreign(figure) } }
      html.markup("</tr></thead><tbody>\n")
      for (number, row) in rows.all.enumerated() {
        html.markup("<tr>")
        html.element("th", ["scope": "row"]) { $0.foreign(row) }
        for (column, name) in figures.all.enumerated() {
          html.element("td", ["data-figure": name]) { html in
            if let test = cells[Cell(row: number, column: column)] { write(test, to: &html) }
          }
        }
        html.markup("</tr>\n")
      }
      html.markup("</tbody></table>")
    }
    let isPooled = tests[0].column == "all"
    let unit = isPooled ? " over all values of \(comparison.pairs.across), in \(comparison.unit)," : ""
    html.element(
      "p", ["class": "interval"],
      text:
        "Mean differences\(unit) with 95 % intervals that no correction has widened; a difference that is shown "
        + "is corrected for the number of tests, an equivalence is not. \(comparison.scheme) is \(comparison.sides.below) where they are below 0."
    )
    for remark in comparison.remarks {
      html.element("p", ["class": "reason"]) { $0.foreign("Why \(remark)") }
    }
  }

  private func write(_ test: Results.Test, to html: inout HTML) {
    html.element("strong") { $0.foreign(test.verdict) }
    html.markup("<br>")
    html.element("span", ["class": "interval"]) {
      $0.foreign("\(test.numbers); \(comparison.good) in \(test.closer) of \(test.pairs)")
    }
    let places = outcomes(besides: test)
    if places.isEmpty { return }
    html.markup("<br>")
    html.element("span", ["class": "interval"]) { $0.foreign(places) }
  }

  /// What comes out at single columns, where a test is over all: `at 500 not shown; at 3500 closer`.
  private func outcomes(besides test: Results.Test) -> String {
    if test.column != "all" { return "" }
    let single = comparison.tests.filter {
      $0.column != "all" && $0.figure == test.figure && $0.against == test.against
        && $0.setting == test.setting
    }
    var verdicts = Numbering<String>()
    var places: [[String]] = []
    for each in single {
      let number = verdicts.number(each.verdict)
      if number == places.count { places.append([]) }
      places[number].append(each.column)
    }
    return zip(verdicts.all, places).map { verdict, places in
      let all = places.count > 2 && places.count == single.count
      return "at \(all ? "each \(comparison.pairs.across)" : places.joined(separator: ", ")) \(verdict)"
    }.joined(separator: "; ")
  }
}
