// A table of records on a terminal: in blocks of columns where it is too wide, turned where even those are.

extension PlainTable {
  /// Aligned text of at most `width` columns; nil for a width without end.
  ///
  /// A table that is wider goes on in further blocks, each of which begins with the columns that name the records: those
  /// of text on the left. Where not even one more column fits beside these, the table is turned: a record becomes a
  /// column. Only a column that is wider than the terminal by itself is wider here.
  public func text(width: Int? = nil) -> String {
    var output = title.isEmpty ? [] : TextLines.wrapped([title], width: width) + [""]
    let grid = Grid(
      header: shown.map(\.name), rows: cells, isLeft: shown.map { isText($0.values) },
      names: keys ?? shown.prefix { isText($0.values) }.count)
    output += grid.lines(width: width)
    if !allNotes.isEmpty { output += [""] + TextLines.wrapped(allNotes, width: width) }
    return ([output.joined(separator: "\n") + "\n"] + appendices.map { $0.text(width: width) })
      .joined(separator: "\n")
  }
}

/// Cells of text, laid out in columns.
private struct Grid {
  var header: [String]
  var rows: [[String]]
  /// Whether a column is flush left.
  var isLeft: [Bool]
  /// How many columns on the left name the records.
  var names: Int

  private static let gap = 2

  func lines(width: Int?) -> [String] {
    guard let width, self.width(of: Array(header.indices)) > width else {
      return block(Array(header.indices))
    }
    let named = Array(0..<names)
    let rest = header.indices.dropFirst(names)
    let fits = rest.allSatisfy { self.width(of: named + [$0]) <= width }
    guard fits, !rest.isEmpty else {
      // Turning a table that is turned already would not help.
      return isTurned ? blocks([0], Array(rest), width) : turned().lines(width: width)
    }
    return blocks(named, Array(rest), width)
  }

  /// Whether the only column of names is that of the fields.
  private var isTurned: Bool { header.first == Self.fields }
  private static let fields = " "

  /// Each field a row, each record a column.
  private func turned() -> Grid {
    let numbers = rows.indices.map { String($0 + 1) }
    let fields = header.indices.map { field in [header[field]] + rows.map { $0[field] } }
    return Grid(
      header: [Self.fields] + numbers, rows: fields, isLeft: [true] + numbers.map { _ in false }, names: 1)
  }

  private func blocks(_ named: [Int], _ rest: [Int], _ width: Int) -> [String] {
    var blocks: [[Int]] = []
    for column in rest {
      if let last = blocks.last, self.width(of: named + last + [column]) <= width {
        blocks[blocks.count - 1].append(column)
      } else {
        blocks.append([column])
      }
    }
    return Array(blocks.map { block(named + $0) }.joined(separator: [""]))
  }

  private func columnWidth(_ column: Int) -> Int {
    max(header[column].count, rows.map { $0[column].count }.max() ?? 0)
  }

  private func width(of columns: [Int]) -> Int {
    columns.reduce(-Self.gap) { $0 + columnWidth($1) + Self.gap }
  }

  private func block(_ columns: [Int]) -> [String] {
    let widths = columns.map(columnWidth)
    func line(_ cells: [String]) -> String {
      let padded = zip(columns, widths).map { column, width in
        let padding = String(repeating: " ", count: width - cells[column].count)
        return isLeft[column] ? cells[column] + padding : padding + cells[column]
      }
      return padded.joined(separator: String(repeating: " ", count: Self.gap)).replacing(#/\s+$/#, with: "")
    }
    let rule = String(repeating: "─", count: max(0, width(of: columns)))
    return [line(header), rule] + rows.map(line)
  }
}
