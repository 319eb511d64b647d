// The tables of comparisons as records: differences, calibrations and correlations.

import Artifacts
import Influence
import PipelineCore
import ResultTables

extension TableReport {
  /// The table of an artifact that is no pivot.
  static func plain(_ path: String, stage: String, title: String, nodes: [[String]]) throws -> PlainTable {
    var table: PlainTable
    let solves: SolveRecords
    switch stage {
    case DifferencesStage.declaration.name:
      let file = try ArtifactReader<DifferencesArtifact>(at: path)
      table = differences(
        try file.read(\.tests), verdict: try file.read(\.verdict), title: title,
        try file.parameters(of: DifferencesStage.declaration))
      solves = try file.read(\.solves)
    case FactorsStage.declaration.name:
      return FactorsStage.table(
        try ArtifactReader<FactorsArtifact>(at: path).read(\.self), title: title)
    case PartSharesStage.declaration.name:
      return PartSharesStage.table(
        try ArtifactReader<PartSharesArtifact>(at: path).read(\.self), title: title)
    case AgreementStage.declaration.name:
      return try AgreementStage.table(ArtifactReader<AgreementArtifact>(at: path), title: title)
    case CalibrationStage.declaration.name:
      let file = try ArtifactReader<CalibrationArtifact>(at: path)
      table = calibration(try file.read(\.candidates), choice: try file.read(\.choice), title: title)
      solves = try file.read(\.solves)
    case CorrelationStage.declaration.name:
      let file = try ArtifactReader<CorrelationArtifact>(at: path)
      table = correlation(try file.read(\.records), title: title)
      solves = try file.read(\.solves)
    case LogisticErrorsStage.declaration.name:
      let file = try ArtifactReader<LogisticErrorsArtifact>(at: path)
      table = LogisticErrorsStage.table(try file.read(\.errors), title: title)
      solves = try file.read(\.solves)
    default: throw StageFailure("an artifact of stage '\(stage)' is not a table")
    }
    table.appendices = SolveTable.table(solves.facts, labels: solves.labels).map { [$0] } ?? []
    table.nodes = solves.records.map { rows in
      Set(rows.filter(nodes.indices.contains).flatMap { nodes[$0] }).sorted()
    }
    return table
  }

  private static func differences(
    _ tests: [DifferenceTest], verdict: [String], title: String, _ values: ParameterValues
  ) -> PlainTable {
    let (good, even, bad) = Verdict.sides(values)
    let words = Verdict.sign(values) > 0 ? [good, even, bad] : [bad, even, good]
    var columns: [(name: String, values: PlainTable.Column)] = [
      ("figure", .texts(tests.map(\.figure))), ("against", .texts(tests.map(\.against))),
    ]
    if !tests.allSatisfy(\.setting.isEmpty) { columns.append(("setting", .texts(tests.map(\.setting)))) }
    columns.append(("at", .texts(tests.map(\.column))))
    let keys = columns.count
    // What a reader looks for stands first: on a narrow screen the rest lies out of sight.
    columns += [
      ("verdict", .texts(tests.map(\.verdict))),
      (
        "mean difference",
        .intervals(tests.map { Interval(value: $0.mean, lower: $0.lower, upper: $0.upper) })
      ),
      ("p adjusted", .numbers(tests.map(\.adjusted))), ("pairs", .counts(tests.map(\.pairs))),
      ("\(good) in", .counts(tests.map(\.closer))), ("p", .numbers(tests.map(\.pvalue))),
      ("p signed rank", .numbers(tests.map(\.signedRank))),
      ("ranks", .texts(tests.map { words[$0.signedRankSide + 1] })),
    ]
    if tests.contains(where: { $0.margin.isFinite }) {
      columns += [
        ("margin", .numbers(tests.map(\.margin))), ("p equivalence", .numbers(tests.map(\.equivalence))),
      ]
    }
    if tests.contains(where: \.isControlled) {
      columns.append(("control p", .numbers(tests.map(\.controlPvalue))))
    }
    if tests.contains(where: { $0.notConverged > 0 }) {
      columns += [
        ("mean converged", .numbers(tests.map(\.convergedMean))),
        ("p converged", .numbers(tests.map(\.convergedPvalue))),
      ]
    }
    if tests.contains(where: { $0.notFinite > 0 }) {
      columns.append(("not finite", .counts(tests.map(\.notFinite))))
    }
    var table = PlainTable(
      title: title, columns: columns,
      notes: ["(… to …): the 95 % interval of the mean (Student's t)."]
        + [DifferencesStage.substitutes(tests)].compactMap { $0 } + verdict
        + [DifferencesStage.families(tests, values)].compactMap { $0 }
        + DifferencesStage.remarks(Verdict.decisive(tests), values),
      notConverged: tests.map(\.notConverged))
    table.keys = keys
    return table
  }

  private static func calibration(_ calibration: Calibration, choice: [String], title: String) -> PlainTable {
    let candidates = calibration.candidates
    var columns: [(name: String, values: PlainTable.Column)] = [
      ("scheme", .texts(candidates.map(\.scheme))), ("setting", .texts(candidates.map(\.setting))),
      ("groups", .counts(candidates.map(\.groups))),
      (
        "score",
        .intervals(candidates.map { Interval(value: $0.score, lower: $0.lower, upper: $0.upper) })
      ),
    ]
    if candidates.contains(where: \.heldOut.isFinite) {
      columns.append(("held out", .numbers(candidates.map(\.heldOut))))
    }
    columns.append(("choice", .texts(candidates.map { $0.isChosen ? "chosen" : "" })))
    return PlainTable(
      title: title, columns: columns,
      notes: ["(… to …): the 95 % interval of the mean over the groups (Student's t)."] + choice,
      notConverged: candidates.map(\.notConverged))
  }

  private static func correlation(_ records: [CorrelationRecord], title: String) -> PlainTable {
    PlainTable(
      title: title,
      columns: [
        ("groups of kind", .texts(records.map(\.kind))),
        (
          "change of loss on",
          .texts(records.map { $0.loss == EffectSplit.group.rawValue ? "removed images" : $0.loss })
        ),
        ("groups", .counts(records.map(\.groups))), ("slope", .intervals(records.map(\.slope))),
        ("Pearson", .intervals(records.map(\.pearson))), ("Spearman", .intervals(records.map(\.spearman))),
        ("mean predicted", .numbers(records.map(\.meanPredicted))),
        ("mean actual", .numbers(records.map(\.meanActual))),
      ],
      notes: [
        "slope: least-squares slope of the actual change of loss (retrained minus original) on the predicted one "
          + "(gᵀΔ); above 1: the influence underestimates.",
        "(… to …): 95 % intervals, by Student's t for the slope and Fisher's z for the correlations; groups are "
          + "taken as independent.",
      ], notConverged: records.map(\.notConverged))
  }
}

extension PlainTable.Column {
  /// Figures with their intervals.
  static func intervals(_ figures: [Interval]) -> Self {
    .intervals(figures.map(\.value), lower: figures.map(\.lower), upper: figures.map(\.upper))
  }
}
