// The stage `calibration`: the setting of each scheme that comes closest to retraining, by one rule for all.

import Artifacts
import PipelineCore
import ResultTables
import Statistics

/// Chooses settings.
public enum CalibrationStage: Stage {
  /// The splits that a rule may take; never test images.
  enum Split: String, CaseIterable {
    case group, retained

    var split: EvaluationSplit { self == .group ? .group : .retained }
  }

  static let settings = Parameter(
    "settings", .list(.string), default: ["damping"],
    "the axes whose values are settings to choose from; means are taken over the others")
  static let schemes = Parameter(
    "schemes", .list(.string), default: [],
    "axes of which each value is a scheme of its own, beside the labels")
  static let reference = Parameter(
    "reference", .string, default: "retrain", "the label of retraining, which gaps are taken to")

  static let again = Parameter(
    "again", .list(.string), default: [],
    "labels of nets retrained from other seeds, over which and reference gaps are taken to the mean")
  static let control = Parameter(
    "control", .optional(.string), default: nil,
    "the label of a retrained net of yet another seed, whose score is the noise floor (null: there is none)")
  static let splits = Parameter(
    "splits", .list(.choice(Split.self)), default: [.group, .retained],
    "the images whose loss is to be that of retraining: group, retained")
  static let heldAxis = Parameter(
    "held_axis", .optional(.string), default: nil,
    "the axis of which some values take no part in the choice and score it (null: none)")
  static let held = Parameter("held", .list(.string), default: [], "those values of held_axis, as text")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "calibration", version: 3,
    summary: "chooses each scheme's setting by closeness to retraining on removed and retained images",
    parameters: [TableReport.title, settings, schemes, reference, again, control, splits, heldAxis, held],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["evaluate"], .many,
        "the evaluations by scheme, as label: stage, of groups that no reported table uses")
    ],
    datasets: CalibrationArtifact.datasets, attributes: CalibrationArtifact.attributes,
    check: { parameters in
      if parameters[settings].isEmpty {
        return ParameterProblem(settings, "'settings' needs at least one axis")
      }
      if parameters[splits].isEmpty || Set(parameters[splits]).count < parameters[splits].count {
        return ParameterProblem(splits, "'splits' must be one or two different splits")
      }
      return parameters[held].isEmpty == (parameters[heldAxis] == nil)
        ? nil : ParameterProblem(held, "'held' names values of 'held_axis': give both or neither")
    })

  /// Writes scores and choices.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let values = task.parameters
    let settings = values[settings]
    let all = try EvaluationRows(
      task, references: [values[reference]] + values[again],
      figures: values[splits].map { EvaluationMetric($0.split, .loss) })
    let control = values[control]
    if let control, !all.schemes.contains(control) {
      throw StageFailure(
        "no row is labelled '\(control)'; \(suggestion(for: control, among: all.schemes, of: "labels"))")
    }
    let candidateRows = all.rows.filter { $0.scheme != control }
    guard !candidateRows.isEmpty else { throw StageFailure("there is no row but those of retrained nets") }
    let kinds = values[schemes]
    func name(_ label: String, _ axes: [String: String]) -> String {
      let values = kinds.compactMap { axes[$0] }
      return values.isEmpty ? label : values.joined(separator: " ")
    }
    let score = Score(all, values)
    var calibration = Calibration(axes: settings, candidates: [])
    var places: [[Int]] = []
    let noise = try score.means(all.rows.filter { $0.scheme == control })
    var lines = [score.rule] + score.noiseLines(noise)
    let names = candidateRows.map { name($0.scheme, $0.axes) }
    for scheme in distinctInOrder(names) {
      let rows = zip(candidateRows, names).filter { $0.1 == scheme }.map(\.0)
      var (candidates, rowPlaces) = try candidates(scheme, rows, score, settings)
      lines.append(choose(scheme, &candidates, settings))
      calibration.candidates += candidates
      places += rowPlaces
    }
    let inputs = task.inputs["rows"] ?? []
    var artifact = try ArtifactWriter<CalibrationArtifact>(task)
    try artifact.write(\.candidates, calibration)
    try artifact.write(\.choice, lines)
    try artifact.write(\.noise, noise.chosen)
    try artifact.write(\.heldOutNoise, noise.held)
    try artifact.write(
      \.solves,
      try SolveRecords(inputs, labels: inputs.map { name($0.label, $0.axisTexts) }, records: places))
    return try artifact.finish()
  }

  /// A scheme at each of its settings, with the places of the inputs that each stands on.
  private static func candidates(
    _ scheme: String, _ rows: [EvaluationRow], _ score: Score, _ settings: [String]
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
      let own = here.filter { !score.isHeld($0) }
      guard !own.isEmpty else {
        throw StageFailure("'\(scheme)' has only rows that 'held' leaves out, and none to choose by")
      }
      let summary = Interval(try Summary(own.map(score.of)))
      var candidate = CalibrationCandidate()
      candidate.scheme = scheme
      candidate.axes = Dictionary(uniqueKeysWithValues: zip(settings, point))
      candidate.setting = zip(settings, point).filter { $0.1 != "" }.map { "\($0.0) \($0.1)" }
        .joined(separator: ", ")
      candidate.groups = own.count
      candidate.notConverged = here.count { !$0.converged }
      (candidate.score, candidate.lower, candidate.upper) = (summary.value, summary.lower, summary.upper)
      candidate.heldOut = try score.means(here).held
      candidates.append(candidate)
      places.append(here.flatMap(score.all.places))
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
    if chosen.heldOut.isFinite { line += ", held out \(PlainTable.figure(chosen.heldOut))" }
    let edges = settings.filter { axis in
      let values = distinctInOrder(candidates.map { $0.axes[axis] ?? "" })
      return values.count > 1 && (chosen.axes[axis] == values.first || chosen.axes[axis] == values.last)
    }
    if !edges.isEmpty { line += "; at the edge of the sweep of \(edges.joined(separator: " and "))" }
    return line + "."
  }
}

