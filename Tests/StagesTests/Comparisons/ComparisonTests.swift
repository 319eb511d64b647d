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
  /// Differences of the gaps of a to b at size 10, and of exactly zero at size 20, over five repeats.
  private static let known = [0.4, -0.1, 0.25, 0.3, 0.05]

  private static func rows(_ shop: Workshop) throws -> [TaskInput] {
    var rows: [TaskInput] = []
    for repetition in 0..<5 {
      for size in [10, 20] {
        let axes: [String: Value] = ["size": .integer(size), "repeat": .integer(repetition)]
        let truth = 1 + 0.1 * Double(repetition)
        rows.append(try sampleEvaluation(shop, "retrain", axes, group: truth))
        // b misses by 0.5 below, a by as much and the difference above: the sides don't matter.
        let extra = size == 10 ? known[repetition] : 0
        rows.append(try sampleEvaluation(shop, "a", axes, group: truth + 0.5 + extra))
        rows.append(try sampleEvaluation(shop, "b", axes, group: truth - 0.5, converged: repetition != 3))
      }
    }
    return rows
  }

  @Test func differencesAreAPairedTTest() throws {
    let shop = try Workshop()
    let made = try shop.run(
      "differences", ["scheme": "a", "pooling": "log-ratio"], ["rows": try Self.rows(shop)])
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
    // All sizes: half of the logarithm of (0.5 + d) / 0.5, by scipy; and rounding apart, no difference at size 20.
    #expect(abs(means[2] - 0.13354220307461345) < 1e-9 && abs(pvalues[2] - 0.14368143666245028) < 1e-6)
    #expect(abs(means[1]) < 1e-12)
    let adjusted: [Double] = try file.read("/tests/adjusted")
    #expect(abs(adjusted[0] - min(1, 2 * pvalues[0])) < 1e-12 || pvalues[1] < pvalues[0])
    #expect(adjusted[2] == pvalues[2])
    #expect(try file.readStrings("/tests/verdict")[2] == "not shown")
    // Two of five differences have ranks 1 and the negative one 2: 2 · 3 / 32.
    #expect(try file.read("/tests/signed_rank", as: Double.self)[0] == 0.1875)
    #expect(try file.readStrings("/tests/figure") == ["step length", "step length", "step length"])
    #expect(try file.read("/tests/not_converged", as: Int64.self) == [1, 1, 2])
    let closer = try file.read("/tests/closer", as: Int64.self)
    #expect(closer[0] == 1 && closer[2] == 1)
    #expect(
      try file.readStrings("/verdict").last
        == "Verdict, step length, a against b: not shown; behind 2 of the pairs a solve did not converge.")
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
          rows.append(try sampleEvaluation(shop, label, axes, group: 1 + gap))
        }
      }
      let made = try shop.run("differences", ["scheme": "a", "pooling": "log-ratio"], ["rows": rows])
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
      rows.append(try sampleEvaluation(shop, "retrain", axes, group: 1))
      for (label, gap) in [("near", 0.1), ("mid", 0.3), ("far", 0.6)] {
        for damping in [0.1, 0.2] {
          rows.append(
            try sampleEvaluation(
              shop, label, axes.merging(["damping": .number(damping)]) { a, _ in a },
              group: 1 + gap + (label == "mid" ? wobble : 0)))
        }
      }
    }
    let made = try shop.run("differences", ["scheme": "mid", "pooling": "log-ratio"], ["rows": rows])
    let lines = try FileReader(at: made.path).readStrings("/verdict")
    #expect(
      lines.suffix(2) == [
        "Verdict, step length, mid against near: mid is further from retraining "
          + "(closer in 0, further in 2, equivalent in 0 of 2 settings).",
        "Verdict, step length, mid against far: mid is closer to retraining "
          + "(closer in 2, further in 0, equivalent in 0 of 2 settings).",
      ])
    let table = try shop.report(made, ["scheme": .string("mid")])
    #expect(try !table.render(.text).contains("†") && table.render(.csv).contains(",not_converged\r\n"))
    for kind in ["differences"] {
      let picture = try shop.run(
        "picture", ["kind": .string(kind), "title": .string("T")], ["differences": [made]])
      let svg = String(
        decoding: try FileReader(at: picture.path).read("/files/differences.svg", as: UInt8.self),
        as: UTF8.self)
      #expect(svg.contains(">against<") && svg.contains(">near<") && svg.contains("damping"))
    }
  }

  @Test func badComparisonsAreOneClearError() throws {
    let shop = try Workshop()
    let rows = try Self.rows(shop)
    func message(_ parameters: [String: Value], _ rows: [TaskInput]) -> String {
      failure {
        _ = try shop.run("differences", parameters.merging(["pooling": "log-ratio"]) { $1 }, ["rows": rows])
      }
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

  /// Nets that are held out take no part in the choice; a retrained net of another seed gives the floor of both scores.
  @Test func heldOutNetsOnlyScore() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for net in 0..<3 {
      for draw in 0..<2 {
        let axes: [String: Value] = ["trial_net": .integer(net), "repeat": .integer(draw)]
        // The reference is the mean of two: 1.
        for (label, loss) in [("retrain", 0.98), ("again", 1.02), ("third", net == 2 ? 1.03 : 0.99)] {
          rows.append(try sampleEvaluation(shop, label, axes, group: loss, retained: 5))
        }
        for (damping, loss) in [(0.1, net == 2 ? 1 : 1.4), (0.2, net == 2 ? 1.5 : 0.9), (0.3, 1.2)] {
          rows.append(
            try sampleEvaluation(
              shop, "a", axes.merging(["damping": .number(damping)]) { $1 }, group: loss, retained: damping))
        }
      }
    }
    let parameters: [String: Value] = [
      "again": .list(["again"]), "control": "third", "splits": .list(["group"]), "held_axis": "trial_net",
      "held": .list(["2"]),
    ]
    let made = try shop.run("calibration", parameters, ["rows": rows])
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/setting") == ["damping 0.1", "damping 0.2", "damping 0.3"])
    #expect(try file.read("/chosen", as: UInt8.self) == [0, 1, 0])
    for (values, expected) in zip(
      [try file.read("/score", as: Double.self), try file.read("/held_out", as: Double.self)],
      [[0.4, 0.1, 0.2], [0, 0.5, 0.2]])
    { for (value, expected) in zip(values, expected) { #expect(abs(value - expected) < 1e-12) } }
    #expect(try file.read("/groups", as: Int64.self) == [4, 4, 4])
    #expect(try abs(file.readScalar("/noise/score") - 0.01) < 1e-12)
    #expect(try abs(file.readScalar("/noise/held_out") - 0.03) < 1e-12)
    let lines = try file.readStrings("/choice")
    #expect(
      lines[0] == "Rule: least mean of |gap of the group's loss| to retraining; test images take no part.")
    #expect(
      lines[1]
        == "Noise floor: a retrained net of another seed scores 0.0100, held out 0.0300; a lower score is luck."
    )
    #expect(lines[2] == "a: damping 0.2, score 0.1000, held out 0.5000.")
    #expect(try shop.report(made, parameters).render(.text).contains("held out"))
    func message(_ more: [String: Value]) -> String {
      failure { _ = try shop.run("calibration", parameters.merging(more) { $1 }, ["rows": rows]) }
    }
    #expect(message(["held": .list([])]).contains("give both or neither"))
    #expect(message(["control": "nobody"]).hasPrefix("no row is labelled 'nobody'"))
    #expect(message(["held": .list(["0", "1", "2"])]).contains("none to choose by"))
  }

  @Test func calibrationTakesTheLeastGapThatConverged() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for repetition in 0..<3 {
      let place: [String: Value] = ["repeat": .integer(repetition)]
      rows.append(try sampleEvaluation(shop, "retrain", place, group: 1, retained: 0.1))
      for (damping, gap, converged) in [
        (0.1, 0.4, true), (0.2, -0.1, true), (0.3, 0.05, false), (0.4, 0.3, true),
      ] {
        for formula in ["x", "y"] {
          rows.append(
            try sampleEvaluation(
              shop, "one step",
              place.merging(["damping": .number(damping), "formula": .string(formula)]) { a, _ in a },
              group: 1 + gap * (formula == "x" ? 1 : -1), retained: 0.1 + (formula == "x" ? 0.02 : damping),
              converged: converged))
        }
      }
      // Only one setting axis of two: the other is empty.
      rows.append(
        try sampleEvaluation(
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
