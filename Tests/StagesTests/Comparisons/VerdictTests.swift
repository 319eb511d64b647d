// `differences` with controls and margins: every outcome, against scipy's figures for the same six repeats.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct VerdictTests {
  private static let noise = [0.11, -0.23, 0.31, 0.07, -0.19, 0.05]
  private static let known: [String: Value] = [
    "scheme": "a", "again": .list(["again"]), "control": "third", "untouched": "original",
    "endpoint": "matched",
    "figures": .list(["retained.loss"]), "pooling": "spread",
  ]

  /// Three retrained nets a group, the untouched net, and three schemes: a and c alike, b as far off as two retrained nets.
  ///
  /// - Parameter untouched: The untouched net's retained loss without noise.
  private static func rows(_ shop: Workshop, untouched: Double = 0.05) throws -> [TaskInput] {
    var rows: [TaskInput] = []
    for draw in 0..<6 {
      for (size, scale) in [(10, 0.01), (20, 0.05)] {
        func noise(_ shift: Int) -> Double { scale * Self.noise[(draw + shift) % 6] }
        for (label, loss) in [
          ("retrain", 0.1 + noise(0)), ("again", 0.1 + noise(1)), ("third", 0.1 + noise(2)),
          ("original", untouched + noise(3) * 0.5), ("a", 0.1 + 0.05 * scale + 0.1 * noise(4)),
          ("b", 0.1 + 0.9 * scale + 0.2 * noise(5)), ("c", 0.1 + 0.06 * scale + 0.1 * noise(1)),
        ] {
          rows.append(
            try sampleEvaluation(
              shop, label, ["size": .integer(size), "repeat": .integer(draw)], group: 1, retained: loss))
        }
      }
    }
    return rows
  }

  /// With n pairs the least p of a signed-rank test is 2/2ⁿ: .0625 of five, .03125 of six.
  @Test func saysWhyNothingIsShown() throws {
    let values = try ParameterValues(Self.known, of: DifferencesStage.declaration)
    func reason(pairs: Int, verdict: String = "not shown", control: Double = 0.001, ranks: Double = 0.5)
      -> String?
    {
      var test = DifferenceTest()
      (test.figure, test.column, test.pairs, test.verdict) = ("kl", "all", pairs, verdict)
      (test.isControlled, test.controlPvalue, test.adjusted, test.signedRank) = (true, control, 0.01, ranks)
      return DifferencesStage.reason(test, values)?.text
    }
    #expect(reason(pairs: 5)?.hasPrefix("5 pairs are too few to show closer or further") == true)
    #expect(reason(pairs: 5)?.contains("0.0625; 6 pairs are needed") == true)
    #expect(reason(pairs: 6)?.hasPrefix("the signed-rank test does not bear the t test out") == true)
    #expect(reason(pairs: 6, ranks: 0.03) == nil)
    #expect(reason(pairs: 3, verdict: "equivalent") == nil)
    #expect(reason(pairs: 6, control: 0.3)?.contains("tell original from third (p = 0.3000)") == true)
    let nets = DifferencesStage.nets(values)
    #expect(nets.count == 3 && nets[0].hasPrefix("retrain, again: ") && nets[1].hasPrefix("third: "))
  }

  /// A reader is told for how many tests p is adjusted, which side of 0 is which, and what each figure is.
  @Test func saysWhatTheFiguresAre() throws {
    var values = try ParameterValues(Self.known, of: DifferencesStage.declaration)
    let tests = ["a", "b", "original"].flatMap { against in
      ["10", "20", "all"].map { column in
        var test = DifferenceTest()
        (test.against, test.column) = (against, column)
        return test
      }
    }
    #expect(
      DifferencesStage.families(tests, values)?.hasSuffix(
        "Families: 2 tests over all values of size; 1 test over all values of size against original and third, the controls; "
          + "4 tests at one value of size; 2 tests at one value of size against original and third, the controls."
      )
        == true)
    #expect(DifferencesStage.families([], values) == nil)
    var sides = DifferencesStage.sidesOfZero(values)
    #expect(sides.below == "closer to retraining" && sides.above == "further")
    values = try ParameterValues(
      [
        "scheme": "a", "endpoint": "figures", "figures": .list(["test_other.accuracy", "kl", "own"]),
        "better": "larger",
      ],
      of: DifferencesStage.declaration)
    sides = DifferencesStage.sidesOfZero(values)
    #expect(sides.below == "worse" && sides.above == "better")
    let meanings = DifferencesStage.meanings(values)
    #expect(meanings.count == 2 && meanings[1].hasPrefix("kl, output KL: "))
    #expect(
      meanings[0] == "test_other.accuracy: share of right decisions on the test images of the other labels")
  }

  private static func tests(_ file: borrowing FileReader, against: String) throws -> [Int] {
    let others = try file.readStrings("/tests/against")
    return others.indices.filter { others[$0] == against }
  }

  @Test func figuresAreScipys() throws {
    let shop = try Workshop()
    let made = try shop.run("differences", Self.known, ["rows": Self.rows(shop)])
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/column").prefix(3) == ["10", "20", "all"])
    func expect(_ path: String, _ against: String, _ golden: [Double], within bar: Double = 1e-9) throws {
      let values: [Double] = try file.read("/tests/\(path)")
      for (place, expected) in zip(try Self.tests(file, against: against), golden) {
        #expect(
          abs(values[place] - expected) <= bar * abs(expected), "\(path) of \(against): \(values[place])")
      }
    }
    try expect("mean", "b", [-0.00852, -0.0426, -3.167891912693188])
    try expect(
      "pvalue", "b", [1.9382366777843073e-07, 1.9382366777843615e-07, 1.9382366777843433e-07], within: 1e-6)
    try expect("spread", "b", [0.0021959558789334146, 0.010979779394667072])
    try expect("margin", "b", [0.0013447428502629543, 0.006723714251314771, 0.5])
    try expect("signed_rank", "b", [0.03125, 0.03125, 0.03125])
    try expect("equivalence", "b", [0.9999997718739392, 0.9999997718739392, 0.9999997718739392])
    try expect("mean", "c", [-1e-4, -5e-4, -0.037181829961186914])
    try expect(
      "equivalence", "c", [4.706075830383872e-06, 4.706075830383596e-06, 4.706075830383734e-06], within: 1e-6)
    try expect(
      "control_pvalue", "c", [8.631500694253972e-08, 0.00023141791064135796, 1.0930960742021282e-06],
      within: 1e-6)
    let verdicts = try file.readStrings("/tests/verdict")
    #expect(try Self.tests(file, against: "b").map { verdicts[$0] } == ["closer", "closer", "closer"])
    #expect(
      try Self.tests(file, against: "c").map { verdicts[$0] } == ["equivalent", "equivalent", "equivalent"])
    let lines = try file.readStrings("/verdict")
    #expect(lines.contains("Verdict, retained.loss, a against b: a is closer to retraining."))
    #expect(lines.contains("Verdict, retained.loss, a against c: equivalent within the margin."))
    // Beside each other scheme the controls are compared with, in families of their own.
    #expect(try Set(file.readStrings("/tests/against")) == ["original", "third", "b", "c"])
    let text = try shop.report(made, Self.known).render(.text)
    #expect(text.contains("p equivalence") && text.contains("control p") && !text.contains("not finite"))
  }

  /// What can't tell the untouched net from a retrained one shows nothing, however small its p-values.
  @Test func withoutPowerNothingIsShown() throws {
    let shop = try Workshop()
    let made = try shop.run("differences", Self.known, ["rows": Self.rows(shop, untouched: 0.1)])
    let file = try FileReader(at: made.path)
    let pvalues: [Double] = try file.read("/tests/control_pvalue")
    #expect(pvalues.allSatisfy { $0 > 0.05 })
    #expect(try Set(file.readStrings("/tests/verdict")) == ["not shown"])
    // Without the controls the same pairs have their outcomes.
    let rows = try Self.rows(shop, untouched: 0.1).filter { $0.label != "original" }
    let bare = try shop.run("differences", Self.known.merging(["untouched": .null]) { $1 }, ["rows": rows])
    #expect(
      try Set(FileReader(at: bare.path).readStrings("/tests/verdict")).isSuperset(of: [
        "closer", "equivalent",
      ]))
  }

  /// The other side, and both tests at once: a difference that is sure and small is closer, and equivalent.
  @Test func furtherAndBothAtOnce() throws {
    let shop = try Workshop()
    func verdict(_ scheme: String, _ against: String, _ more: [String: Value] = [:]) throws -> String {
      let made = try shop.run(
        "differences", Self.known.merging(["scheme": .string(scheme)]) { $1 }.merging(more) { $1 },
        ["rows": Self.rows(shop)])
      let file = try FileReader(at: made.path)
      return try file.readStrings("/tests/verdict")[Self.tests(file, against: against)[2]]
    }
    #expect(try verdict("b", "a") == "further")
    #expect(try verdict("a", "b", ["margin": .number(4)]) == "closer, equivalent")
    #expect(try verdict("a", "c", ["margin": .number(0.01)]) == "not shown")
  }

  /// A net that diverged has the largest figure of its cell, and is counted; a solve that failed is tested with and without.
  @Test func divergedAndUnconvergedNetsStay() throws {
    let shop = try Workshop()
    var rows = try Self.rows(shop)
    let axes: [String: Value] = ["size": .integer(10), "repeat": .integer(2)]
    let place = try #require(rows.firstIndex { $0.label == "b" && $0.node == "b[\"10\", \"2\"]" })
    rows[place] = try sampleEvaluation(shop, "b", axes, group: 1, retained: .infinity, converged: false)
    let made = try shop.run("differences", Self.known, ["rows": rows])
    let file = try FileReader(at: made.path)
    let own = try Self.tests(file, against: "b")
    #expect(try own.map { try file.read("/tests/not_finite", as: Int64.self)[$0] } == [1, 0, 1])
    #expect(try own.map { try file.read("/tests/not_converged", as: Int64.self)[$0] } == [1, 0, 1])
    let differences: [Double] = try file.read("/pairs/difference")
    let labels = try file.readStrings("/pairs/against")
    #expect(differences.indices.filter { labels[$0] == "b" }.allSatisfy { differences[$0].isFinite })
    // b's largest other figure at size 10 has the largest noise: 0.109 + 0.002 · 0.31; a's own is 0.1005 + 0.001 · 0.11.
    let here = 4  // Pairs are in the order of the plan: two sizes a repeat.
    #expect(
      abs(
        differences.indices.filter { labels[$0] == "b" }.map { differences[$0] }[here] - (0.10061 - 0.10962))
        < 1e-12)
    let (all, sound): ([Double], [Double]) = (
      try file.read("/tests/mean"), try file.read("/tests/converged_mean")
    )
    #expect(all[own[0]] != sound[own[0]] && all[own[1]] == sound[own[1]])
  }

  @Test func whatIsAskedOfItIsChecked() throws {
    let shop = try Workshop()
    let rows = try Self.rows(shop)
    func message(_ more: [String: Value]) -> String {
      failure { _ = try shop.run("differences", Self.known.merging(more) { $1 }, ["rows": rows]) }
    }
    #expect(message(["control": .null]).contains("give 'control' its label"))
    #expect(message(["control": "again"]).contains("another net"))
    #expect(message(["again": .list(["retrain"])]).contains("twice"))
    #expect(message(["figures": .list(["retained"])]).contains("'retained' is no figure of a net"))
    #expect(message(["figures": .list(["retained.gap_spread"])]).contains("no figure"))
    #expect(message(["untouched": "nobody"]).hasPrefix("no row is labelled 'nobody'"))
    let single: [String: Value] = ["scheme": "a", "pooling": "spread"]
    let bare = rows.filter { ["retrain", "a", "b"].contains($0.label) }
    #expect(
      failure { _ = try shop.run("differences", single, ["rows": bare]) }.contains(
        "a spread takes retrained nets of two seeds"))
  }
}
