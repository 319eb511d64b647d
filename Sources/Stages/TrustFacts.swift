// What is carried from the solves behind a net to its evaluation and on to a table: the facts of a trust line.

import Foundation
import HDF5
import PipelineCore

/// Facts of the solves behind a net.
enum TrustFacts {
  /// Counts; 0 for a net that no solve stands behind.
  static let counts = ["iterations", "products", "hessian_images"]
  /// Numbers; NaN for such a net.
  static let numbers = [
    "residual", "damping", "damping_implied", "gradient_norm", "curvature_min", "curvature_max",
  ]

  /// The attributes of an evaluation.
  static let attributes = [
    LayoutDeclaration("converged", "int", "0 if the net comes from a solve that did not converge"),
    LayoutDeclaration(
      "{\(counts.joined(separator: ","))}", "int", "of the solves behind the net, as there; 0 if none"),
    LayoutDeclaration(
      "{\(numbers.joined(separator: ","))}", "float", "of the solves behind the net, as there; NaN if none"),
  ]

  /// The datasets of a table.
  static let datasets = [
    LayoutDeclaration("/converged", "u8 [r]", "0 if a solve behind the row did not converge"),
    LayoutDeclaration(
      "/{\(counts.joined(separator: ","))}", "i64 [r]", "of the solves behind the row; 0 if none"),
    LayoutDeclaration(
      "/{\(numbers.joined(separator: ","))}", "f64 [r]", "of the solves behind the row; NaN if none"),
  ]

  /// Copies the facts of a net's artifact to that of its evaluation.
  static func copy(from net: TaskInput, to artifact: inout ArtifactWriter) throws {
    let known = try FileReader(at: net.path).attributes()
    try artifact.attribute("converged", known["converged"] ?? .integer(1))
    for name in counts { try artifact.attribute(name, known[name] ?? .integer(0)) }
    for name in numbers { try artifact.attribute(name, known[name] ?? .real(.nan)) }
  }

  /// Gathers the facts of evaluations into a table's artifact.
  static func gather(_ evaluations: [TaskInput], into artifact: inout ArtifactWriter) throws {
    var converged: [UInt8] = []
    var counted: [String: [Int64]] = [:]
    var measured: [String: [Double]] = [:]
    for input in evaluations {
      let file = try FileReader(at: input.path)
      converged.append(try file.integer("converged") == 0 ? 0 : 1)
      for name in counts { counted[name, default: []].append(Int64(try file.integer(name))) }
      for name in numbers { measured[name, default: []].append(try file.real(name)) }
    }
    try artifact.write("/converged", converged)
    for name in counts { try artifact.write("/" + name, counted[name] ?? []) }
    for name in numbers { try artifact.write("/" + name, measured[name] ?? []) }
  }

  /// One trust line for each scheme of a table that has a solve behind it.
  static func lines(_ file: borrowing FileReader, schemes: [String]) throws -> [String] {
    func counts(_ name: String) throws -> [Int64] { try file.read("/" + name, shape: [schemes.count]) }
    func numbers(_ name: String) throws -> [Double] { try file.read("/" + name, shape: [schemes.count]) }
    let residuals = try numbers("residual")
    let dampings = try numbers("damping")
    let implied = try numbers("damping_implied")
    let images = try counts("hessian_images")
    let iterations = try counts("iterations")
    let products = try counts("products")
    let largest = try numbers("curvature_max")
    let least = try numbers("curvature_min")
    var lines: [String] = []
    for scheme in Set(schemes).sorted() {
      let rows = schemes.indices.filter { schemes[$0] == scheme && residuals[$0].isFinite }
      guard !rows.isEmpty else { continue }
      // Damping and the number of curvature images decide how far a step goes; a table without them can't be read.
      let settings = Set(
        rows.map { row in
          let extra =
            implied[row].isFinite && implied[row] != dampings[row]
            ? " (\(String(format: "%.2g", implied[row])) implied by the solver)" : ""
          return "\(dampings[row])\(extra), \(images[row]) curvature images"
        }
      ).sorted()
      let shown =
        settings.count > 4
        ? "\(settings[0]) to \(settings[settings.count - 1])" : settings.joined(separator: "; ")
      var line =
        "\(scheme): damping \(shown); true relative residual at most "
        + "\(String(format: "%.1e", rows.map { residuals[$0] }.max() ?? .nan)), "
        + "\(range(rows.map { iterations[$0] })) solver iterations a net"
      if rows.contains(where: { products[$0] > 0 }) {
        line += ", \(range(rows.map { products[$0] })) curvature products"
      }
      let top = rows.map { largest[$0] }.filter(\.isFinite).max()
      let bottom = rows.map { least[$0] }.filter(\.isFinite).min()
      if let top, let bottom {
        line += String(format: "; curvature from %.2g to %.3g", bottom, top)
      }
      lines.append(line)
    }
    return lines
  }

  private static func range(_ values: [Int64]) -> String {
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    return low == high ? "\(low)" : "\(low) to \(high)"
  }
}
