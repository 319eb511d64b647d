// What stands under a table of the solves behind its rows.

import Artifacts
import Foundation
import ResultTables

/// The trust lines of a table.
enum TrustFacts {
  /// One trust line for each label of rows that has a solve behind it.
  static func lines(_ facts: [SolveFacts], labels schemes: [String]) -> [String] {
    let converged = facts.map(\.outcome.converged)
    let compared = facts.map { $0.comparison?.images ?? 0 }
    let moved = facts.map { $0.comparison?.moved ?? .nan }
    let residuals = facts.map(\.outcome.residual)
    let dampings = facts.map(\.outcome.damping)
    let implied = facts.map(\.outcome.dampingImplied)
    let images = facts.map(\.outcome.hessianImages)
    let iterations = facts.map(\.outcome.iterations)
    let products = facts.map(\.outcome.products)
    let largest = facts.map(\.outcome.curvatureMax)
    let least = facts.map(\.outcome.curvatureMin)
    let gradients = facts.map(\.outcome.gradientNorm)
    let first = facts.map(\.change.firstOrder)
    let second = facts.map(\.change.secondOrder)
    let actual = facts.map(\.change.actual)
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
      let failed = rows.filter { !converged[$0] }.count
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

  private static func range(_ values: [Int]) -> String {
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    return low == high ? "\(low)" : "\(low) to \(high)"
  }
}
