// A table as a page shows it: texts in a grid, each with the figures and the nodes behind it.

/// A table of cells. Pivoted tables and tables of records come to the same.
public struct TableGrid: Sendable, Equatable {
  /// One cell.
  public struct Cell: Sendable, Equatable {
    /// What is shown.
    public var text: String
    /// The value that it is sorted by; nil for a text.
    public var value: Double?
    /// Half of the 95 % interval of a mean; nil without one.
    public var halfWidth: Double?
    /// The values that it is the mean of, by repeat; empty for any other figure.
    public var repeats: [Double] = []
    /// The nodes behind it; empty if they are not known.
    public var nodes: [String] = []
  }

  /// The line above the table.
  public var title: String
  /// What stands above each column.
  public var columns: [String]
  /// How many of the first columns name the row.
  public var keys: Int
  /// The place among the columns of the name of a row's figure; nil where rows are records.
  public var figureColumn: Int?
  /// The cells by row, one for each column.
  public var rows: [[Cell]]
  /// Lines above the grid: results that have no place in it.
  public var above: [String]
  /// Lines below it.
  public var notes: [String]
  /// Small tables below those.
  public var appendices: [TableGrid]
}

extension ResultTable {
  /// The table as a grid; the axes of the rows and the figure name a row.
  public var grid: TableGrid {
    let rows = lines.map { line in
      line.key.map { TableGrid.Cell(text: $0, value: Double($0)) } + [
        TableGrid.Cell(text: Self.label(line.figure))
      ]
        + line.cells.map { cell in
          guard let cell else { return TableGrid.Cell(text: Self.text(nil, figure: line.figure)) }
          return TableGrid.Cell(
            text: Self.text(cell, figure: line.figure), value: cell.summary?.mean,
            halfWidth: cell.summary?.confidenceHalfWidth, repeats: cell.values, nodes: cell.nodes)
        }
    }
    var above = baselineSentences
    if layout.repeatAxis != nil {
      let counts = columns.indices.map { "\(repeats(ofColumn: $0)) at \(columns[$0])" }
      above.append("repeats: " + counts.joined(separator: ", "))
    }
    return TableGrid(
      title: layout.title,
      columns: layout.rowAxes + ["figure"]
        + columns.map { column in
          "\(layout.columnAxis) \(column)" + (ratio(ofColumn: column).map { " (\($0))" } ?? "")
        },
      keys: layout.rowAxes.count + 1, figureColumn: layout.rowAxes.count, rows: rows, above: above,
      notes: notes, appendices: layout.appendices.map(\.grid))
  }
}

extension PlainTable {
  /// The table as a grid.
  public var grid: TableGrid {
    let columns = shown
    let rows = cells.enumerated().map { row, texts in
      zip(columns, texts).map { column, text in
        TableGrid.Cell(
          text: text, value: Self.value(column.values, row), halfWidth: Self.halfWidth(column.values, row),
          nodes: isText(column.values) || row >= nodes.count ? [] : nodes[row])
      }
    }
    return TableGrid(
      title: title, columns: columns.map(\.name),
      keys: keys ?? columns.firstIndex { !isText($0.values) } ?? columns.count, figureColumn: nil,
      rows: rows, above: [],
      notes: allNotes, appendices: appendices.map(\.grid))
  }

  private static func value(_ column: Column, _ row: Int) -> Double? {
    switch column {
    case .texts: nil
    case .counts(let values): Double(values[row])
    case .ranges(let values): Double(values[row].lowerBound)
    case .numbers(let values), .intervals(let values, _, _): values[row].isFinite ? values[row] : nil
    }
  }

  private static func halfWidth(_ column: Column, _ row: Int) -> Double? {
    guard case .intervals(_, let lower, let upper) = column, lower[row].isFinite, upper[row].isFinite else {
      return nil
    }
    return (upper[row] - lower[row]) / 2
  }
}
