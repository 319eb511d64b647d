// The tables of comparisons as records: differences, calibrations and correlations.

import HDF5
import Influence
import PipelineCore
import ResultTables

extension TableReport {
  /// The table of an artifact that is no pivot.
  static func plain(_ file: borrowing FileReader, stage: String, title: String, nodes: [[String]]) throws
    -> PlainTable
  {
    var table: PlainTable
    switch stage {
    case DifferencesStage.declaration.name: table = try differences(file, title: title)
    case CalibrationStage.declaration.name: table = try calibration(file, title: title)
    case CorrelationStage.declaration.name: table = try correlation(file, title: title)
    case LogisticErrorsStage.declaration.name: table = try LogisticErrorsStage.table(file, title: title)
    default: throw StageFailure("an artifact of stage '\(stage)' is no table")
    }
    table.notes += try TrustFacts.lines(file)
    table.nodes = try TrustFacts.records(file).map { rows in
      Set(rows.filter(nodes.indices.contains).flatMap { nodes[$0] }).sorted()
    }
    return table
  }

  private static func counts(_ file: borrowing FileReader, _ path: String) throws -> PlainTable.Column {
    .counts(try file.read(path, as: Int64.self, shape: [nil]).map { Int($0) })
  }

  private static func failures(_ file: borrowing FileReader, _ path: String) throws -> [Int] {
    try file.read(path, as: Int64.self, shape: [nil]).map { Int($0) }
  }

  private static func interval(_ file: borrowing FileReader, _ value: String, _ folder: String) throws
    -> PlainTable.Column
  {
    .intervals(
      try file.read(value, shape: [nil]), lower: try file.read(folder + "lower", shape: [nil]),
      upper: try file.read(folder + "upper", shape: [nil]))
  }

  private static func differences(_ file: borrowing FileReader, title: String) throws -> PlainTable {
    var columns: [(name: String, values: PlainTable.Column)] = [
      ("against", .texts(try file.readStrings("/tests/against"))),
      ("setting", .texts(try file.readStrings("/tests/setting"))),
      ("at", .texts(try file.readStrings("/tests/column"))),
      ("pairs", try counts(file, "/tests/pairs")), ("closer in", try counts(file, "/tests/closer")),
      ("mean difference", try interval(file, "/tests/mean", "/tests/")),
      ("p", .numbers(try file.read("/tests/pvalue", shape: [nil]))),
      ("p adjusted", .numbers(try file.read("/tests/adjusted", shape: [nil]))),
      ("verdict", .texts(try file.readStrings("/tests/verdict"))),
    ]
    if try file.readStrings("/tests/setting").allSatisfy(\.isEmpty) { columns.remove(at: 1) }
    return PlainTable(
      title: title, columns: columns,
      notes: ["(… to …): the 95 % interval of the mean (Student's t)."] + (try file.readStrings("/verdict")),
      notConverged: try failures(file, "/tests/not_converged"))
  }

  private static func calibration(_ file: borrowing FileReader, title: String) throws -> PlainTable {
    let chosen: [UInt8] = try file.read("/chosen", shape: [nil])
    let columns: [(name: String, values: PlainTable.Column)] = [
      ("scheme", .texts(try file.readStrings("/scheme"))),
      ("setting", .texts(try file.readStrings("/setting"))),
      ("groups", try counts(file, "/groups")), ("score", try interval(file, "/score", "/")),
      ("choice", .texts(chosen.map { $0 == 1 ? "chosen" : "" })),
    ]
    return PlainTable(
      title: title, columns: columns,
      notes: ["(… to …): the 95 % interval of the mean over the groups (Student's t)."]
        + (try file.readStrings("/choice")), notConverged: try failures(file, "/not_converged"))
  }

  private static func correlation(_ file: borrowing FileReader, title: String) throws -> PlainTable {
    let columns: [(name: String, values: PlainTable.Column)] = [
      ("groups of kind", .texts(try file.readStrings("/kind"))),
      (
        "change of loss on",
        .texts(try file.readStrings("/loss").map { $0 == "group" ? "removed images" : $0 })
      ),
      ("groups", try counts(file, "/groups")),
      ("slope", try interval(file, "/slope/value", "/slope/")),
      ("Pearson", try interval(file, "/pearson/value", "/pearson/")),
      ("Spearman", try interval(file, "/spearman/value", "/spearman/")),
      ("mean predicted", .numbers(try file.read("/mean/predicted", shape: [nil]))),
      ("mean actual", .numbers(try file.read("/mean/actual", shape: [nil]))),
    ]
    return PlainTable(
      title: title, columns: columns,
      notes: [
        "slope: least squares of the actual change of loss (retrained less original) on the predicted one (gᵀΔ); "
          + "above 1 the influence underestimates. (… to …): 95 % intervals, Student's t for the slope and Fisher's "
          + "z for the correlations, as if groups were independent."
      ], notConverged: try failures(file, "/not_converged"))
  }
}
