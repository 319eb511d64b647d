// differences, calibration, effect and correlation, on hand-made evaluations with known answers and on small nets.

import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import StageRuns
import Stages
import Statistics
import Tensor
import Testing

@Suite struct ComparisonTests {
  /// An evaluation of which only the losses matter, and whether a solve stands behind it.
  private static func evaluation(
    _ shop: Workshop, _ label: String, _ axes: [String: Value], group: Double, retained: Double = 0.1,
    converged: Bool = true
  ) throws -> TaskInput {
    let isSolved = label != "retrain"
    var made = try shop.artifact("evaluate") { file in
      for split in ["group", "retained", "train", "test", "test_label", "test_other"] {
        let loss = split == "group" ? group : split == "retained" ? retained : 0.5
        try file.write("/metrics/\(split)/loss", loss)
      }
      try file.setAttribute("converged", to: .integer(converged ? 1 : 0))
      for name in ["iterations", "products", "hessian_images"] {
        try file.setAttribute(name, to: .integer(isSolved ? 30 : 0))
      }
      for name in [
        "residual", "damping", "damping_implied", "gradient_norm", "curvature_min", "curvature_max",
        "predicted_change", "predicted_change_second_order", "actual_change",
      ] {
        try file.setAttribute(name, to: .real(isSolved ? (converged ? 0.0005 : 0.25) : .nan))
      }
    }
    made.label = label
    made.axes = axes.sorted { $0.key < $1.key }.map { AxisValue($0.key, $0.value) }
    made.node = "\(label)\(axes.values.map(\.plainText).sorted())"
    return made
  }

  /// Differences of the gaps of a to b at size 10, and of exactly zero at size 20, over five repeats.
  private static let known = [0.4, -0.1, 0.25, 0.3, 0.05]

  private static func rows(_ shop: Workshop) throws -> [TaskInput] {
    var rows: [TaskInput] = []
    for repetition in 0..<5 {
      for size in [10, 20] {
        let axes: [String: Value] = ["size": .integer(size), "repeat": .integer(repetition)]
        let truth = 1 + 0.1 * Double(repetition)
        rows.append(try evaluation(shop, "retrain", axes, group: truth))
        // b misses by 0.5 below, a by as much and the difference above: the sides don't matter.
        let extra = size == 10 ? known[repetition] : 0
        rows.append(try evaluation(shop, "a", axes, group: truth + 0.5 + extra))
        rows.append(try evaluation(shop, "b", axes, group: truth - 0.5, converged: repetition != 3))
      }
    }
    return rows
  }

