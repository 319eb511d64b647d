// The study's result table: long rows of measurements pivoted into cells with their spread over repeats.

import Statistics

/// One measurement: a scheme at a point of the axes, on one split.
public struct ResultRow: Sendable, Equatable, Codable {
  /// The scheme measured, such as `retrain`; pivots as the axis `scheme`.
  public var scheme: String
  /// The point of the axes, such as `["size": "500", "repeat": "3"]`.
  public var axes: [String: String]
  /// The split measured on, such as `group` or `test`.
  public var split: String
  /// Metric name → value, such as `loss` and `accuracy` (a fraction).
  public var metrics: [String: Double]
  /// The nodes that the measurement stands on.
  public var nodes: [String]
  /// Whether every solver behind it converged.
  public var converged: Bool

  /// Makes a row.
  public init(
    scheme: String, axes: [String: String], split: String, metrics: [String: Double],
    nodes: [String] = [], converged: Bool = true
  ) {
    self.scheme = scheme
    self.axes = axes
    self.split = split
    self.metrics = metrics
    self.nodes = nodes
    self.converged = converged
  }
}

/// How rows become a table.
public struct ResultTableLayout: Sendable, Equatable {
  /// A figure shown for every scheme: a metric on a split.
  public struct Figure: Sendable, Equatable {
    /// What the table calls it, such as `self accuracy`.
    public var label: String
    /// The split of its rows.
    public var split: String
    /// The metric of its rows.
    public var metric: String
    /// Whether a fraction is shown as percent (two decimals) rather than as it is (four).
    public var isPercent: Bool
    /// Decimals of a figure that is no percent.
    public var decimals: Int

    /// Makes a figure.
    public init(label: String, split: String, metric: String, isPercent: Bool, decimals: Int = 4) {
      self.label = label
      self.split = split
      self.metric = metric
      self.isPercent = isPercent
      self.decimals = decimals
    }
  }

  /// The line above the table.
  public var title: String
  /// The axis across.
  public var columnAxis: String
  /// The axes down, outermost first; `scheme` is one like the others.
  public var rowAxes: [String]
  /// The axis averaged over; none when each cell is one measurement.
  public var repeatAxis: String?
  /// The figures, innermost down.
  public var figures: [Figure]
  /// What a column value is a part of, for the line of ratios; none without such a line.
  public var columnTotal: Int?
  /// The values of row axes in the order wanted; others follow as they appear.
  public var order: [String]
  /// The lines below the table, as they are to be printed.
  public var footnotes: [String]
  /// Small tables below those, of what the figures stand on.
  public var appendices: [PlainTable]

  /// The four figures of the study: accuracy and loss on the removed group ("self") and on the test split.
  public static let studyFigures = [
    Figure(label: "self accuracy", split: "group", metric: "accuracy", isPercent: true),
    Figure(label: "test accuracy", split: "test", metric: "accuracy", isPercent: true),
    Figure(label: "self loss", split: "group", metric: "loss", isPercent: false),
    Figure(label: "test loss", split: "test", metric: "loss", isPercent: false),
  ]

  /// Makes a layout.
  public init(
    title: String, columnAxis: String = "size", rowAxes: [String] = ["scheme"],
    repeatAxis: String? = "repeat", figures: [Figure] = studyFigures, columnTotal: Int? = nil,
    order: [String] = [], footnotes: [String] = [], appendices: [PlainTable] = []
  ) {
    self.title = title
    self.columnAxis = columnAxis
    self.rowAxes = rowAxes
    self.repeatAxis = repeatAxis
    self.figures = figures
    self.columnTotal = columnTotal
    self.order = order
    self.footnotes = footnotes
    self.appendices = appendices
  }
}

/// Rows that no table can be made of.
public enum ResultTableError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No row has one of the figures of the layout.
  case empty(figures: [String])
  /// An axis varies inside a cell but is neither across, down nor the repeats.
  case unusedAxis(name: String, values: [String], used: [String])
  /// Two rows claim the same place.
  case duplicate(place: String)

  /// One sentence for a person.
  public var description: String {
    switch self {
    case .empty(let figures):
      "none of the results has a value of \(figures.joined(separator: ", or of "))"
    case .unusedAxis(let name, let values, let used):
      "the axis '\(name)' varies inside a cell (\(values.joined(separator: ", "))): "
        + "put it across, down, or average over it (these axes are: \(used.joined(separator: ", ")))"
    case .duplicate(let place): "two results claim the same place: \(place)"
    }
  }
}

/// A pivoted table.
public struct ResultTable: Sendable, Equatable {
  /// The measurements behind one figure.
  public struct Cell: Sendable, Equatable {
    /// The values, by repeat.
    public var values: [Double]
    /// Mean and spread; none when a value is not a finite number.
    public var summary: Summary?
    /// How many of the values stand on a solver that did not converge.
    public var notConverged: Int
    /// The nodes behind the values.
    public var nodes: [String]
  }

  /// A line of the table.
  public struct Line: Sendable, Equatable {
    /// The values of the row axes, outermost first; empty where the scheme has no such axis.
    public var key: [String]
    /// The figure shown.
    public var figure: ResultTableLayout.Figure
    /// One cell a column; none where nothing was measured.
    public var cells: [Cell?]
  }

