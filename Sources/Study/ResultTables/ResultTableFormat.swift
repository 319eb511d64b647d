// The words and numbers of a result table, shared by its renderings.

import Wording

extension ResultTable {
  /// The mark of a figure that stands on a solver that did not converge.
  public static let mark = "†"

  /// A cell as text: mean ± half of the 95 % interval, marked if a result behind it did not converge.
  static func text(_ cell: Cell?, figure: ResultTableLayout.Figure) -> String {
    guard let cell else { return "–" }
    let mark = cell.notConverged > 0 ? Self.mark : ""
    guard let summary = cell.summary else { return "not finite" + mark }
    let mean = number(summary.mean, figure)
    guard let half = summary.confidenceHalfWidth else { return mean + mark }
    return "\(mean) ± \(number(half, figure))\(mark)"
  }

  /// Percent with two decimals, or a plain number with the figure's; three digits where four decimals would show
  /// zeros only.
  static func number(_ value: Double, _ figure: ResultTableLayout.Figure) -> String {
    if figure.isPercent { return printed(100 * value, "%.2f") }
    if figure.decimals != 4 { return printed(value, "%.\(figure.decimals)f") }
    return PlainTable.figure(value)
  }

  /// A figure's label with its unit.
  static func label(_ figure: ResultTableLayout.Figure) -> String {
    figure.isPercent ? figure.label + ", %" : figure.label
  }

  /// A column's part of the total, such as `8.4 %`; none where it is no number.
  func ratio(ofColumn column: String) -> String? {
    guard let total = layout.columnTotal, total > 0, let value = Double(column) else { return nil }
    return printed(100 * value / Double(total), "%.1f %%")
  }

  /// The number of repeats behind a column, as a range where its lines differ.
  func repeats(ofColumn index: Int) -> String {
    Self.range(lines.compactMap { $0.cells[index]?.values.count })
  }

  private static func range(_ counts: [Int]) -> String {
    guard let low = counts.min(), let high = counts.max() else { return "–" }
    return low == high ? "\(low)" : "\(low)–\(high)"
  }

  /// One line a scheme without a column axis: `original: test accuracy 98.77 %, test loss 0.0401 (n = 1)`.
  var baselineSentences: [String] {
    var sentences: [String] = []
    var start = 0
    while start < baseline.count {
      let key = baseline[start].key
      let group = baseline[start...].prefix { $0.key == key }
      start += group.count
      let figures = group.map { line in
        "\(line.figure.label) \(Self.text(line.cells[0], figure: line.figure))"
          + (line.figure.isPercent ? " %" : "")
      }
      let counts = group.compactMap { $0.cells[0]?.values.count }
      let name = key.filter { !$0.isEmpty }.joined(separator: " ")
      sentences.append("\(name): \(figures.joined(separator: ", ")) (n = \(Self.range(counts)))")
    }
    return sentences
  }

  /// The caller's footnotes after those that the figures themselves call for.
  var notes: [String] {
    let cells = (lines + baseline).flatMap { $0.cells.compactMap { $0 } }
    var notes: [String] = []
    if cells.contains(where: { $0.summary?.confidenceHalfWidth != nil }) {
      notes.append("± is half of the 95 % confidence interval of the mean over the repeats (Student's t).")
    }
    if cells.contains(where: { $0.notConverged > 0 }) {
      notes.append("\(Self.mark) A solver behind at least one of the repeats did not converge.")
    }
    if cells.contains(where: { $0.summary == nil }) {
      notes.append("“not finite”: at least one of the repeats gave NaN or infinity.")
    }
    return notes + layout.footnotes
  }
}
