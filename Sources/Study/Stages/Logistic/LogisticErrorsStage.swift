// The stage `logistic-errors`: how far each scheme's change is from that of refitting, by kind and size of group.

import Artifacts
import PipelineCore
import ResultTables
import Statistics

/// Tabulates the errors of schemes.
public enum LogisticErrorsStage: Stage {
  static let schemes = Parameter("schemes", .string, default: "scheme", "the axis of the schemes")
  static let baseline = Parameter(
    "baseline", .string, default: "first-order", "the scheme that the others are compared with")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "logistic-errors", version: 2,
    summary: "tabulates how far each scheme's change of parameters is from that of refitting",
    parameters: [TableReport.title, schemes, baseline],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["logistic-effect"], .many, "the effects by kind of group, as label: stage")
    ],
    datasets: LogisticErrorsArtifact.datasets, attributes: LogisticErrorsArtifact.attributes)

  /// The error of one scheme on one group.
  private struct Row {
    var kind: String
    var size: Int
    var share: Double
    var scheme: String
    var error: Double
    var labelShare: Double
    var expansion: Double
    var converged: Bool
    /// Its place among the inputs.
    var place: Int
  }

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    let rows = try read(inputs, schemes: task.parameters[schemes])
    let baseline = task.parameters[baseline]
    let found = distinctInOrder(rows.map(\.scheme))
    guard found.contains(baseline) else {
      throw StageFailure(
        "no row has the baseline '\(baseline)'; the schemes are \(found.joined(separator: ", "))")
    }
    let schemes = [baseline] + found.filter { $0 != baseline }
    var errors = LogisticErrors(schemes: schemes, records: [])
    var places: [[Int]] = []
    for kind in distinctInOrder(rows.map(\.kind)) {
      for size in Set(rows.filter { $0.kind == kind }.map(\.size)).sorted() {
        let here = rows.filter { $0.kind == kind && $0.size == size }
        errors.records.append(try record(here, schemes))
        places.append(here.map(\.place))
      }
    }
    var artifact = try ArtifactWriter<LogisticErrorsArtifact>(task)
    try artifact.write(\.errors, errors)
    try artifact.write(
      \.solves,
      try SolveRecords(inputs, labels: rows.map { "\($0.kind), \($0.scheme)" }, records: places))
    return try artifact.finish()
  }

  private static func read(_ inputs: [TaskInput], schemes axis: String) throws -> [Row] {
    try inputs.enumerated().map { place, input in
      let file = try ArtifactReader<LogisticEffectArtifact>(input)
      guard let scheme = input.axes.first(where: { $0.axis == axis })?.value.plainText else {
        throw StageFailure("\(input.node) has no axis '\(axis)', which tells the schemes apart")
      }
      let size = try file.read(\.groupSize)
      return Row(
        kind: input.label, size: size, share: Double(size) / Double(try file.read(\.trainImages)),
        scheme: scheme, error: try file.read(\.error), labelShare: try file.read(\.labelShare),
        expansion: try file.read(\.expansion), converged: try file.read(\.facts.outcome.converged),
        place: place)
    }
  }

  /// The errors on groups of one kind and size.
  private static func record(_ rows: [Row], _ schemes: [String]) throws -> LogisticErrorsRecord {
    let summaries = try schemes.map { scheme -> Summary in
      let errors = rows.filter { $0.scheme == scheme }.map(\.error)
      guard !errors.isEmpty else {
        throw StageFailure(
          "there is no row of scheme \(scheme) for the groups '\(rows[0].kind)' of \(rows[0].size) images")
      }
      return try Summary(errors)
    }
    var record = LogisticErrorsRecord()
    record.kind = rows[0].kind
    record.share = rows[0].share
    record.groups = summaries[0].count
    record.labelShare = mean(rows.map(\.labelShare))
    record.expansion = mean(rows.map(\.expansion).filter(\.isFinite))
    record.errors = summaries.map(Interval.init)
    record.ratios = summaries.map { $0.mean / summaries[0].mean }
    record.notConverged = rows.count { !$0.converged }
    return record
  }

  /// The artifact as a table of records.
  static func table(_ errors: LogisticErrors, title: String) -> PlainTable {
    let records = errors.records
    var columns: [(name: String, values: PlainTable.Column)] = [
      ("groups of kind", .texts(records.map(\.kind))), ("share removed", .numbers(records.map(\.share))),
      ("groups", .counts(records.map(\.groups))), ("of a label", .numbers(records.map(\.labelShare))),
    ]
    for (place, scheme) in errors.schemes.enumerated() {
      columns.append((scheme, .intervals(records.map { $0.errors[place] })))
      if place > 0 {
        columns.append(("\(scheme) : \(errors.schemes[0])", .numbers(records.map { $0.ratios[place] })))
      }
    }
    let expansion = records.map(\.expansion)
    if expansion.contains(where: \.isFinite) { columns.append(("2nd term : 1st", .numbers(expansion))) }
    return PlainTable(
      title: title, columns: columns,
      notes: [
        "error: ‖Δ − Δ*‖ / ‖Δ*‖ of the predicted change of the parameters against that of refitting; "
          + "(… to …): 95 % interval of the mean (Student's t).",
        "of a label: the largest share of a label's images that a group holds; 2nd term : 1st: "
          + "‖q H⁻¹ (H − H_U) Δ₁‖ / ‖Δ₁‖ of the second order's series (means over the groups).",
      ], notConverged: records.map(\.notConverged))
  }
}

extension Interval {
  /// A mean with its 95 % interval.
  init(_ summary: Summary) {
    let half = summary.confidenceHalfWidth ?? .nan
    self.init(value: summary.mean, lower: summary.mean - half, upper: summary.mean + half)
  }
}
