// A table of records: a line each, with intervals, for the terminal, Markdown and programs.

import FoundationEssentials
import Wording

/// A table with a line for each record.
public struct PlainTable: Sendable, Equatable {
  /// What stands in a column.
  public enum Column: Sendable, Equatable {
    /// Texts.
    case texts([String])
    /// Numbers; NaN is none.
    case numbers([Double])
    /// Whole numbers.
    case counts([Int])
    /// Whole numbers from … to …
    case ranges([ClosedRange<Int>])
    /// Numbers with the ends of their 95 % intervals; NaN is none.
    case intervals([Double], lower: [Double], upper: [Double])

    var count: Int {
      switch self {
      case .texts(let values): values.count
      case .numbers(let values), .intervals(let values, _, _): values.count
      case .counts(let values): values.count
      case .ranges(let values): values.count
      }
    }
  }

  /// The line above the table.
  public var title: String
  /// The columns with what stands above them; all of one length.
  public var columns: [(name: String, values: Column)]
  /// The lines below the table.
  public var notes: [String]
  /// For each record, how many of the results behind it stand on a solver that did not converge: its figures are
  /// marked.
  public var notConverged: [Int]
  /// For each record, the nodes behind it; empty if they are not known.
  public var nodes: [[String]] = []
  /// How many of the first columns name a record; nil for all texts before the first number.
  public var keys: Int?
  /// Small tables below the notes, of what the figures stand on.
  public var appendices: [PlainTable] = []

  /// Makes a table.
  ///
  /// - Parameter notConverged: See the property; without it every result has converged.
  public init(
    title: String, columns: [(name: String, values: Column)], notes: [String], notConverged: [Int]? = nil
  ) {
    precondition(Set(columns.map(\.values.count)).count <= 1, "columns of one length")
    let rows = columns.first?.values.count ?? 0
    precondition(notConverged.map { $0.count == rows } ?? true, "a number for each record")
    self.title = title
    self.columns = columns
    self.notes = notes
    self.notConverged = notConverged ?? [Int](repeating: 0, count: rows)
  }

  /// The columns that a person sees: with those that did not converge only where there are some.
  var shown: [(name: String, values: Column)] {
    notConverged.contains { $0 > 0 } ? columns + [("not converged", .counts(notConverged))] : columns
  }

  /// The notes, after the one that the marks call for.
  var allNotes: [String] {
    guard notConverged.contains(where: { $0 > 0 }) else { return notes }
    return ["\(ResultTable.mark) A solver behind at least one of the results did not converge."] + notes
  }

  private var rows: Int { columns.first?.values.count ?? 0 }

  /// Four decimals; three digits where those would show zeros only, or for a large number.
  public static func figure(_ value: Double) -> String {
    if value != 0, abs(value) < 0.001 { return printed(value, "%.2e") }
    return printed(value, abs(value) < 1000 ? "%.4f" : "%.4g")
  }

  private static func cell(_ column: Column, _ row: Int) -> String {
    switch column {
    case .texts(let values): return values[row]
    case .counts(let values): return "\(values[row])"
    case .ranges(let values):
      let (low, high) = (values[row].lowerBound, values[row].upperBound)
      return low == high ? "\(low)" : "\(low)–\(high)"
    case .numbers(let values): return values[row].isFinite ? figure(values[row]) : "–"
    case .intervals(let values, let lower, let upper):
      guard values[row].isFinite else { return "–" }
      guard lower[row].isFinite, upper[row].isFinite else { return figure(values[row]) }
      return "\(figure(values[row])) (\(figure(lower[row])) to \(figure(upper[row])))"
    }
  }

  /// The text of each cell, by row.
  var cells: [[String]] {
    (0..<rows).map { row in
      shown.map { column in
        let text = Self.cell(column.values, row)
        switch column.values {
        case .numbers, .intervals: return notConverged[row] > 0 ? text + ResultTable.mark : text
        case .texts, .counts, .ranges: return text
        }
      }
    }
  }

