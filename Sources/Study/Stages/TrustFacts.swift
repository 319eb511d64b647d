// What is carried from the solves behind a net to its evaluation and on to a table: the facts of a trust line.

import Foundation
import HDF5
import Influence
import PipelineCore
import ResultTables

/// Facts of the solves behind a net.
enum TrustFacts {
  /// Counts; 0 for a net that no solve stands behind.
  static let counts = ["iterations", "products", "hessian_images"]
  /// Numbers; NaN for such a net.
  static let numbers = [
    "residual", "damping", "damping_implied", "gradient_norm", "curvature_min", "curvature_max",
  ]

  /// The change of the removed images' mean loss: predicted to first and to second order, and what it was; the
  /// mean over the steps by the images of each, every step predicted at the parameters that it starts from.
  static let changes = ["predicted_change", "predicted_change_second_order", "actual_change"]

  /// How much the change moves with other curvature images; only where an influence was asked for it.
  static let comparison = (images: "compared_images", moved: "moved")

  static let comparisonAttributes = [
    LayoutDeclaration(
      comparison.images, "int", "as of the influence behind the net; absent without such a comparison"),
    LayoutDeclaration(comparison.moved, "float", "the same"),
  ]

  /// The attributes of a solve that the facts come from.
  static let solveAttributes = [
    LayoutDeclaration("converged", "int", "0 if the net comes from a solve that did not converge"),
    LayoutDeclaration(
      "{\(counts.joined(separator: ","))}", "int", "of the solves behind the net, as there; 0 if none"),
    LayoutDeclaration(
      "{\(numbers.joined(separator: ","))}", "float", "of the solves behind the net, as there; NaN if none"),
  ]

  /// The attributes of an evaluation.
  static let attributes =
    solveAttributes + [
      LayoutDeclaration(
        "{\(changes.joined(separator: ","))}", "float",
        "change of the removed images' mean loss, by the steps (first and second order) and as it was; NaN if none"
      )
    ]

  /// The datasets of a table, in a folder.
  static func datasets(in folder: String = "") -> [LayoutDeclaration] {
    [
      LayoutDeclaration("\(folder)/converged", "u8 [r]", "0 if a solve behind the row did not converge"),
      LayoutDeclaration(
        "\(folder)/{\((counts + [comparison.images]).joined(separator: ","))}", "i64 [r]",
        "of the solves behind the row; 0 if none"),
      LayoutDeclaration(
        "\(folder)/{\((numbers + [comparison.moved] + changes).joined(separator: ","))}", "f64 [r]",
        "of the solves behind the row, as in the evaluation; NaN if none"),
    ]
  }

  /// The folder of the facts of a table of comparisons, whose rows are no single evaluations.
  static let folder = "/solves"

  /// The datasets of a table of comparisons, a record of which stands on several rows of its input.
  static let rowDatasets =
    datasets(in: folder) + [
      LayoutDeclaration(
        "\(folder)/label", "string [r]", "each row of the input: what the trust line calls it"),
      LayoutDeclaration(
        "\(folder)/records", "i64 [k,w]", "the rows of the input that each record stands on; -1 for none"),
    ]

  /// Copies the facts of a net's artifact to that of its evaluation.
  static func copy(from net: TaskInput, to artifact: inout ArtifactWriter) throws {
    let file = try FileReader(at: net.path)
    let known = try file.attributes()
    try artifact.attribute("converged", known["converged"] ?? .integer(1))
    for name in counts { try artifact.attribute(name, known[name] ?? .integer(0)) }
    for name in numbers { try artifact.attribute(name, known[name] ?? .real(.nan)) }
    for (name, source) in zip(changes, ["first_order", "second_order", "actual"]) {
      try artifact.attribute(name, .real(try change(file, source)))
    }
    try copyComparison(from: file, to: &artifact)
  }

  /// Copies what an influence says of other curvature images, if it was asked for that.
  static func copyComparison(from file: borrowing FileReader, to artifact: inout ArtifactWriter) throws {
    let known = try file.attributes()
    guard case .integer(let images)? = known[comparison.images], images > 0 else { return }
    try artifact.attribute(comparison.images, .integer(images))
    try artifact.attribute(comparison.moved, known[comparison.moved] ?? .real(.nan))
  }

  /// The change of the removed images' loss in the artifact of an influence (one step) or of an unlearned net.
  private static func change(_ file: borrowing FileReader, _ source: String) throws -> Double {
    let single = "/loss_change/group/\(source)"
    if file.contains(single) { return try file.readScalar(single) }
    let several = "/steps/loss_change/group/\(source)"
    guard file.contains(several) else { return .nan }
    let steps: [Double] = try file.read(several, shape: [nil])
    let sizes = try file.read("/steps/size", as: Int64.self, shape: [steps.count]).map(Double.init)
    // A step that removed nothing has no loss to change.
    let parts = zip(steps, sizes).filter { $0.1 > 0 }
    return parts.reduce(0) { $0 + $1.0 * $1.1 } / parts.reduce(0) { $0 + $1.1 }
  }

  /// Gathers the facts of evaluations into a table's artifact.
  static func gather(
    _ evaluations: [TaskInput], in folder: String = "", into artifact: inout ArtifactWriter
  ) throws {
    var converged: [UInt8] = []
    var counted: [String: [Int64]] = [:]
    var measured: [String: [Double]] = [:]
    for input in evaluations {
      let file = try FileReader(at: input.path)
      converged.append(try file.integer("converged") == 0 ? 0 : 1)
      for name in counts { counted[name, default: []].append(Int64(try file.integer(name))) }
      for name in numbers + changes { measured[name, default: []].append(try file.real(name)) }
      let compares = try file.attributes()[comparison.images] != nil
      counted[comparison.images, default: []].append(
        compares ? Int64(try file.integer(comparison.images)) : 0)
      measured[comparison.moved, default: []].append(compares ? try file.real(comparison.moved) : .nan)
    }
    try artifact.write(folder + "/converged", converged)
    for (name, values) in counted.sorted(by: { $0.key < $1.key }) {
      try artifact.write("\(folder)/\(name)", values)
    }
    for (name, values) in measured.sorted(by: { $0.key < $1.key }) {
      try artifact.write("\(folder)/\(name)", values)
    }
  }

