// Evaluations by scheme and axis values, with their gaps to retraining: what comparisons are made of.

import Artifacts
import PipelineCore

/// One evaluation.
struct EvaluationRow {
  /// The scheme, which is the label of its input.
  var scheme: String
  /// Axis values as text.
  var axes: [String: String]
  /// Mean cross-entropy by split.
  var losses: [EvaluationSplit: Double]
  /// Whether every solve behind it converged.
  var converged: Bool
  /// The node that made it.
  var node: String
  /// Its place among the inputs.
  var place: Int

  /// Whether all axes that both have, have the same value.
  func agrees(with other: EvaluationRow) -> Bool {
    axes.allSatisfy { other.axes[$0.key] == nil || other.axes[$0.key] == $0.value }
  }
}

/// The evaluations of a slot, of which one scheme is the reference: retraining.
struct EvaluationRows {
  /// All but the reference, in the order of the plan.
  var rows: [EvaluationRow] = []
  /// Those of the reference, by the values of its axes.
  private var references: [EvaluationRow] = []
  private let name: String

  /// Reads the losses of some splits.
  init(_ task: StageTask, slot: String = "rows", reference: String, splits: [EvaluationSplit]) throws {
    name = reference
    for (place, input) in (task.inputs[slot] ?? []).enumerated() {
      let file = try ArtifactReader<EvaluationArtifact>(input)
      var losses: [EvaluationSplit: Double] = [:]
      for split in splits { losses[split] = try file.read(\.metrics[EvaluationMetric(split, .loss)]) }
      let row = EvaluationRow(
        scheme: input.label,
        axes: input.axisTexts,
        losses: losses, converged: try file.read(\.facts.outcome.converged), node: input.node, place: place)
      if input.label == reference { references.append(row) } else { rows.append(row) }
    }
    guard !references.isEmpty else {
      let labels = Set(rows.map(\.scheme)).sorted().joined(separator: ", ")
      throw StageFailure(
        "none of the rows is labelled '\(reference)', the reference; the labels are \(labels)")
    }
  }

  /// The schemes, in the order of the rows.
  var schemes: [String] {
    var seen: Set<String> = []
    return rows.map(\.scheme).filter { seen.insert($0).inserted }
  }

  /// The places of the inputs that the gap of a row stands on: its own and those of the reference.
  func places(_ row: EvaluationRow) -> [Int] {
    [row.place] + references.filter { $0.agrees(with: row) }.map(\.place)
  }

  /// How far the loss on a split is above that of retraining, at the same values of the axes that both have; the
  /// mean over several retrainings.
  func gap(_ row: EvaluationRow, _ split: EvaluationSplit) throws -> Double {
    let known = references.filter { $0.agrees(with: row) }.compactMap { $0.losses[split] }
    guard !known.isEmpty, let own = row.losses[split] else {
      throw StageFailure("\(row.node) has no row of '\(name)' at the same axis values to be compared with")
    }
    return own - known.reduce(0, +) / Double(known.count)
  }
}

/// Distinct values: ascending if all are numbers, else in their order.
func distinctInOrder(_ values: [String]) -> [String] {
  var seen: Set<String> = []
  let distinct = values.filter { seen.insert($0).inserted }
  return distinct.allSatisfy { Double($0) != nil }
    ? distinct.sorted { (Double($0) ?? 0) < (Double($1) ?? 0) } : distinct
}
