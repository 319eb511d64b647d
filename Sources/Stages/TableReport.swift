// A table artifact as a person or a program reads it: pivoted, with intervals and trust lines.

import Analysis
import Foundation
import HDF5
import PipelineCore

/// Renders a table artifact.
public struct TableReport {
  /// How a table is written.
  public enum Format: String, CaseIterable, Sendable { case text, markdown, csv, json }

  private let table: ResultTable

  /// Reads a table artifact.
  ///
  /// - Parameters:
  ///   - path: The artifact's file.
  ///   - parameters: The parameters of the table's node.
  ///   - nodes: For each row, the names of the nodes behind it, as the pipeline calls them now.
  /// - Throws: `HDF5Error` for an unreadable file, `ResultTableError` for rows that make no table.
  public init(file path: String, parameters: ParameterValues, nodes: [[String]]) throws {
    let file = try FileReader(at: path)
    let schemes = try file.readStrings("/scheme")
    let converged: [UInt8] = try file.read("/converged", shape: [schemes.count])
    let pools: [Int64] = try file.read("/pool_size", shape: [schemes.count])
    var axes: [String: [String]] = [:]
    for dataset in try file.datasets() where dataset.path.hasPrefix("/axes/") {
      axes[String(dataset.path.dropFirst("/axes/".count))] = try file.readStrings(dataset.path)
    }
    let sizes: [Int64] = try file.read("/group_size", shape: [schemes.count])
    // A share of the pool is shown only where the columns are numbers of removed images.
    let across = axes[parameters.string("columns")] ?? []
    let pool = across == sizes.map(String.init) && Set(pools).count == 1 ? pools.first : nil
    let splits = parameters.strings("metrics")
    var rows: [ResultRow] = []
    for split in splits {
      let losses: [Double] = try file.read("/metrics/\(split)/loss", shape: [schemes.count])
      let accuracies: [Double] = try file.read("/metrics/\(split)/accuracy", shape: [schemes.count])
      for row in schemes.indices {
        rows.append(
          ResultRow(
            scheme: schemes[row], axes: axes.mapValues { $0[row] }, split: split,
            metrics: ["loss": losses[row], "accuracy": accuracies[row]],
            nodes: row < nodes.count ? nodes[row] : [], converged: converged[row] != 0))
      }
    }
    let figures = splits.flatMap { split -> [ResultTableLayout.Figure] in
      let name = split == "group" ? "self" : split.replacingOccurrences(of: "_", with: " ")
      return [
        .init(label: "\(name) accuracy", split: split, metric: "accuracy", isPercent: true),
        .init(label: "\(name) loss", split: split, metric: "loss", isPercent: false),
      ]
    }
    table = try ResultTable(
      rows,
      layout: ResultTableLayout(
        title: parameters.string("title"), columnAxis: parameters.string("columns"),
        repeatAxis: parameters.string("over"), figures: figures,
        columnTotal: pool.map { Int($0) }, order: parameters.strings("order"),
        footnotes: try Self.footnotes(file, schemes: schemes)))
  }

  /// One trust line for each scheme that has a solve behind it.
  private static func footnotes(_ file: borrowing FileReader, schemes: [String]) throws -> [String] {
    let residuals: [Double] = try file.read("/residual", shape: [schemes.count])
    let iterations: [Int64] = try file.read("/iterations", shape: [schemes.count])
    let dampings: [Double] = try file.read("/damping", shape: [schemes.count])
    let hessianImages: [Int64] = try file.read("/hessian_images", shape: [schemes.count])
    var lines = ["self: the removed images; loss: mean cross-entropy without regularisation"]
    for scheme in Set(schemes).sorted() {
      let rows = schemes.indices.filter { schemes[$0] == scheme && residuals[$0].isFinite }
      guard !rows.isEmpty else { continue }
      let worst = rows.map { residuals[$0] }.max() ?? .nan
      let solves = rows.map { iterations[$0] }
      // Damping and the number of curvature images decide how far a step goes; a table without them can't be read.
      let settings = Set(rows.map { "damping \(dampings[$0]), \(hessianImages[$0]) curvature images" })
        .sorted()
      lines.append(
        "\(scheme): \(settings.joined(separator: "; ")); true relative residual at most \(String(format: "%.1e", worst)), "
          + "\(solves.min() ?? 0) to \(solves.max() ?? 0) solver iterations a net")
    }
    return lines
  }

  /// The table as text that ends without a newline.
  public func render(_ format: Format) throws -> String {
    switch format {
    case .text: table.text()
    case .markdown: table.markdown()
    case .csv: table.csv()
    case .json: try table.json()
    }
  }
}
