// A table artifact as a person or a program reads it: pivoted, with intervals and a small table of solves.

import Artifacts
import PipelineCore
import ResultTables
import Statistics

/// Renders a table artifact.
public struct TableReport {
  /// How a table is written.
  public enum Format: String, CaseIterable, Sendable { case text, markdown, csv, json }

  /// The parameter that all of them have.
  package static let title = Parameter("title", .string, default: "", "stands above the table")

  /// The stages whose artifacts are tables.
  public static let stages: Set<String> = Set(
    [
      TableStage.declaration, DifferencesStage.declaration, CalibrationStage.declaration,
      CorrelationStage.declaration, LogisticErrorsStage.declaration, FactorsStage.declaration,
      PartSharesStage.declaration, AgreementStage.declaration,
    ]
    .map(\.name))

  /// What of a table is shown; an empty list means all that there is.
  public struct Selection: Sendable {
    /// Values of the axis that goes across, or names of columns.
    public var columns: [String] = []
    /// Labels, or other values that go down.
    public var rows: [String] = []
    /// Figures, in the words of the parameter `metrics` of `table`.
    public var metrics: [String] = []

    /// A choice.
    public init(columns: [String] = [], rows: [String] = [], metrics: [String] = []) {
      self.columns = columns
      self.rows = rows
      self.metrics = metrics
    }
  }

  private enum Table {
    case pivoted(ResultTable)
    case plain(PlainTable)
  }

  private let table: Table

  /// Reads a table artifact.
  ///
  /// - Parameters:
  ///   - path: The artifact's file.
  ///   - parameters: The parameters of the table's node.
  ///   - nodes: For each row of the input, the names of the nodes behind it, as the pipeline calls them now.
  ///   - selection: What of it is shown.
  /// - Throws: `HDF5Error` for an unreadable file, `ResultTableError` for rows that make no table,
  ///   `TableSelectionError` for a choice of what the table does not have.
  public init(
    file path: String, parameters: ParameterValues, nodes: [[String]], selection: Selection = Selection()
  ) throws {
    let file = try ArtifactReader<TableArtifact>(at: path)
    let stage = try file.stage()
    if stage == TableStage.declaration.name {
      let metrics = selection.metrics.isEmpty ? parameters[TableStage.metrics] : selection.metrics
      let whole = try Self.pivoted(file, parameters: parameters, metrics: metrics, nodes: nodes)
      table = .pivoted(try whole.selecting(columns: selection.columns, rows: selection.rows))
    } else {
      if let metric = selection.metrics.first {
        throw TableSelectionError(metric, isNo: "metric", among: ["columns only, which --columns chooses"])
      }
      let whole = try Self.plain(path, stage: stage, title: parameters[Self.title], nodes: nodes)
      table = .plain(try whole.selecting(columns: selection.columns, rows: selection.rows))
    }
  }

  /// Reads a table artifact by the parameters that it was made with; nil for an artifact of another stage.
  ///
  /// - Throws: As above, and `StageFailure` if it records other parameters than the stage has now.
  public init?(recorded path: String, of stage: StageDeclaration) throws {
    let file = try ArtifactReader<TableArtifact>(at: path)
    guard try file.stage() == stage.name else { return nil }
    try self.init(file: path, parameters: file.parameters(of: stage), nodes: [])
  }

