// A table of records in each of its forms, and how it marks what did not converge.

import Foundation
import ResultTables
import Testing

@Suite struct PlainTableTests {
  @Test func plainTableInFourForms() throws {
    let table = PlainTable(
      title: "T",
      columns: [
        ("a name", .texts(["x|y", "b,\"c\""])), ("n", .counts([3, 12])), ("p", .numbers([0.5, .nan])),
        ("d", .intervals([1, -2], lower: [0.5, .nan], upper: [1.5, .nan])),
      ], notes: ["A note."])
    #expect(
      table.text()
        == """
        T

        a name   n       p                          d
        ─────────────────────────────────────────────
        x|y      3  0.5000  1.0000 (0.5000 to 1.5000)
        b,"c"   12       –                    -2.0000

        A note.

        """
    )
    #expect(table.markdown().contains("| x\\|y | 3 | 0.5000 | 1.0000 (0.5000 to 1.5000) |"))
    #expect(table.markdown().contains("| --- | ---: | ---: | ---: |"))
    #expect(
      table.csv()
        == "a_name,n,p,d,d_lower,d_upper,not_converged\r\nx|y,3,0.5,1.0,0.5,1.5,0\r\n"
        + "\"b,\"\"c\"\"\",12,,-2.0,,,0\r\n")
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(table.json().utf8)) as? [String: Any])
    let records = try #require(json["records"] as? [[String: Any]])
    #expect(records[0]["d_upper"] as? Double == 1.5 && records[1]["p"] is NSNull)
  }

  /// Three records with two names and six figures each.
  private var wide: PlainTable {
    PlainTable(
      title: "A table",
      columns: [("against", .texts(["retrain", "one step", "b"])), ("at", .texts(["100", "500", ""]))]
        + (1...6).map { ("figure \($0)", .numbers([1, 22, 333])) },
      notes: ["A note that is rather long, so that it must be broken between its words somewhere."])
  }

  @Test(arguments: [20, 30, 40, 60, 79, 80]) func aWideTableGoesOnInBlocks(width: Int) {
    let lines = wide.text(width: width).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= width }, "\(wide.text(width: width))")
    for figure in 1...6 { #expect(lines.contains { $0.contains("figure \(figure)") }) }
    #expect(
      lines.joined(separator: " ").replacing(#/ +/#, with: " ").contains("must be broken between its words"))
  }

  /// Where the names of the records leave no room for a figure, records go across.
  @Test func aTableThatIsStillTooWideIsTurned() {
    let table = PlainTable(
      title: "T",
      columns: [
        ("scheme", .texts(["a", "the second"])), ("setting", .texts(["one of many words", "x"])),
        ("p", .numbers([0.5, 0.25])),
      ], notes: [])
    #expect(
      table.text(width: 30)
        == """
        T

                                 1
        ──────────────────────────
        scheme                   a
        setting  one of many words
        p                   0.5000

                          2
        ───────────────────
        scheme   the second
        setting           x
        p            0.2500

        """)
    #expect(table.text(width: 40) == table.text())
  }

  @Test func recordsAndColumnsCanBeChosen() throws {
    let part = try wide.selecting(columns: ["figure 2"], rows: ["500", "b"])
    #expect(part.columns.map(\.name) == ["against", "at", "figure 2"])
    #expect(
      part.columns[2].values == .numbers([22, 333]) && part.columns[0].values == .texts(["one step", "b"]))
    #expect(throws: TableSelectionError.self) { try wide.selecting(columns: ["figure 7"], rows: []) }
    #expect(throws: TableSelectionError.self) { try wide.selecting(columns: [], rows: ["c"]) }
  }

  @Test func aSmallTableStandsBelowTheNotes() throws {
    var table = PlainTable(title: "T", columns: [("n", .counts([3]))], notes: ["A note."])
    table.appendices = [
      PlainTable(title: "Solves", columns: [("of", .texts(["x"])), ("steps", .ranges([2...2]))], notes: []),
      PlainTable(title: "More", columns: [("steps", .ranges([2...5]))], notes: ["Another."]),
    ]
    #expect(
      table.text()
        == """
        T

        n
        ─
        3

        A note.

        Solves

        of  steps
        ─────────
        x       2

        More

        steps
        ─────
          2–5

        Another.

        """)
    #expect(table.markdown().hasPrefix("### T\n") && table.markdown().contains("\n\n#### Solves\n\n| of |"))
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(table.json().utf8)) as? [String: Any])
    let small = try #require(json["appendices"] as? [[String: Any]])
    let record = try #require((small[1]["records"] as? [[String: Any]])?.first)
    #expect(record["steps_least"] as? Int == 2 && record["steps_most"] as? Int == 5)
    // The figures that a program computes with are the table's own.
    #expect(table.csv() == "n,not_converged\r\n3,0\r\n")
  }

  /// A result that did not converge never stands unmarked.
  @Test func figuresOfAFailedSolveAreMarked() throws {
    var table = PlainTable(
      title: "T",
      columns: [("a", .texts(["x", "y"])), ("n", .counts([3, 4])), ("p", .numbers([0.5, 0.25]))], notes: [],
      notConverged: [0, 2])
    table.nodes = [["one"], ["one", "two"]]
    #expect(
      table.text()
        == """
        T

        a  n        p  not converged
        ────────────────────────────
        x  3   0.5000              0
        y  4  0.2500†              2

        † A solver behind at least one of the results did not converge.

        """)
    #expect(table.markdown().contains("| y | 4 | 0.2500† | 2 |\n\n- † A solver behind"))
    #expect(table.csv() == "a,n,p,not_converged\r\nx,3,0.5,0\r\ny,4,0.25,2\r\n")
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(table.json().utf8)) as? [String: Any])
    let records = try #require(json["records"] as? [[String: Any]])
    #expect(records[1]["not_converged"] as? Int == 2 && records[1]["nodes"] as? [String] == ["one", "two"])
  }
}
