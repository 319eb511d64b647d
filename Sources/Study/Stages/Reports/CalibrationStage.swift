// The stage `calibration`: the setting of each scheme that comes closest to retraining, by one rule for all.

import Artifacts
import PipelineCore
import ResultTables
import Statistics

/// Chooses settings.
public enum CalibrationStage: Stage {
  /// The splits of the rule; never test images.
  private static let splits: [EvaluationSplit] = [.group, .retained]

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
    datasets: CalibrationArtifact.datasets, attributes: CalibrationArtifact.attributes,
    check: { parameters in
      parameters[settings].isEmpty
        ? ParameterProblem(settings, "'settings' needs at least one axis") : nil
    })

  /// Writes scores and choices.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let settings = task.parameters[settings]
    let all = try EvaluationRows(task, reference: task.parameters[reference], splits: splits)
    guard !all.rows.isEmpty else { throw StageFailure("there is no row but those of the reference") }
    let kinds = task.parameters[schemes]
    func name(_ label: String, _ axes: [String: String]) -> String {
      let values = kinds.compactMap { axes[$0] }
      return values.isEmpty ? label : values.joined(separator: " ")
    }
    var calibration = Calibration(axes: settings, candidates: [])
    var places: [[Int]] = []
    var lines = [
      "Rule: least mean of |gap of the group's loss| + |gap of the retained loss| to retraining; test images "
        + "take no part."
    ]
    let names = all.rows.map { name($0.scheme, $0.axes) }
    for scheme in distinctInOrder(names) {
      let rows = zip(all.rows, names).filter { $0.1 == scheme }.map(\.0)
      var (candidates, rowPlaces) = try candidates(scheme, rows, of: all, settings)
      lines.append(choose(scheme, &candidates, settings))
      calibration.candidates += candidates
      places += rowPlaces
    }
    let inputs = task.inputs["rows"] ?? []
    var artifact = try ArtifactWriter<CalibrationArtifact>(task)
    try artifact.write(\.candidates, calibration)
    try artifact.write(\.choice, lines)
    try artifact.write(
      \.solves,
      try SolveRecords(inputs, labels: inputs.map { name($0.label, $0.axisTexts) }, records: places))
    return try artifact.finish()
  }

  /// A scheme at each of its settings, with the places of the inputs that each stands on.
  private static func candidates(
    _ scheme: String, _ rows: [EvaluationRow], of all: EvaluationRows, _ settings: [String]
  ) throws -> ([CalibrationCandidate], places: [[Int]]) {
    guard rows.contains(where: { row in settings.contains { row.axes[$0] != nil } }) else {
      throw StageFailure(
        "'\(scheme)' has none of the axes \(settings.joined(separator: ", ")) to choose from")
    }
    var points = [[String]()]
    for axis in settings {
      let values = distinctInOrder(rows.map { $0.axes[axis] ?? "" })
      points = points.flatMap { point in values.map { point + [$0] } }
    }
    var candidates: [CalibrationCandidate] = []
    var places: [[Int]] = []
    for point in points {
      let here = rows.filter { row in zip(settings, point).allSatisfy { row.axes[$0] ?? "" == $1 } }
      if here.isEmpty { continue }
      let scores = try here.map { row in try splits.reduce(0) { $0 + abs(try all.gap(row, $1)) } }
      let score = Interval(try Summary(scores))
      var candidate = CalibrationCandidate()
      candidate.scheme = scheme
      candidate.axes = Dictionary(uniqueKeysWithValues: zip(settings, point))
      candidate.setting = zip(settings, point).filter { $0.1 != "" }.map { "\($0.0) \($0.1)" }
        .joined(separator: ", ")
      candidate.groups = scores.count
      candidate.notConverged = here.count { !$0.converged }
      (candidate.score, candidate.lower, candidate.upper) = (score.value, score.lower, score.upper)
      candidates.append(candidate)
      places.append(here.flatMap(all.places))
    }
    return (candidates, places)
  }

  /// Marks the best setting of a scheme and says so.
  private static func choose(
    _ scheme: String, _ candidates: inout [CalibrationCandidate], _ settings: [String]
  )
    -> String
  {
    let sound = candidates.indices.filter { candidates[$0].notConverged == 0 }
    guard let best = sound.min(by: { candidates[$0].score < candidates[$1].score }) else {
      return "\(scheme): no choice, for at no setting all solves converged."
    }
    candidates[best].isChosen = true
    let chosen = candidates[best]
    var line = "\(scheme): \(chosen.setting), score \(PlainTable.figure(chosen.score))"
    let edges = settings.filter { axis in
      let values = distinctInOrder(candidates.map { $0.axes[axis] ?? "" })
      return values.count > 1 && (chosen.axes[axis] == values.first || chosen.axes[axis] == values.last)
    }
    if !edges.isEmpty { line += "; at the edge of the sweep of \(edges.joined(separator: " and "))" }
    return line + "."
  }
}