  private static func pivoted(
    _ file: borrowing ArtifactReader<TableArtifact>, parameters: ParameterValues, metrics: [String],
    nodes: [[String]]
  ) throws -> ResultTable {
    let names = try file.read(\.rows)
    let (schemes, axes) = (names.labels, names.axes)
    let facts = try file.read(\.facts)
    let pools = try file.read(\.poolSize)
    let sizes = try file.read(\.groupSize)
    // A share of the pool is shown only where the columns are numbers of removed images.
    let across = axes[parameters[TableStage.columns]] ?? []
    let pool = across == sizes.map(String.init) && Set(pools).count == 1 ? pools.first : nil
    let columns = try file.read(\.metrics)
    let choices: [EvaluationMetrics.Choice]
    do throws(EvaluationMetrics.UnknownMetric) {
      choices = try EvaluationMetrics.choices(metrics, among: columns.keys)
    } catch {
      throw TableSelectionError(error.name, isNo: "metric", among: error.known)
    }
    let over = parameters[TableStage.over]
    var rows: [ResultRow] = []
    for choice in choices {
      var values = columns[choice.metric] ?? []
      if let unit = choice.unit {
        let points = schemes.indices.map { row in
          axes.filter { $0.key != over }.sorted { $0.key < $1.key }.map { $0.value[row] }
        }
        values = Self.inSpreads(
          values, try file.read(\.metrics[unit]), references: try file.read(\.references), points: points)
      }
      // A figure of a command that is NaN comes from a run that failed to give one, and spoils its cell for all to see.
      let hides: (Double) -> Bool = choice.metric.isOwn ? \.isMissing : \.isNaN
      for row in schemes.indices where choice.isAlways || !hides(values[row]) {
        rows.append(
          ResultRow(
            scheme: schemes[row], axes: axes.compactMapValues { $0[row].isEmpty ? nil : $0[row] },
            split: choice.figure.split, metrics: [choice.figure.metric: values[row]],
            nodes: row < nodes.count ? nodes[row] : [], converged: facts[row].outcome.converged))
      }
    }
    return try ResultTable(
      rows,
      layout: ResultTableLayout(
        title: parameters[Self.title], columnAxis: parameters[TableStage.columns],
        rowAxes: parameters[TableStage.down], repeatAxis: over, figures: choices.map(\.figure),
        columnTotal: pool, order: parameters[TableStage.order],
        footnotes: Self.legend(choices),
        appendices: SolveTable.table(facts, labels: schemes).map { [$0] } ?? []))
  }

  /// Gaps in spreads: divided by what a net that is like the k retrained ones differs from their mean by, √(1 + 1/k)
  /// seed-to-seed standard deviations. That deviation is the root mean square over all rows at the same point of the axes,
  /// whatever their scheme, since they share the retrained nets.
  ///
  /// A deviation of two or three seeds alone is too uncertain to divide by.
  private static func inSpreads(
    _ gaps: [Double], _ spreads: [Double], references: [Int], points: [[String]]
  ) -> [Double] {
    let pooled = Dictionary(grouping: gaps.indices, by: { points[$0] }).mapValues { rows in
      let squares = rows.map { spreads[$0] * spreads[$0] }.filter(\.isFinite)
      return squares.isEmpty ? .nan : (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
    return gaps.indices.map { row in
      references[row] == 0
        ? .nan : gaps[row] / ((pooled[points[row]] ?? .nan) * SeedSpread.factor(references: references[row]))
    }
  }

  /// What the figures of a table mean, where their names don't say it.
  private static func legend(_ choices: [EvaluationMetrics.Choice]) -> [String] {
    if choices.allSatisfy(\.metric.isOwn) { return [] }
    var lines = ["self: the removed images; loss: mean cross-entropy without regularisation"]
    let metrics = Set(choices.map(\.figure.metric))
    if choices.contains(where: { $0.unit != nil }) {
      lines.append(
        "in spreads: the gap to the mean of k retrained nets, divided by √(1 + 1/k) standard deviations of retraining from "
          + "seed to seed: what a net like them differs by"
      )
    }
    for (metric, line) in EvaluationMetrics.meanings where metrics.contains(metric) { lines.append(line) }
    return lines
  }

  /// The table as a page shows it.
  public var grid: TableGrid {
    switch table {
    case .pivoted(let table): table.grid
    case .plain(let table): table.grid
    }
  }

  /// The table as text that ends without a newline.
  ///
  /// - Parameter width: Of text: at most so many columns; nil for a reader without a width of its own.
  public func render(_ format: Format, width: Int? = nil) throws -> String {
    switch (table, format) {
    case (.pivoted(let table), .text): table.text(width: width)
    case (.pivoted(let table), .markdown): table.markdown()
    case (.pivoted(let table), .csv): table.csv()
    case (.pivoted(let table), .json): try table.json()
    case (.plain(let table), .text): table.text(width: width)
    case (.plain(let table), .markdown): table.markdown()
    case (.plain(let table), .csv): table.csv()
    case (.plain(let table), .json): try table.json()
    }
  }
}
