// Evaluations by scheme and axis values, with their gaps to retraining: what comparisons are made of.

import Artifacts
import PipelineCore

/// One evaluation.
struct EvaluationRow {
  /// The scheme, which is the label of its input.
  var scheme: String
  /// Axis values as text.
  var axes: [String: String]
  /// The figures that were asked for.
  var figures: [EvaluationMetric: Double]
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

/// The evaluations of a slot, of which some schemes are the reference: nets retrained from one seed or several.
struct EvaluationRows {
  /// All but the reference, in the order of the plan.
  var rows: [EvaluationRow] = []
  /// Those of the reference.
  private(set) var references: [EvaluationRow] = []
  /// Of the solves behind each input, in their order.
  private(set) var facts: [SolveFacts] = []
  /// The labels of the reference.
  private let names: [String]

  /// Reads some figures.
  ///
  /// - Parameters:
  ///   - references: The labels of the reference, each of which has rows.
  ///   - own: What commands and attacks call the figures.
  init(
    _ task: StageTask, slot: String = "rows", references names: [String], figures: [EvaluationMetric],
    names own: [EvaluationMetric: String] = [:]
  ) throws {
    self.names = names
    for (place, input) in (task.inputs[slot] ?? []).enumerated() {
      let values: [EvaluationMetric: Double]
      if input.stage != EvaluateStage.declaration.name {
        values = try Self.ownFigures(of: input, figures, own)
        facts.append(SolveFacts())
      } else {
        values = try Self.figures(ofEvaluation: input, figures)
        facts.append(try ArtifactReader<FactsArtifact>(input).read(\.facts))
      }
      let row = EvaluationRow(
        scheme: input.label, axes: input.axisTexts, figures: values,
        converged: facts[place].outcome.converged, node: input.node, place: place)
      if names.contains(input.label) { references.append(row) } else { rows.append(row) }
    }
    for name in names where !references.contains(where: { $0.scheme == name }) {
      let labels = Set((rows + references).map(\.scheme)).sorted().joined(separator: ", ")
      throw StageFailure("none of the rows is labelled '\(name)', the reference; the labels are \(labels)")
    }
  }

  private static func figures(ofEvaluation input: TaskInput, _ figures: [EvaluationMetric]) throws
    -> [EvaluationMetric: Double]
  {
    let file = try ArtifactReader<EvaluationArtifact>(input)
    var values: [EvaluationMetric: Double] = [:]
    for figure in figures {
      guard !figure.isOwn else {
        throw StageFailure(
          "\(input.node) has no metric '\(figure.name)'; "
            + suggestion(for: figure.name, among: EvaluationMetrics.names, of: "metrics"))
      }
      values[figure] = try file.read(\.metrics[figure])
    }
    return values
  }

  /// Those of a command or an attack, by the names that it gives them.
  private static func ownFigures(
    of input: TaskInput, _ figures: [EvaluationMetric], _ names: [EvaluationMetric: String]
  ) throws -> [EvaluationMetric: Double] {
    let own = try ArtifactReader<MetricsArtifact>(input).read(\.single)
    guard !own.isEmpty else {
      throw StageFailure("\(input.node) has no figures: name one of its outputs as 'metrics'")
    }
    var values: [EvaluationMetric: Double] = [:]
    for figure in figures {
      let name = names[figure] ?? figure.name
      guard let value = own[name] else {
        throw StageFailure(
          "\(input.node) has no metric '\(name)'; \(suggestion(for: name, among: own.keys.sorted(), of: "metrics"))"
        )
      }
      values[figure] = value
    }
    return values
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
    let loss = EvaluationMetric(split, .loss)
    let known = references.filter { $0.agrees(with: row) }.compactMap { $0.figures[loss] }
    guard !known.isEmpty, let own = row.figures[loss] else {
      throw StageFailure(
        "\(row.node) has no row of '\(names.joined(separator: "', '"))' at the same axis values to be compared with"
      )
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
