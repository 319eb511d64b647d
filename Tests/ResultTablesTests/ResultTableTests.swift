// Result tables against hand-computed cells, and their renderings against their formats' rules.

import Foundation
import ResultTables
import Testing

@Suite struct ResultTableTests {
  static func row(
    _ scheme: String, _ size: String?, _ repetition: Int?, split: String, accuracy: Double, loss: Double,
    converged: Bool = true
  ) -> ResultRow {
    var axes: [String: String] = [:]
    axes["size"] = size
    axes["repeat"] = repetition.map(String.init)
    return ResultRow(
      scheme: scheme, axes: axes, split: split, metrics: ["accuracy": accuracy, "loss": loss],
      nodes: ["evaluate-\(scheme)[size=\(size ?? ""),repeat=\(repetition ?? 0)]"], converged: converged)
  }

  /// The original net and two schemes at sizes 1000 and 500, 3 repeats, in scrambled order.
  static let rows: [ResultRow] = {
    var rows = [row("original", nil, nil, split: "test", accuracy: 0.9877, loss: 0.04)]
    for (scheme, accuracy) in [("retrain", 0.98), ("1-step", 0.96)] {
      for size in ["1000", "500"] {
        for repetition in [2, 0, 1] {
          let shift = Double(repetition - 1) * 0.001
          rows.append(
            row(
              scheme, size, repetition, split: "group", accuracy: accuracy + shift, loss: 0.0005,
              converged: !(scheme == "1-step" && size == "500" && repetition == 2)))
          rows.append(
            row(scheme, size, repetition, split: "test", accuracy: accuracy, loss: 0.1 + shift))
        }
      }
    }
    return rows
  }()

  static let layout = ResultTableLayout(
    title: "Coherent group, label 0", columnTotal: 5923, order: ["retrain", "1-step"],
    footnotes: ["Damping 0.01."])

  @Test func cellsHoldMeanAndInterval() throws {
    let table = try ResultTable(Self.rows, layout: Self.layout)
    #expect(table.columns == ["500", "1000"])
    #expect(
      table.lines.map(\.key) == Array(repeating: ["retrain"], count: 4)
        + Array(repeating: ["1-step"], count: 4))
    let cell = try #require(table.lines[0].cells[0])
    #expect(cell.values == [0.979, 0.98, 0.981])
    let summary = try #require(cell.summary)
    // s = 0.001, t₀.₉₇₅(2) = 4.302652729696142.
    #expect(abs(summary.mean - 0.98) < 1e-15)
    #expect(
      abs(try #require(summary.confidenceHalfWidth) - 4.302652729696142 * 0.001 / 3.0.squareRoot()) < 1e-12)
    #expect(cell.nodes == (0...2).map { "evaluate-retrain[size=500,repeat=\($0)]" })
    #expect(table.baseline.map(\.figure.label) == ["test accuracy", "test loss"])
  }

  @Test func textIsThisTable() throws {
    let text = try ResultTable(Self.rows, layout: Self.layout).text()
    let expected = """
      Coherent group, label 0
      original: test accuracy 98.77 %, test loss 0.0400 (n = 1)

                           size │                500               1000
                          ratio │              8.4 %             16.9 %
                        repeats │                  3                  3
      ──────────────────────────┼──────────────────────────────────────
      retrain  self accuracy, % │       98.00 ± 0.25       98.00 ± 0.25
               test accuracy, % │       98.00 ± 0.00       98.00 ± 0.00
               self loss        │  5.00e-04 ± 0.0000  5.00e-04 ± 0.0000
               test loss        │    0.1000 ± 0.0025    0.1000 ± 0.0025
      ──────────────────────────┼──────────────────────────────────────
      1-step   self accuracy, % │      96.00 ± 0.25†       96.00 ± 0.25
               test accuracy, % │       96.00 ± 0.00       96.00 ± 0.00
               self loss        │ 5.00e-04 ± 0.0000†  5.00e-04 ± 0.0000
               test loss        │    0.1000 ± 0.0025    0.1000 ± 0.0025

      ± is half of the 95 % confidence interval of the mean over the repeats (Student's t).
      † A solver behind at least one of the repeats did not converge.
      Damping 0.01.

      """
    #expect(text == expected)
  }