  /// Whether a column holds texts.
  func isText(_ column: Column) -> Bool {
    if case .texts = column { return true }
    return false
  }

  /// A GitHub Markdown table with its title, as a heading of some level, and its notes.
  public func markdown(level: Int = 3) -> String {
    func row(_ cells: [String]) -> String {
      "| "
        + cells.map(TextLines.inMarkdown).joined(separator: " | ") + " |"
    }
    let columns = shown
    var output = title.isEmpty ? [] : [String(repeating: "#", count: level) + " " + title, ""]
    output.append(row(columns.map(\.name)))
    output.append("| " + columns.map { isText($0.values) ? "---" : "---:" }.joined(separator: " | ") + " |")
    output += cells.map(row) + [""] + allNotes.map { "- " + $0 }
    return ([output.joined(separator: "\n") + "\n"] + appendices.map { $0.markdown(level: level + 1) })
      .joined(separator: "\n")
  }

  /// A record as names and values; an interval is three of them, a range two.
  private func record(_ row: Int) -> [(name: String, value: Value)] {
    (columns + [("not converged", .counts(notConverged))]).flatMap { column -> [(String, Value)] in
      switch column.values {
      case .texts(let values): return [(column.name, .text(values[row]))]
      case .counts(let values): return [(column.name, .count(values[row]))]
      case .ranges(let values):
        return [
          (column.name + " least", .count(values[row].lowerBound)),
          (column.name + " most", .count(values[row].upperBound)),
        ]
      case .numbers(let values): return [(column.name, .number(values[row]))]
      case .intervals(let values, let lower, let upper):
        return [
          (column.name, .number(values[row])), (column.name + " lower", .number(lower[row])),
          (column.name + " upper", .number(upper[row])),
        ]
      }
    }
  }

  fileprivate enum Value: Encodable {
    case text(String), count(Int), number(Double), list([String])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .count(let count): try container.encode(count)
      case .list(let texts): try container.encode(texts)
      case .number(let number):
        if number.isFinite { try container.encode(number) } else { try container.encodeNil() }
      }
    }

    var field: String {
      switch self {
      case .text(let text): text
      case .count(let count): "\(count)"
      case .list(let texts): texts.joined(separator: " ")
      case .number(let number): number.isFinite ? "\(number)" : ""
      }
    }
  }

  private static func key(_ name: String) -> String { name.replacing(" ", with: "_") }

  /// CSV by RFC 4180, values unrounded; an interval has two more columns, `lower` and `upper`. The last column counts
  /// the results that did not converge.
  public func csv() -> String {
    let records = (0..<rows).map(record)
    let header = (records.first ?? []).map { Self.key($0.name) }
    return ([header] + records.map { $0.map(\.value.field) })
      .map { $0.map(ResultTable.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// The table as JSON holds it.
  struct Document: Encodable {
    fileprivate var title: String
    fileprivate var notes: [String]
    fileprivate var records: [[String: Value]]
    fileprivate var appendices: [Document]?
  }

  /// The document of `json`.
  var document: Document {
    let records = (0..<rows).map { row in
      var values = Dictionary(record(row).map { (Self.key($0.name), $0.value) }) { first, _ in first }
      if row < nodes.count { values["nodes"] = .list(nodes[row]) }
      return values
    }
    return Document(
      title: title, notes: allNotes, records: records,
      appendices: appendices.isEmpty ? nil : appendices.map(\.document))
  }

  /// JSON: `title`, `notes`, `records` and `appendices`, values unrounded, null for none, each record with the `nodes`
  /// behind it.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }

  /// Equal in all that is shown.
  public static func == (a: PlainTable, b: PlainTable) -> Bool {
    a.title == b.title && a.notes == b.notes && a.notConverged == b.notConverged && a.nodes == b.nodes
      && a.appendices == b.appendices
      && a.columns.elementsEqual(b.columns) { $0.name == $1.name && $0.values == $1.values }
  }
}
