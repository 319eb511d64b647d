// Figures by name, as a program writes them: a JSON object, or CSV of a header and a row.

import FoundationEssentials
import Glibc
import PipelineCore
import Wording

/// The file that `metrics` names.
enum MetricsFile {
  /// How figures are written.
  enum Format {
    case json, csv

    /// By the ending of a file's name.
    init?(_ path: ProgramPath) {
      if path.text.hasSuffix(".json") {
        self = .json
      } else if path.text.hasSuffix(".csv") {
        self = .csv
      } else {
        return nil
      }
    }
  }

  /// More is no list of figures.
  private static let largest = 1 << 20

  /// Reads the figures of a file that the program has made.
  static func read(_ path: ProgramPath, in folder: ProgramFolder) throws -> [String: Double] {
    let file = try folder.existingFile(path, of: "metrics")
    var info = stat()
    guard stat(file, &info) == 0, info.st_size <= largest else {
      throw StageFailure(
        "the metrics \(path.text) have more than \(largest >> 20) MB; expected figures by name")
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    let figures = try Format(path) == .json ? json(data, path.text) : csv(data, path.text)
    for name in figures.keys {
      guard let step = try? ProgramPath(name), step.steps.count == 1, step.text == name else {
        throw StageFailure(
          "the metrics \(path.text) have the name '\(name)', which can't be that of a figure")
      }
    }
    return figures
  }

  private static func json(_ data: Data, _ path: String) throws -> [String: Double] {
    let decoder = JSONDecoder()
    // Python's json writes NaN and Infinity, which are JSON5 only.
    decoder.allowsJSON5 = true
    guard let values = try? decoder.decode([String: Figure].self, from: data) else {
      throw StageFailure("the metrics \(path) are no JSON object of names and numbers")
    }
    guard !values.isEmpty else { throw StageFailure("the metrics \(path) have no figure") }
    var figures: [String: Double] = [:]
    for (name, figure) in values {
      guard case .number(let number) = figure else {
        throw StageFailure("the metrics \(path): '\(name)' is no number")
      }
      figures[name] = number
    }
    return figures
  }

  /// A value of the JSON object.
  private enum Figure: Decodable {
    case number(Double)
    case other

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      self = (try? value.decode(Double.self)).map(Figure.number) ?? .other
    }
  }

  private static func csv(_ data: Data, _ path: String) throws -> [String: Double] {
    // A byte order mark is no part of the first name.
    let isMarked = data.starts(with: [0xEF, 0xBB, 0xBF])
    let lines = String(decoding: isMarked ? data.dropFirst(3) : data, as: UTF8.self)
      .split(whereSeparator: \.isNewline)
      .map { line in line.split(separator: ",", omittingEmptySubsequences: false).map(unquoted) }
    guard lines.count == 2 else {
      throw StageFailure(
        "the metrics \(path) have \(counted(lines.count, "line")), expected a header and a row")
    }
    let (names, values) = (lines[0], lines[1])
    guard names.count == values.count, Set(names).count == names.count else {
      throw StageFailure(
        "the metrics \(path) have \(counted(names.count, "name")) and \(counted(values.count, "value")); expected one for each, no name twice"
      )
    }
    var figures: [String: Double] = [:]
    for (name, text) in zip(names, values) {
      guard let value = Double(text) else {
        throw StageFailure("the metrics \(path): '\(name)' is '\(text)', expected a number")
      }
      figures[name] = value
    }
    return figures
  }

  private static func unquoted(_ cell: Substring) -> String {
    let text = trimmed(cell)
    guard text.count >= 2, text.first == "\"", text.last == "\"" else { return text }
    return String(text.dropFirst().dropLast())
  }
}