  @Test func textWrapsIntoBlocksWithinTheWidth() throws {
    var rows: [ResultRow] = []
    for size in stride(from: 100, through: 3500, by: 200) {
      for repetition in 0..<2 {
        rows.append(
          Self.row(
            "retrain", "\(size)", repetition, split: "group", accuracy: 0.9, loss: 0.1 * Double(repetition)))
      }
    }
    for width in [60, 80, 120] {
      let text = try ResultTable(rows, layout: Self.layout).text(width: width)
      let lines = text.split(separator: "\n")
      #expect(lines.allSatisfy { $0.count <= width })
      // Every size stands once, whatever the number of blocks.
      let sizes = lines.filter { $0.contains(" size │") }.joined(separator: " ").split(separator: " ")
      #expect(sizes.filter { Int($0) != nil }.count == 18)
    }
  }

  @Test func partsCanBeChosen() throws {
    let table = try ResultTable(Self.rows, layout: Self.layout)
    let part = try table.selecting(columns: ["1000"], rows: ["1-step"])
    #expect(
      part.columns == ["1000"] && part.baseline.isEmpty
        && part.lines.map(\.key) == table.lines.suffix(4).map(\.key))
    #expect(part.lines.map(\.cells) == table.lines.suffix(4).map { [$0.cells[1]] })
    #expect(try table.selecting(columns: [], rows: []) == table)
    #expect(try table.selecting(columns: [], rows: ["original"]).lines.isEmpty)
    let error = #expect(throws: TableSelectionError.self) { try table.selecting(columns: ["7"], rows: []) }
    #expect(error?.description == "'7' is no column of this table; it has 500, 1000")
    #expect(throws: TableSelectionError.self) { try table.selecting(columns: [], rows: ["2-step"]) }
  }

  @Test func aCellWithANaNSaysSo() throws {
    let rows = [
      Self.row("1-step", "100", 0, split: "group", accuracy: 0.5, loss: .nan, converged: false),
      Self.row("1-step", "100", 1, split: "group", accuracy: 0.7, loss: 2, converged: true),
    ]
    let table = try ResultTable(rows, layout: Self.layout)
    #expect(table.text().contains("not finite†"))
    #expect(table.text().contains("gave NaN or infinity"))
    let json = try JSONSerialization.jsonObject(with: Data(table.json().utf8)) as? [String: Any]
    let cells = try #require(json?["cells"] as? [[String: Any]])
    let loss = try #require(cells.first { $0["metric"] as? String == "loss" })
    #expect(loss["mean"] == nil && loss["not_converged"] as? Int == 1)
    let values = try #require(loss["values"] as? [Any])
    #expect(values[0] is NSNull && values[1] as? Double == 2)
  }

  @Test func markdownHasOneBarMoreThanColumnsInEachRow() throws {
    var layout = Self.layout
    layout.title = "a | b"
    var rows = Self.rows
    rows.append(Self.row("odd|name", "500", 0, split: "test", accuracy: 1, loss: 0))
    let markdown = try ResultTable(rows, layout: layout).markdown()
    let table = markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(table.count == 2 + 2 + 10)
    for line in table { #expect(line.replacing("\\|", with: "").filter { $0 == "|" }.count == 5) }
    #expect(markdown.contains("| odd\\|name | test accuracy, % | 100.00 | – |"))
    #expect(markdown.contains("|  | repeats | 1–3 | 3 |"))
  }

  @Test func csvQuotesWhatNeedsIt() throws {
    var rows = Self.rows
    rows.append(Self.row("a,\"b\"\nc", "500", 0, split: "test", accuracy: 1, loss: 0.5))
    let csv = try ResultTable(rows, layout: Self.layout).csv()
    #expect(csv.hasPrefix("scheme,size,figure,split,metric,count,mean,standard_deviation,"))
    #expect(csv.contains("\"a,\"\"b\"\"\nc\",500,test loss,test,loss,1,0.5,,,0\r\n"))
    #expect(csv.contains("original,,test accuracy,test,accuracy,1,0.9877,,,0\r\n"))
    // 2 of the baseline, 2 · 4 · 2 cells, 2 of the odd scheme and the header.
    #expect(csv.components(separatedBy: "\r\n").count - 1 == 21)
  }

  /// A label with nothing but a comma in it is one field, not two.
  @Test func aCommaShiftsNoColumn() throws {
    let rows = [Self.row("near, far", "500", 0, split: "test", accuracy: 1, loss: 0.5)]
    let lines = try ResultTable(rows, layout: Self.layout).csv().components(separatedBy: "\r\n")
    #expect(lines[1] == "\"near, far\",500,test accuracy,test,accuracy,1,1.0,,,0")
  }

  /// What a line repeats of the one above is blank from the outside in; below another outer key nothing is.
  @Test func aKeyIsBlankOnlyBelowTheSameKey() throws {
    var rows: [ResultRow] = []
    for (scheme, part) in [("1-step", "near"), ("3-step", "near"), ("3-step", "far")] {
      var row = Self.row(scheme, "500", 0, split: "test", accuracy: 1, loss: 0.5)
      row.axes["part"] = part
      rows.append(row)
    }
    var layout = Self.layout
    (layout.rowAxes, layout.order) = (["scheme", "part"], [])
    let table = try ResultTable(rows, layout: layout)
    let keys = table.markdown().split(separator: "\n").filter { $0.contains("test ") }.map { line in
      line.split(separator: "|").prefix(2).map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(
      keys == [["1-step", "near"], ["", ""], ["3-step", "near"], ["", ""], ["", "far"], ["", ""]])
  }

  /// Values that are named in `order` come first, in that order, and the others as they appear.
  @Test func theOrderThatIsAskedForHolds() throws {
    var layout = Self.layout
    let rows = ["b", "c", "a"].map { Self.row($0, "500", 0, split: "test", accuracy: 1, loss: 0.5) }
    for (order, expected) in [
      (["a", "absent", "b"], ["a", "b", "c"]), (["c"], ["c", "b", "a"]), ([], ["b", "c", "a"]),
    ] {
      layout.order = order
      let keys = try ResultTable(rows, layout: layout).lines.map { $0.key[0] }
      #expect(
        keys.filter { !$0.isEmpty }.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
          == expected)
    }
  }

  @Test func jsonListsTheNodesBehindACell() throws {
    let json = try ResultTable(Self.rows, layout: Self.layout).json()
    let root = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(root["column_total"] as? Int == 5923 && root["column_axis"] as? String == "size")
    let cells = try #require(root["cells"] as? [[String: Any]])
    #expect(cells.count == 18)
    let marked = cells.filter { $0["not_converged"] as? Int == 1 }
    #expect(marked.count == 2)
    #expect(marked.allSatisfy { ($0["rows"] as? [String: String]) == ["scheme": "1-step"] })
    #expect(marked[0]["nodes"] as? [String] == (0...2).map { "evaluate-1-step[size=500,repeat=\($0)]" })
  }

  @Test func anyAxisMayStandAcross() throws {
    var layout = ResultTableLayout(title: "t", columnAxis: "scheme", rowAxes: ["size"])
    let table = try ResultTable(Self.rows.filter { $0.scheme != "original" }, layout: layout)
    #expect(table.columns == ["retrain", "1-step"])
    #expect(
      table.lines.map { $0.key[0] } == Array(repeating: "500", count: 4) + Array(repeating: "1000", count: 4))
    layout = ResultTableLayout(
      title: "t", columnAxis: "repeat", rowAxes: ["scheme", "size"], repeatAxis: nil)
    let single = try ResultTable(Self.rows, layout: layout)
    #expect(single.columns == ["0", "1", "2"])
    #expect(single.lines.count == 16)
    #expect(single.lines[0].cells[2]?.summary?.standardDeviation == nil)
  }

  @Test func refuseWhatCannotBePlaced() {
    let rows = Self.rows
    #expect(throws: ResultTableError.empty(figures: Self.layout.figures.map(\.label))) {
      try ResultTable([], layout: Self.layout)
    }
    #expect(throws: ResultTableError.duplicate(place: "retrain[repeat=2,size=1000] on group")) {
      try ResultTable([rows[1], rows[1]], layout: Self.layout)
    }
    var layout = Self.layout
    layout.rowAxes = []
    #expect(
      throws: ResultTableError.unusedAxis(
        name: "scheme", values: ["retrain", "1-step"], used: ["repeat", "size"])
    ) {
      try ResultTable(rows, layout: layout)
    }
    layout = Self.layout
    layout.repeatAxis = nil
    #expect(
      throws: ResultTableError.unusedAxis(
        name: "repeat", values: ["0", "1", "2"], used: ["scheme", "size"])
    ) {
      try ResultTable(rows, layout: layout)
    }
  }

  @Test func withoutATitleThereIsNoEmptyLine() throws {
    var layout = Self.layout
    layout.title = ""
    let table = try ResultTable(Self.rows, layout: layout)
    #expect(
      table.text().hasPrefix("original: ") && table.markdown().hasPrefix("original: "), "\(table.text())")
    let plain = PlainTable(title: "", columns: [("n", .counts([1]))], notes: [])
    #expect(plain.text().hasPrefix("n\n") && plain.markdown().hasPrefix("| n |"), "\(plain.text())")
  }
}
