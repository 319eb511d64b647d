// The figures of a table or an evaluation, by row, for a comparison of two runs.

import Artifacts
import PipelineCore

/// The metrics of one artifact.
public struct ArtifactMetrics {
  /// By row (`influence[size=100]`; empty for an evaluation), then by metric (`group/loss`). A table's are
  /// means over its repeats.
  public private(set) var rows: [String: [String: Double]] = [:]

  /// The stage types whose artifacts may have metrics.
  public static let stages: Set<String> = Set(
    [
      TableStage.declaration, EvaluateStage.declaration, AttackStage.declaration,
      DatamodelingStage.declaration, CommandStage.declaration,
    ].map(\.name))

  /// Reads a `table`, an `evaluate` or a `command` artifact; nil for one of another stage, and for a command without
  /// metrics.
  ///
  /// - Throws: `HDF5Error` for an unreadable file.
  public init?(file path: String) throws {
    let file = try ArtifactReader<MetricsArtifact>(at: path)
    switch try file.stage() {
    case EvaluateStage.declaration.name, AttackStage.declaration.name, DatamodelingStage.declaration.name:
      rows[""] = try file.read(\.single)
    case CommandStage.declaration.name:
      let figures = try file.read(\.single)
      if figures.isEmpty { return nil }
      rows[""] = figures
    case TableStage.declaration.name:
      let labels = try Self.labels(ArtifactReader<TableArtifact>(at: path))
      for (metric, values) in try file.read(\.columns) {
        for (label, group) in Dictionary(grouping: labels.indices, by: { labels[$0] }) {
          rows[label, default: [:]][metric] = group.reduce(0) { $0 + values[$1] } / Double(group.count)
        }
      }
    default: return nil
    }
  }

  /// What each row of a table is, apart from the axis that means are taken over.
  private static func labels(_ file: consuming ArtifactReader<TableArtifact>) throws -> [String] {
    let over = try file.parameters(of: TableStage.declaration)[TableStage.over]
    let names = try file.read(\.rows)
    let axes = names.axes.sorted { $0.key < $1.key }.filter { $0.key != over }
    return names.labels.enumerated().map { row, label in
      let point = axes.filter { !$0.value[row].isEmpty }.map { "\($0.key)=\($0.value[row])" }
      return point.isEmpty ? label : "\(label)[\(point.joined(separator: ","))]"
    }
  }
}
