// The stage `factors`: the matched factors of a study in one table.

import Artifacts
import PipelineCore
import ResultTables

/// Gathers matched factors.
public enum FactorsStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "factors", version: 1,
    summary: "gathers matched factors into one table, a row a scheme and setting",
    parameters: [TableReport.title],
    inputs: [InputDeclaration("rows", accepts: ["match"], .many, "the factors by scheme, as label: stage")],
    datasets: FactorsArtifact.datasets, attributes: FactorsArtifact.attributes)

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let records = try (task.inputs["rows"] ?? []).map { input in
      let file = try ArtifactReader<MatchArtifact>(input)
      let curve = try file.read(\.curve)
      var record = FactorRecord()
      record.scheme = input.label
      record.setting = input.axes.map { "\($0.axis) \($0.value.plainText)" }.joined(separator: ", ")
      record.groups = try file.read(\.groups)
      (record.untouched, record.retrained) = (curve.untouched, curve.retrained)
      record.factor = try file.read(\.factor)
      return record
    }
    return try task.write(FactorsArtifact.self, records)
  }

  /// The table of its artifact.
  static func table(_ records: [FactorRecord], title: String) -> PlainTable {
    PlainTable(
      title: title,
      columns: [
        ("scheme", .texts(records.map(\.scheme))), ("setting", .texts(records.map(\.setting))),
        ("groups", .counts(records.map(\.groups))),
        ("untouched self loss", .numbers(records.map(\.untouched))),
        ("retrained self loss", .numbers(records.map(\.retrained))),
        ("factor", .numbers(records.map(\.factor))),
      ],
      notes: [
        "factor: the multiple of the scheme's whole change at which the mean loss on the removed images is that of the "
          + "retrained nets, over calibration groups."
      ])
  }
}
