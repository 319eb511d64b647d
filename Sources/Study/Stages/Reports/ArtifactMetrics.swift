// The figures of a table or an evaluation, by row, for a comparison of two runs.

import Artifacts
import PipelineCore

/// The metrics of one artifact.
public struct ArtifactMetrics {
  /// A figure of a row.
  public struct Figure: Sendable, Equatable {
    /// By repeat; one for an evaluation.
    public var values: [Double]
    /// Their mean; NaN if one of them is.
    public var mean: Double { values.reduce(0, +) / Double(values.count) }

    /// Whether all values are the same, NaN and NaN among them.
    public static func == (a: Figure, b: Figure) -> Bool {
      a.values.count == b.values.count
        && zip(a.values, b.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
    }
  }

  /// By row (`influence[size=100]`; empty for an evaluation), then by metric (`group/loss`).
  public private(set) var rows: [String: [String: Figure]] = [:]

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
      rows[""] = try file.read(\.single).mapValues { Figure(values: [$0]) }
    case CommandStage.declaration.name:
      let figures = try file.read(\.single)
      if figures.isEmpty { return nil }
      rows[""] = figures.mapValues { Figure(values: [$0]) }
    case TableStage.declaration.name:
      let labels = try Self.labels(ArtifactReader<TableArtifact>(at: path))
      for (metric, values) in try file.read(\.columns) {
        for (label, group) in Dictionary(grouping: labels.indices, by: { labels[$0] }) {
          let present = group.map { values[$0] }.filter { !$0.isMissing }
          if !present.isEmpty { rows[label, default: [:]][metric] = Figure(values: present) }
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
