// The figures of a table or an evaluation, by row, for a comparison of two runs.

import HDF5
import PipelineCore

/// The metrics of one artifact.
public struct ArtifactMetrics {
  /// By row (`influence[size=100]`; empty for an evaluation), then by metric (`group/loss`). A table's are
  /// means over its repeats.
  public private(set) var rows: [String: [String: Double]] = [:]

  /// Reads a `table` or an `evaluate` artifact; nil for one of another stage.
  ///
  /// - Throws: `HDF5Error` for an unreadable file.
  public init?(file path: String) throws {
    let file = try FileReader(at: path)
    let stage = try file.string("stage")
    let metrics = try file.datasets().map(\.path).filter { $0.hasPrefix("/metrics/") }
    func name(_ path: String) -> String { String(path.dropFirst("/metrics/".count)) }
    switch stage {
    case EvaluateStage.declaration.name:
      var values: [String: Double] = [:]
      for path in metrics { values[name(path)] = try file.readScalar(path) }
      rows[""] = values
    case TableStage.declaration.name:
      let labels = try Self.labels(file)
      for path in metrics {
        let values: [Double] = try file.read(path, shape: [labels.count])
        for (label, group) in Dictionary(grouping: labels.indices, by: { labels[$0] }) {
          rows[label, default: [:]][name(path)] = group.reduce(0) { $0 + values[$1] } / Double(group.count)
        }
      }
    default: return nil
    }
  }

  /// What each row of a table is, apart from the axis that means are taken over.
  private static func labels(_ file: borrowing FileReader) throws -> [String] {
    let over = try file.parameters(of: TableStage.declaration)[TableStage.over]
    var labels = try file.readStrings("/scheme")
    var points = [[String]](repeating: [], count: labels.count)
    for dataset in try file.datasets() where dataset.path.hasPrefix("/axes/") {
      let axis = String(dataset.path.dropFirst("/axes/".count))
      guard axis != over else { continue }
      for (row, value) in try file.readStrings(dataset.path).enumerated()
      where row < points.count && !value.isEmpty {
        points[row].append("\(axis)=\(value)")
      }
    }
    for row in labels.indices where !points[row].isEmpty {
      labels[row] += "[\(points[row].joined(separator: ","))]"
    }
    return labels
  }
}