  /// The layout that was asked for.
  public let layout: ResultTableLayout
  /// The values of the column axis, ascending when they are all numbers.
  public let columns: [String]
  /// Lines of results that have no column axis (the original net), one cell each; shown above the table.
  public let baseline: [Line]
  /// The table's lines.
  public let lines: [Line]

  /// A table of lines that are there already.
  init(layout: ResultTableLayout, columns: [String], baseline: [Line], lines: [Line]) {
    self.layout = layout
    self.columns = columns
    self.baseline = baseline
    self.lines = lines
  }

  /// Pivots `rows`.
  ///
  /// - Throws: `ResultTableError`.
  public init(_ rows: [ResultRow], layout: ResultTableLayout) throws(ResultTableError) {
    let wanted = rows.filter { row in
      layout.figures.contains { $0.split == row.split && row.metrics[$0.metric] != nil }
    }
    if wanted.isEmpty { throw .empty(figures: layout.figures.map(\.label)) }
    let across = wanted.filter { $0.value(of: layout.columnAxis) != nil }
    let above = wanted.filter { $0.value(of: layout.columnAxis) == nil }
    self.layout = layout
    columns = Self.ordered(across.compactMap { $0.value(of: layout.columnAxis) }, preferred: layout.order)
    lines = try Self.lines(across, layout: layout, columns: columns.map(Optional.some))
    baseline = try Self.lines(above, layout: layout, columns: [nil])
  }

  private static func lines(_ rows: [ResultRow], layout: ResultTableLayout, columns: [String?])
    throws(ResultTableError) -> [Line]
  {
    let orders = layout.rowAxes.map { axis in
      ordered(rows.map { $0.value(of: axis) ?? "" }, preferred: layout.order)
    }
    var groups: [[String]: [ResultRow]] = [:]
    for row in rows { groups[layout.rowAxes.map { row.value(of: $0) ?? "" }, default: []].append(row) }
    let keys = groups.keys.sorted { a, b in
      for (axis, order) in orders.enumerated() where a[axis] != b[axis] {
        return (order.firstIndex(of: a[axis]) ?? 0) < (order.firstIndex(of: b[axis]) ?? 0)
      }
      return false
    }
    var lines: [Line] = []
    for key in keys {
      for figure in layout.figures {
        let rows = (groups[key] ?? []).filter { $0.split == figure.split && $0.metrics[figure.metric] != nil }
        if rows.isEmpty { continue }
        let parts = Dictionary(grouping: rows) { $0.value(of: layout.columnAxis) }
        var cells: [Cell?] = []
        for column in columns {
          let part = parts[column] ?? []
          cells.append(part.isEmpty ? nil : try cell(part, figure: figure, layout: layout))
        }
        lines.append(Line(key: key, figure: figure, cells: cells))
      }
    }
    return lines
  }

  /// The cell of rows that differ in the repeat axis alone.
  private static func cell(
    _ rows: [ResultRow], figure: ResultTableLayout.Figure, layout: ResultTableLayout
  ) throws(ResultTableError) -> Cell {
    let used = Set([layout.columnAxis] + layout.rowAxes + [layout.repeatAxis].compactMap { $0 })
    let others = Set(rows.flatMap(\.axes.keys) + ["scheme"]).subtracting(used)
    for axis in others.sorted() {
      let values = ordered(rows.map { $0.value(of: axis) ?? "" }, preferred: [])
      if values.count > 1 { throw .unusedAxis(name: axis, values: values, used: used.sorted()) }
    }
    func repeatValue(_ row: ResultRow) -> String { layout.repeatAxis.flatMap { row.axes[$0] } ?? "" }
    let repeats = ordered(rows.map(repeatValue), preferred: [])
    if repeats.count != rows.count {
      let axes = rows[0].axes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      throw .duplicate(place: "\(rows[0].scheme)[\(axes.joined(separator: ","))] on \(figure.split)")
    }
    let position = Dictionary(uniqueKeysWithValues: repeats.enumerated().map { ($1, $0) })
    let sorted = rows.sorted { (position[repeatValue($0)] ?? 0) < (position[repeatValue($1)] ?? 0) }
    let values = sorted.compactMap { $0.metrics[figure.metric] }
    var nodes: [String] = []
    for node in sorted.flatMap(\.nodes) where !nodes.contains(node) { nodes.append(node) }
    return Cell(
      values: values, summary: try? Summary(values), notConverged: sorted.filter { !$0.converged }.count,
      nodes: nodes)
  }

  /// Distinct values: preferred ones first, then numbers ascending if all are numbers, else as they appear.
  private static func ordered(_ values: [String], preferred: [String]) -> [String] {
    var seen = Set<String>()
    var distinct = values.filter { seen.insert($0).inserted }
    if distinct.allSatisfy({ Double($0) != nil }) {
      distinct.sort { (Double($0) ?? 0) < (Double($1) ?? 0) }
    }
    return preferred.filter(seen.contains) + distinct.filter { !preferred.contains($0) }
  }
}

extension ResultRow {
  /// The value of an axis; the scheme counts as one.
  fileprivate func value(of axis: String) -> String? { axis == "scheme" ? scheme : axes[axis] }
}