/// How far evaluations are from retraining, by the rule of a node.
private struct Score {
  let all: EvaluationRows
  private let splits: [EvaluationSplit]
  private let axis: String?
  private let held: Set<String>

  init(_ all: EvaluationRows, _ values: ParameterValues) {
    self.all = all
    splits = values[CalibrationStage.splits].map(\.split)
    axis = values[CalibrationStage.heldAxis]
    held = Set(values[CalibrationStage.held])
  }

  /// Whether a row takes no part in the choice.
  func isHeld(_ row: EvaluationRow) -> Bool {
    axis.flatMap { row.axes[$0] }.map(held.contains) ?? false
  }

  /// Of one row.
  func of(_ row: EvaluationRow) throws -> Double {
    try splits.reduce(0) { $0 + abs(try all.gap(row, $1)) }
  }

  /// Over the rows that take part in the choice, and over those that are held out; NaN over none.
  func means(_ rows: [EvaluationRow]) throws -> (chosen: Double, held: Double) {
    (
      mean(try rows.filter { !isHeld($0) }.map(of)), mean(try rows.filter(isHeld).map(of))
    )
  }

  var rule: String {
    let gaps = splits.map { $0 == .group ? "|gap of the group's loss|" : "|gap of the retained loss|" }
    return "Rule: least mean of \(gaps.joined(separator: " + ")) to retraining; test images take no part."
  }

  func noiseLines(_ noise: (chosen: Double, held: Double)) -> [String] {
    guard noise.chosen.isFinite else { return [] }
    let also = noise.held.isFinite ? ", held out \(PlainTable.figure(noise.held))" : ""
    return [
      "Noise floor: a retrained net of another seed scores \(PlainTable.figure(noise.chosen))\(also); a lower score is luck."
    ]
  }
}
