// The tables of a pipeline as static HTML; the page's script adds order, filters, copies and drawers.

import PipelineCore
import ResultTables

/// Writes a table.
struct TableSection {
  /// The place of the pipeline and of the table in the page's data.
  let pipeline: Int
  let place: Int
  let name: String
  let grid: TableGrid

  /// Adds the table with its notes.
  func write(to html: inout HTML) {
    html.element(
      "div",
      ["class": "table", "id": "p\(pipeline)-table-\(place)", "data-p": "\(pipeline)", "data-t": "\(place)"]
    ) { html in
      html.element("h3") { html in
        html.foreign(grid.title.isEmpty ? name : grid.title)
        html.markup(" <small>")
        html.foreign(name)
        html.markup("</small>")
      }
      Self.notes(grid.above, to: &html)
      Self.write(grid, label: name, to: &html)
      // The verdicts stand above, with their intervals.
      Self.notes(grid.notes.filter { !$0.hasPrefix(VerdictSection.mark) }, to: &html)
    }
    for appendix in grid.appendices {
      html.element("details") { html in
        html.element("summary", text: appendix.title)
        Self.write(appendix, label: appendix.title, to: &html)
        Self.notes(appendix.notes, to: &html)
      }
    }
  }

  /// Adds the grid alone.
  static func write(_ grid: TableGrid, label: String, to html: inout HTML) {
    html.region(label) { html in
      html.markup("<table><thead><tr>")
      for column in grid.columns {
        html.element("th", ["scope": "col"]) { $0.foreign(column) }
      }
      html.markup("</tr></thead><tbody>\n")
      for row in grid.rows {
        html.markup("<tr>")
        for (column, cell) in row.enumerated() {
          if column < grid.keys {
            html.element("th", ["scope": "row"]) { $0.foreign(cell.text) }
          } else if cell.value == nil {
            html.element("td") { $0.foreign(cell.text) }
          } else {
            html.element("td", ["class": "n"], text: cell.text)
          }
        }
        html.markup("</tr>\n")
      }
      html.markup("</tbody></table>")
    }
  }

  /// Adds lines that stand beside a table.
  static func notes(_ lines: [String], to html: inout HTML) {
    if lines.isEmpty { return }
    html.element("ul", ["class": "notes"]) { html in
      for line in lines { html.element("li") { $0.foreign(line) } }
    }
  }
}