  @Test func differencesAreAPairedTTest() throws {
    let shop = try Workshop()
    let made = try shop.run("differences", ["scheme": .string("a")], ["rows": try Self.rows(shop)])
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/column") == ["10", "20", "all"])
    #expect(try file.readStrings("/tests/against") == ["b", "b", "b"])
    let means: [Double] = try file.read("/tests/mean")
    let lower: [Double] = try file.read("/tests/lower")
    let upper: [Double] = try file.read("/tests/upper")
    let pvalues: [Double] = try file.read("/tests/pvalue")
    // scipy.stats.ttest_1samp(known, 0) and scipy.stats.t.interval(.95, 4, mean, sem).
    #expect(abs(means[0] - 0.18) < 1e-12 && abs(pvalues[0] - 0.11693430104240451) < 1e-9)
    #expect(abs(lower[0] + 0.07065010770143462) < 1e-9 && abs(upper[0] - 0.43065010770143464) < 1e-9)
    // All sizes: half of that, so the same p; and rounding apart, no difference at size 20.
    #expect(abs(means[2] - 0.09) < 1e-12 && abs(pvalues[2] - pvalues[0]) < 1e-6)
    #expect(abs(means[1]) < 1e-12)
    let adjusted: [Double] = try file.read("/tests/adjusted")
    #expect(abs(adjusted[0] - min(1, 2 * pvalues[0])) < 1e-12 || pvalues[1] < pvalues[0])
    #expect(adjusted[2] == pvalues[2])
    #expect(try file.readStrings("/tests/verdict")[2] == "no difference")
    #expect(try file.read("/tests/not_converged", as: Int64.self) == [1, 1, 2])
    let closer = try file.read("/tests/closer", as: Int64.self)
    #expect(closer[0] == 1 && closer[2] == 1)
    #expect(
      try file.readStrings("/verdict").last
        == "Verdict, a against b: no difference; behind 2 of the pairs a solve did not converge.")
    // Rows are retrain, a and b in turn; size 10 at even places.
    let nodes = (0..<30).map { ["node\($0)", "shared"] }
    let report = try shop.report(
      made, ["title": .string("A title"), "scheme": .string("a")], nodes: nodes)
    let text = try report.render(.text)
    #expect(text.hasPrefix("A title\n") && text.contains("not converged"))
    #expect(text.contains("0.1800 (-0.0707 to 0.4307)†"))
    #expect(text.contains("† A solver behind at least one of the results did not converge."))
    let solves = try report.solves()
    #expect(solves.keys.sorted() == ["a", "b"])
    #expect(solves["a"]?["damping"] as? String == "0.0005" && solves["a"]?["images"] as? String == "30")
    #expect(solves["a"]?["residual"] as? Double == 0.0005 && solves["a"]?["not_converged"] as? Int == 0)
    #expect(solves["b"]?["rows"] as? Int == 10 && solves["b"]?["not_converged"] as? Int == 2)
    #expect(solves["b"]?["residual"] as? Double == 0.25)
    let json = try JSONSerialization.jsonObject(with: Data(report.render(.json).utf8))
    let records = try #require((json as? [String: Any])?["records"] as? [[String: Any]])
    #expect(records.map { $0["not_converged"] as? Int } == [1, 1, 2])
    let behind = try #require(records[0]["nodes"] as? [String])
    #expect(behind.count == 16 && behind.contains("node0") && !behind.contains("node3"))
    #expect((records[2]["nodes"] as? [String])?.count == 31)
    #expect(try report.render(.csv).split(separator: "\r\n").allSatisfy { $0.contains(",") })
    #expect(try report.render(.csv).contains(",not_converged\r\n"))
  }

  /// Closeness has no sign, neither the scheme's nor the other's: 0.3 below retraining is closer than 0.5 above it.
  @Test func closenessHasNoSign() throws {
    let shop = try Workshop()
    for (own, other) in [(-0.3, 0.5), (0.3, -0.5), (-0.3, -0.5), (0.3, 0.5)] {
      var rows: [TaskInput] = []
      for repetition in 0..<3 {
        let axes: [String: Value] = ["size": .integer(10), "repeat": .integer(repetition)]
        for (label, gap) in [("retrain", 0), ("a", own), ("b", other)] {
          rows.append(try Self.evaluation(shop, label, axes, group: 1 + gap))
        }
      }
      let made = try shop.run("differences", ["scheme": .string("a")], ["rows": rows])
      let differences: [Double] = try FileReader(at: made.path).read("/pairs/difference")
      #expect(differences.count == 3 && differences.allSatisfy { abs($0 + 0.2) < 1e-12 }, "\(own) \(other)")
    }
  }

  @Test func aClearDifferenceIsCalledSo() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for repetition in 0..<6 {
      let wobble = 0.01 * Double(repetition % 3)
      let axes: [String: Value] = ["size": .integer(10), "repeat": .integer(repetition)]
      rows.append(try Self.evaluation(shop, "retrain", axes, group: 1))
      for (label, gap) in [("near", 0.1), ("mid", 0.3), ("far", 0.6)] {
        for damping in [0.1, 0.2] {
          rows.append(
            try Self.evaluation(
              shop, label, axes.merging(["damping": .number(damping)]) { a, _ in a },
              group: 1 + gap + (label == "mid" ? wobble : 0)))
        }
      }
    }
    let made = try shop.run("differences", ["scheme": .string("mid")], ["rows": rows])
    let lines = try FileReader(at: made.path).readStrings("/verdict")
    #expect(
      lines.suffix(2) == [
        "Verdict, mid against near: mid is further from retraining (closer in 0, further in 2 of 2 settings).",
        "Verdict, mid against far: mid is closer to retraining (closer in 2, further in 0 of 2 settings).",
      ])
    let table = try shop.report(made, ["scheme": .string("mid")])
    #expect(try !table.render(.text).contains("†") && table.render(.csv).contains(",not_converged\r\n"))
    for kind in ["differences"] {
      let picture = try shop.run(
        "picture", ["kind": .string(kind), "title": .string("T")], ["differences": [made]])
      let svg = String(
        decoding: try FileReader(at: picture.path).read("/files/differences.svg", as: UInt8.self),
        as: UTF8.self)
      #expect(svg.contains("against near") && svg.contains("damping"))
    }
  }

  @Test func badComparisonsAreOneClearError() throws {
    let shop = try Workshop()
    let rows = try Self.rows(shop)
    func message(_ parameters: [String: Value], _ rows: [TaskInput]) -> String {
      failure { _ = try shop.run("differences", parameters, ["rows": rows]) }
    }
    #expect(
      message(["scheme": .string("another")], rows)
        == "no row is labelled 'another'; labels: a, b")
    #expect(
      message(["scheme": .string("a"), "reference": .string("truth")], rows)
        == "none of the rows is labelled 'truth', the reference; the labels are a, b, retrain")
    #expect(
      message(["scheme": .string("a")], rows.filter { $0.label != "b" })
        == "there is no row to compare 'a' against")
    #expect(
      message(["scheme": .string("retrain")], rows) == "'scheme' and 'reference' are the same label")
    let short = rows.filter { $0.label != "b" || $0.axes[1].value != .integer(20) }
    #expect(message(["scheme": .string("a")], short).hasSuffix("to be paired with"))
    let alone = rows.filter { $0.label != "retrain" || $0.axes[1].value != .integer(20) }
    #expect(message(["scheme": .string("a")], alone).hasSuffix("to be compared with"))
  }

  @Test func calibrationTakesTheLeastGapThatConverged() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for repetition in 0..<3 {
      let place: [String: Value] = ["repeat": .integer(repetition)]
      rows.append(try Self.evaluation(shop, "retrain", place, group: 1, retained: 0.1))
      for (damping, gap, converged) in [
        (0.1, 0.4, true), (0.2, -0.1, true), (0.3, 0.05, false), (0.4, 0.3, true),
      ] {
        for formula in ["x", "y"] {
          rows.append(
            try Self.evaluation(
              shop, "one step",
              place.merging(["damping": .number(damping), "formula": .string(formula)]) { a, _ in a },
              group: 1 + gap * (formula == "x" ? 1 : -1), retained: 0.1 + (formula == "x" ? 0.02 : damping),
              converged: converged))
        }
      }
      // Only one setting axis of two: the other is empty.
      rows.append(
        try Self.evaluation(
          shop, "three steps", place.merging(["damping": .number(0.1)]) { a, _ in a }, group: 1.2))
    }
    let made = try shop.run(
      "calibration",
      ["settings": .list([.string("damping"), .string("factor")]), "schemes": .list([.string("formula")])],
      ["rows": rows])
    let file = try FileReader(at: made.path)
    let schemes = try file.readStrings("/scheme")
    let settings = try file.readStrings("/setting")
    let scores: [Double] = try file.read("/score")
    let chosen: [UInt8] = try file.read("/chosen")
    let best = chosen.indices.filter { chosen[$0] == 1 }.map { "\(schemes[$0]) \(settings[$0])" }
    #expect(best == ["x damping 0.2", "y damping 0.2", "three steps damping 0.1"])
    let x = try #require(schemes.indices.first { schemes[$0] == "x" && settings[$0] == "damping 0.2" })
    #expect(abs(scores[x] - 0.12) < 1e-12)
    #expect(try file.read("/groups", as: Int64.self).allSatisfy { $0 == 3 })
    let choice = try file.readStrings("/choice")
    #expect(choice[1] == "x: damping 0.2, score 0.1200." && choice.count == 4)
    let report = try shop.report(made, nodes: rows.map { [$0.node] })
    let json = try JSONSerialization.jsonObject(with: Data(report.render(.json).utf8))
    let records = try #require((json as? [String: Any])?["records"] as? [[String: Any]])
    #expect(
      records.filter { $0["not_converged"] as? Int == 3 }.map { $0["setting"] as? String }
        == ["damping 0.3", "damping 0.3"])
    // Three repeats of the setting and of retraining.
    #expect(records.allSatisfy { ($0["nodes"] as? [String])?.count == 6 })
    let text = try report.render(.text)
    #expect(try report.solves().keys.sorted() == ["three steps", "x", "y"])
    #expect(
      text.split(separator: "\n").filter { $0.contains("damping 0.3 ") }.allSatisfy { $0.contains(")†") })
  }
}
