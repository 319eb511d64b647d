// The stage `calibration`: the setting of each scheme that comes closest to retraining, by one rule for all.

import HDF5
import PipelineCore
import ResultTables
import Statistics

/// Chooses settings.
public enum CalibrationStage: Stage {
  /// The splits of the rule; never test images.
  private static let splits = ["group", "retained"]

  static let settings = Parameter(
    "settings", .list(.string), default: ["damping"],
    "the axes whose values are settings to choose from; means are taken over the others")
  static let schemes = Parameter(
    "schemes", .list(.string), default: [],
    "axes of which each value is a scheme of its own, beside the labels")
  static let reference = Parameter(
    "reference", .string, default: "retrain", "the label of retraining, which gaps are taken to")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "calibration", version: 2,
    summary: "chooses each scheme's setting by closeness to retraining on removed and retained images",
    parameters: [TableReport.title, settings, schemes, reference],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["evaluate"], .many,
        "the evaluations by scheme, as label: stage, of groups that no reported table uses")
    ],
    datasets: [
      LayoutDeclaration("/{scheme,setting}", "string [k]", "a scheme at a setting"),
      LayoutDeclaration("/settings/AXIS", "string [k]", "the setting's axis values; empty without that axis"),
      LayoutDeclaration(
        "/{groups,not_converged}", "i64 [k]", "groups, and those behind which a solve failed"),
      LayoutDeclaration(
        "/{score,lower,upper}", "f64 [k]",
        "mean of |gap of the group's loss| + |gap of the retained loss| to retraining, with its 95 % interval"
      ),
      LayoutDeclaration(
        "/chosen", "u8 [k]", "1: the least score of its scheme among settings that all converged"),
      LayoutDeclaration("/choice", "string [v]", "the rule and the choices in words"),
    ] + TrustFacts.rowDatasets,
    check: { parameters in
      parameters[settings].isEmpty
        ? ParameterProblem(settings, "'settings' needs at least one axis") : nil
    })

  private struct Candidate {
    var scheme: String
    var axes: [String: String]
    var setting: String
    var summary: Summary
    var notConverged: Int
    /// The places of the inputs that it stands on.
    var rows: [Int]
    var isChosen = false
  }

  /// Writes scores and choices.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let settings = task.parameters[Self.settings]
    let all = try EvaluationRows(task, reference: task.parameters[reference], splits: splits)
    guard !all.rows.isEmpty else { throw StageFailure("there is no row but those of the reference") }
    var candidates: [Candidate] = []
    var lines = [
      "Rule: least mean of |gap of the group's loss| + |gap of the retained loss| to retraining; test images "
        + "take no part."
    ]
    let kinds = task.parameters[schemes]
    func name(_ label: String, _ axes: [String: String]) -> String {
      let values = kinds.compactMap { axes[$0] }
      return values.isEmpty ? label : values.joined(separator: " ")
    }
    func name(_ row: EvaluationRow) -> String { name(row.scheme, row.axes) }
    for scheme in distinctInOrder(all.rows.map(name)) {
      let rows = all.rows.filter { name($0) == scheme }
      guard rows.contains(where: { row in settings.contains { row.axes[$0] != nil } }) else {
        throw StageFailure(
          "'\(scheme)' has none of the axes \(settings.joined(separator: ", ")) to choose from")
      }
      var points = [[String]()]
      for axis in settings {
        let values = distinctInOrder(rows.map { $0.axes[axis] ?? "" })
        points = points.flatMap { point in values.map { point + [$0] } }
      }
      var own: [Candidate] = []
      for point in points {
        let here = rows.filter { row in zip(settings, point).allSatisfy { row.axes[$0] ?? "" == $1 } }
        if here.isEmpty { continue }
        let scores = try here.map { row in try splits.reduce(0) { $0 + abs(try all.gap(row, $1)) } }
        let axes = Dictionary(uniqueKeysWithValues: zip(settings, point))
        own.append(
          Candidate(
            scheme: scheme, axes: axes,
            setting: zip(settings, point).filter { $0.1 != "" }.map { "\($0.0) \($0.1)" }
              .joined(separator: ", "),
            summary: try Summary(scores), notConverged: here.filter { !$0.converged }.count,
            rows: here.flatMap(all.places)))
      }
      lines.append(choose(scheme, &own, settings))
      candidates += own
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/scheme", candidates.map(\.scheme))
    try artifact.write("/setting", candidates.map(\.setting))
    for axis in settings { try artifact.write("/settings/\(axis)", candidates.map { $0.axes[axis] ?? "" }) }
    try artifact.write("/groups", candidates.map { Int64($0.summary.count) })
    try artifact.write("/not_converged", candidates.map { Int64($0.notConverged) })
    try artifact.write("/score", candidates.map(\.summary.mean))
    try artifact.write(
      "/lower", candidates.map { $0.summary.mean - ($0.summary.confidenceHalfWidth ?? .nan) })
    try artifact.write(
      "/upper", candidates.map { $0.summary.mean + ($0.summary.confidenceHalfWidth ?? .nan) })
    try artifact.write("/chosen", candidates.map { UInt8($0.isChosen ? 1 : 0) })
    try artifact.write("/choice", lines)
    let inputs = task.inputs["rows"] ?? []
    let labels = inputs.map { input in
      name(
        input.label,
        Dictionary(input.axes.map { ($0.axis, $0.value.plainText) }) { first, _ in first })
    }
    try TrustFacts.gather(inputs, labels: labels, records: candidates.map(\.rows), into: &artifact)
    return try artifact.finish()
  }

  /// Marks the best setting of a scheme and says so.
  private static func choose(_ scheme: String, _ candidates: inout [Candidate], _ settings: [String])
    -> String
  {
    let sound = candidates.indices.filter { candidates[$0].notConverged == 0 }
    guard let best = sound.min(by: { candidates[$0].summary.mean < candidates[$1].summary.mean }) else {
      return "\(scheme): no choice, for at no setting all solves converged."
    }
    candidates[best].isChosen = true
    let chosen = candidates[best]
    var line = "\(scheme): \(chosen.setting), score \(PlainTable.figure(chosen.summary.mean))"
    let edges = settings.filter { axis in
      let values = distinctInOrder(candidates.map { $0.axes[axis] ?? "" })
      return values.count > 1 && (chosen.axes[axis] == values.first || chosen.axes[axis] == values.last)
    }
    if !edges.isEmpty { line += "; at the edge of the sweep of \(edges.joined(separator: " and "))" }
    return line + "."
  }
}
