// The small table under a result table: of the solves behind its rows, so that a reader can judge what to trust.

import Artifacts
import ResultTables
import Wording

/// What is to be known of the solves behind a table.
enum SolveTable {
  /// The table, a record for each label of rows; nil if no solve stands behind any of them.
  static func table(_ facts: [SolveFacts], labels: [String]) -> PlainTable? {
    let groups = Set(labels).sorted().map { label in
      SolveGroup(
        label: label,
        rows: zip(facts, labels).filter { $0.1 == label && $0.0.outcome.residual.isFinite }.map(\.0))
    }.filter { !$0.rows.isEmpty }
    if groups.isEmpty { return nil }
    let columns = settings(groups) + costs(groups) + curvatures(groups) + changes(groups)
    return PlainTable(
      title: "Solves behind these rows",
      columns: [
        ("solves of", .texts(groups.map(\.label))), ("rows", .counts(groups.map(\.rows.count))),
      ] + columns,
      notes: legend(Set(columns.map(\.name))), notConverged: groups.map(\.notConverged))
  }

  private typealias Columns = [(name: String, values: PlainTable.Column)]

  /// Damping and the number of curvature images decide how far a step goes; a table without them can't be read.
  private static func settings(_ groups: [SolveGroup]) -> Columns {
    var columns: Columns = [("damping", .texts(groups.map { $0.values(\.damping) { "\($0)" } }))]
    if groups.contains(where: \.hasImpliedDamping) {
      columns.append(
        ("implied", .texts(groups.map { $0.values(\.dampingImplied) { printed($0, "%.2g") } })))
    }
    return columns + [("images", .texts(groups.map { $0.values(\.hessianImages) { "\($0)" } }))]
  }

  private static func costs(_ groups: [SolveGroup]) -> Columns {
    var columns: Columns = [
      ("residual", .numbers(groups.map { $0.most(\.residual) })),
      ("iterations", .ranges(groups.map { $0.range(\.iterations) })),
    ]
    if groups.contains(where: { $0.range(\.products).upperBound > 0 }) {
      columns.append(("products", .ranges(groups.map { $0.range(\.products) })))
    }
    return columns
  }

  private static func curvatures(_ groups: [SolveGroup]) -> Columns {
    [
      ("λ min", groups.map { $0.least(\.curvatureMin) }), ("λ max", groups.map { $0.most(\.curvatureMax) }),
      ("gradient", groups.map { $0.most(\.gradientNorm) }),
    ].filter { $0.1.contains(where: \.isFinite) }.map { ($0.0, .numbers($0.1)) }
  }

  private static func changes(_ groups: [SolveGroup]) -> Columns {
    var columns: Columns = []
    if groups.contains(where: { !$0.changes.isEmpty }) {
      columns = [
        ("1st order", .numbers(groups.map { mean($0.changes.map(\.firstOrder)) })),
        ("2nd order", .numbers(groups.map { mean($0.changes.map(\.secondOrder)) })),
        ("actual", .numbers(groups.map { mean($0.changes.map(\.actual)) })),
      ]
    }
    for images in Set(groups.flatMap { $0.comparisons.map(\.images) }).sorted() {
      columns.append(
        (
          "moved by \(images)",
          .numbers(
            groups.map { group in mean(group.comparisons.filter { $0.images == images }.map(\.moved)) })
        ))
    }
    return columns
  }

  /// What the headings mean, a line each.
  private static func legend(_ names: Set<String>) -> [String] {
    let meanings: [(name: String, meaning: String)] = [
      ("implied", "implied: the damping with what the solver's series adds"),
      ("images", "images: curvature images of a solve"),
      ("residual", "residual: the largest true relative residual"),
      ("iterations", "iterations: of the solver, for a net"),
      ("products", "products: of the curvature, for a net, without those of a shared spectrum"),
      ("λ max", "λ: the extreme eigenvalues of the curvature, as estimated"),
      ("gradient", "gradient: the largest norm of the mean gradient at the net"),
      (
        "actual",
        "1st order, 2nd order, actual: the change of the mean loss of a step's own images, as predicted and as "
          + "measured (means over the rows)"
      ),
    ]
    var parts = meanings.filter { names.contains($0.name) }.map(\.meaning)
    if names.contains(where: { $0.hasPrefix("moved by") }) {
      parts.append(
        "moved by n: ‖Δ − Δ′‖ / ‖Δ′‖, Δ′ the change that n curvature images give (mean over the rows)")
    }
    return parts
  }
}

/// The solves behind the rows of one label.
private struct SolveGroup {
  var label: String
  var rows: [SolveFacts]

  var notConverged: Int { rows.count { !$0.outcome.converged } }
  var hasImpliedDamping: Bool {
    rows.contains { $0.outcome.dampingImplied.isFinite && $0.outcome.dampingImplied != $0.outcome.damping }
  }
  /// The changes of loss that were predicted and measured.
  var changes: [LossEffect<Double>] {
    rows.map(\.change).filter { $0.firstOrder.isFinite && $0.secondOrder.isFinite && $0.actual.isFinite }
  }
  var comparisons: [CurvatureComparison] { rows.compactMap(\.comparison) }

  func most(_ figure: KeyPath<SolveOutcome, Double>) -> Double { finite(figure).max() ?? .nan }
  func least(_ figure: KeyPath<SolveOutcome, Double>) -> Double { finite(figure).min() ?? .nan }
  func range(_ count: KeyPath<SolveOutcome, Int>) -> ClosedRange<Int> {
    let counts = rows.map { $0.outcome[keyPath: count] }
    return (counts.min() ?? 0)...(counts.max() ?? 0)
  }

  /// The distinct values, ascending; of many the first and the last.
  func values<Figure: Comparable>(
    _ figure: KeyPath<SolveOutcome, Figure>, _ text: (Figure) -> String
  ) -> String {
    var texts: [String] = []
    for value in rows.map({ $0.outcome[keyPath: figure] }).sorted() where texts.last != text(value) {
      texts.append(text(value))
    }
    return texts.count > 4 ? "\(texts[0]) to \(texts[texts.count - 1])" : texts.joined(separator: ", ")
  }

  private func finite(_ figure: KeyPath<SolveOutcome, Double>) -> [Double] {
    rows.map { $0.outcome[keyPath: figure] }.filter(\.isFinite)
  }
}
