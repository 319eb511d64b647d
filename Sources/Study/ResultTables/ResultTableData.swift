// A result table for programs: CSV and JSON, one record a cell.

import FoundationEssentials

extension ResultTable {
  /// One cell with its place.
  struct Record: Encodable {
    var rows: [String: String]
    var column: String?
    var figure: String
    var split: String
    var metric: String
    var count: Int
    var mean: Double?
    var standardDeviation: Double?
    var confidenceHalfWidth: Double?
    var notConverged: Int
    var values: [Double?]
    var nodes: [String]
  }

  /// CSV by RFC 4180, one record a cell: the row axes, the column axis (empty for the baseline), then figure,
  /// split, metric, count, mean, standard deviation, 95 % half-width and how many did not converge. Values
  /// are unrounded, and fractions stay fractions. Title and notes are left to the other formats.
  public func csv() -> String {
    let header =
      layout.rowAxes + [
        layout.columnAxis, "figure", "split", "metric", "count", "mean", "standard_deviation",
        "confidence_half_width", "not_converged",
      ]
    let body = records.map { record in
      layout.rowAxes.map { record.rows[$0] ?? "" } + [
        record.column ?? "", record.figure, record.split, record.metric, "\(record.count)",
        Self.field(record.mean), Self.field(record.standardDeviation),
        Self.field(record.confidenceHalfWidth), "\(record.notConverged)",
      ]
    }
    return ([header] + body).map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// JSON: `title`, `column_axis`, `column_total`, `notes`, `appendices` and `cells`, of which each has its place, its
  /// unrounded figures, the values behind them (null for NaN and infinity) and the nodes that made them.
  public func json() throws(EncodingError) -> String {
    struct Document: Encodable {
      var title: String
      var columnAxis: String
      var columnTotal: Int?
      var notes: [String]
      var cells: [Record]
      var appendices: [PlainTable.Document]?
    }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let document = Document(
      title: layout.title, columnAxis: layout.columnAxis, columnTotal: layout.columnTotal, notes: notes,
      cells: records, appendices: layout.appendices.isEmpty ? nil : layout.appendices.map(\.document))
    do {
      return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    } catch let error as EncodingError {
      throw error
    } catch {
      preconditionFailure("JSONEncoder throws EncodingError only: \(error)")
    }
  }

  private var records: [Record] {
    baseline.flatMap { records(of: $0, columns: [nil]) }
      + lines.flatMap { records(of: $0, columns: columns.map(Optional.some)) }
  }

  private func records(of line: Line, columns: [String?]) -> [Record] {
    zip(columns, line.cells).compactMap { column, cell in
      guard let cell else { return nil }
      return Record(
        rows: Dictionary(zip(layout.rowAxes, line.key)) { first, _ in first }, column: column,
        figure: line.figure.label, split: line.figure.split, metric: line.figure.metric,
        count: cell.values.count, mean: cell.summary?.mean,
        standardDeviation: cell.summary?.standardDeviation,
        confidenceHalfWidth: cell.summary?.confidenceHalfWidth, notConverged: cell.notConverged,
        values: cell.values.map { $0.isFinite ? $0 : nil }, nodes: cell.nodes)
    }
  }

  private static func field(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

  /// A field in quotes if it holds a comma, a quote or a line break.
  static func quoted(_ field: String) -> String {
    let special = field.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
    return special ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
  }
}
