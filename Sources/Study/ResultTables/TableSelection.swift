// A part of a table: some columns, some rows.

/// A choice of what a table does not have.
public struct TableSelectionError: Error, Sendable, CustomStringConvertible {
  /// What was chosen, what there is.
  public var description: String

  /// Says that a table has no such thing.
  public init(_ name: String, isNo kind: String, among known: [String]) {
    let more = known.count > 30 ? ", …" : ""
    description =
      "'\(name)' is no \(kind) of this table; it has \(known.prefix(30).joined(separator: ", "))\(more)"
  }

  init(_ description: String) { self.description = description }
}

extension ResultTable {
  /// The table with some columns and some rows only; an empty list means all.
  ///
  /// - Parameters:
  ///   - columns: Values of the axis across.
  ///   - rows: Values of axes that go down, such as labels. They choose among the results above the table, too.
  /// - Throws: `TableSelectionError` for a value that the table does not have.
  public func selecting(columns chosen: [String], rows: [String]) throws(TableSelectionError) -> ResultTable {
    for name in chosen where !columns.contains(name) {
      throw TableSelectionError(name, isNo: "column", among: columns)
    }
    let keys = (lines + baseline).flatMap(\.key).filter { !$0.isEmpty }
    for name in rows where !keys.contains(name) {
      var seen: Set<String> = []
      throw TableSelectionError(name, isNo: "row", among: keys.filter { seen.insert($0).inserted })
    }
    let kept = columns.indices.filter { chosen.isEmpty || chosen.contains(columns[$0]) }
    func isKept(_ line: Line) -> Bool { rows.isEmpty || line.key.contains { rows.contains($0) } }
    return ResultTable(
      layout: layout, columns: kept.map { columns[$0] }, baseline: baseline.filter(isKept),
      lines: lines.filter(isKept).map { line in
        var line = line
        line.cells = kept.map { line.cells[$0] }
        return line
      })
  }
}

extension PlainTable {
  /// The table with some columns and some records only; an empty list means all.
  ///
  /// - Parameters:
  ///   - names: Names of columns. Those that name the records, the texts on the left, stay.
  ///   - rows: Texts in those columns.
  /// - Throws: `TableSelectionError` for what the table does not have.
  public func selecting(columns names: [String], rows: [String]) throws(TableSelectionError) -> PlainTable {
    for name in names where !columns.contains(where: { $0.name == name }) {
      throw TableSelectionError(name, isNo: "column", among: columns.map(\.name))
    }
    let naming = columns.prefix { if case .texts = $0.values { true } else { false } }
    let texts = naming.map { column in
      if case .texts(let texts) = column.values { texts } else { [String]() }
    }
    for row in rows where !texts.joined().contains(row) {
      var seen: Set<String> = []
      throw TableSelectionError(row, isNo: "row", among: texts.joined().filter { seen.insert($0).inserted })
    }
    let kept = notConverged.indices.filter { record in
      rows.isEmpty || texts.contains { rows.contains($0[record]) }
    }
    var table = self
    table.columns = columns.enumerated().filter { place, column in
      names.isEmpty || place < naming.count || names.contains(column.name)
    }.map { ($1.name, $1.values.picking(kept)) }
    table.notConverged = kept.map { notConverged[$0] }
    if !nodes.isEmpty { table.nodes = kept.filter(nodes.indices.contains).map { nodes[$0] } }
    return table
  }
}

extension PlainTable.Column {
  /// The values of some records.
  fileprivate func picking(_ records: [Int]) -> Self {
    switch self {
    case .texts(let values): .texts(records.map { values[$0] })
    case .numbers(let values): .numbers(records.map { values[$0] })
    case .counts(let values): .counts(records.map { values[$0] })
    case .ranges(let values): .ranges(records.map { values[$0] })
    case .intervals(let values, let lower, let upper):
      .intervals(
        records.map { values[$0] }, lower: records.map { lower[$0] }, upper: records.map { upper[$0] })
    }
  }
}