  /// Gathers the facts behind a table of comparisons.
  ///
  /// - Parameters:
  ///   - labels: What the trust line calls each input.
  ///   - records: For each record of the table the places of the inputs that it stands on.
  static func gather(
    _ inputs: [TaskInput], labels: [String], records: [[Int]], into artifact: inout ArtifactWriter
  ) throws {
    try gather(inputs, in: folder, into: &artifact)
    try artifact.write(folder + "/label", labels)
    try artifact.write(folder + "/records", padded: records.map { Set($0).sorted().map { Int64($0) } })
  }

  /// The rows of the input behind each record of a table of comparisons.
  static func records(_ file: borrowing FileReader) throws -> [[Int]] {
    let rows = try file.read(folder + "/records", as: Int64.self)
    let shape = try file.info(folder + "/records").shape
    let width = shape.last ?? 0
    return (0..<(shape.first ?? 0)).map { record in
      rows[record * width..<(record + 1) * width].filter { $0 >= 0 }.map { Int($0) }
    }
  }

  /// The trust lines of a table of comparisons.
  static func lines(_ file: borrowing FileReader) throws -> [String] {
    try lines(file, schemes: try file.readStrings(folder + "/label"), in: folder)
  }

  /// One trust line for each scheme of a table that has a solve behind it.
  static func lines(_ file: borrowing FileReader, schemes: [String], in folder: String = "") throws
    -> [String]
  {
    func counts(_ name: String) throws -> [Int64] {
      try file.read("\(folder)/\(name)", shape: [schemes.count])
    }
    func numbers(_ name: String) throws -> [Double] {
      try file.read("\(folder)/\(name)", shape: [schemes.count])
    }
    let converged = try file.read(folder + "/converged", as: UInt8.self, shape: [schemes.count])
    let compared = try counts(comparison.images)
    let moved = try numbers(comparison.moved)
    let residuals = try numbers("residual")
    let dampings = try numbers("damping")
    let implied = try numbers("damping_implied")
    let images = try counts("hessian_images")
    let iterations = try counts("iterations")
    let products = try counts("products")
    let largest = try numbers("curvature_max")
    let least = try numbers("curvature_min")
    let gradients = try numbers("gradient_norm")
    let first = try numbers("predicted_change")
    let second = try numbers("predicted_change_second_order")
    let actual = try numbers("actual_change")
    var lines: [String] = []
    for scheme in Set(schemes).sorted() {
      let rows = schemes.indices.filter { schemes[$0] == scheme && residuals[$0].isFinite }
      guard !rows.isEmpty else { continue }
      // Damping and the number of curvature images decide how far a step goes; a table without them can't be read.
      let ordered = rows.sorted { (dampings[$0], images[$0]) < (dampings[$1], images[$1]) }
      let settings = distinctInOrder(
        ordered.map { row in
          let extra =
            implied[row].isFinite && implied[row] != dampings[row]
            ? " (\(String(format: "%.2g", implied[row])) implied by the solver)" : ""
          return "\(dampings[row])\(extra), \(images[row]) curvature images"
        })
      let shown =
        settings.count > 4
        ? "\(settings[0]) to \(settings[settings.count - 1])" : settings.joined(separator: "; ")
      var line =
        "\(scheme): damping \(shown); true relative residual at most "
        + "\(String(format: "%.1e", rows.map { residuals[$0] }.max() ?? .nan)), "
        + "\(range(rows.map { iterations[$0] })) solver iterations a net"
      if rows.contains(where: { products[$0] > 0 }) {
        // The products of a spectrum are made once for all nets that share it.
        line += ", \(range(rows.map { products[$0] })) curvature products (a shared spectrum's apart)"
      }
      let failed = rows.filter { converged[$0] == 0 }.count
      if failed > 0 {
        line += "; \(ResultTable.mark) \(failed) of \(rows.count) above the tolerance: not converged"
      }
      let top = rows.map { largest[$0] }.filter(\.isFinite).max()
      let bottom = rows.map { least[$0] }.filter(\.isFinite).min()
      if let top, let bottom {
        line += String(format: "; curvature from %.2g to %.3g", bottom, top)
      }
      if let norm = rows.map({ gradients[$0] }).filter(\.isFinite).max() {
        line += String(format: "; mean gradient's norm at the net at most %.2g", norm)
      }
      let made = rows.filter { actual[$0].isFinite && first[$0].isFinite && second[$0].isFinite }
      if !made.isEmpty {
        func mean(_ values: [Double]) -> String {
          PlainTable.figure(made.reduce(0) { $0 + values[$1] } / Double(made.count))
        }
        line +=
          "; a step's change of its own images' loss: predicted \(mean(first)) (first order), \(mean(second)) "
          + "(second), was \(mean(actual)) (means)"
      }
      for images in Set(rows.map { compared[$0] }).subtracting([0]).sorted() {
        let apart = rows.filter { compared[$0] == images }.map { moved[$0] }
        line += String(
          format:
            "; from the change that %d curvature images give it is %.2g of that one's length away (mean)",
          images, apart.reduce(0, +) / Double(apart.count))
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
