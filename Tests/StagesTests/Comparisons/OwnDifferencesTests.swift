// `differences` over the figures of commands, against scipy's for the same six seeds.

import Artifacts
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct OwnDifferencesTests {
  private static let steps = [0.5, 0.7, 0.4, 0.9, 0.6, 0.8]
  private static let asked: [String: Value] = [
    "scheme": "ridge", "endpoint": "figures", "figures": .list(["rmse"]), "columns": "data", "over": "seed",
  ]

  /// Two methods on two data sets: lasso's error is larger by a step of its own for each seed, twice that on the second.
  private static func rows(_ shop: Workshop, shift: Double = 0, gain: Bool = false) throws -> [TaskInput] {
    var rows: [TaskInput] = []
    for data in 1...2 {
      for (seed, step) in steps.enumerated() {
        let ridge = Double(data * 10 + seed)
        for (label, error) in [("ridge", ridge), ("lasso", ridge + step * Double(data))] {
          let figure = (gain ? -error : error) + shift
          var row = try shop.run(
            "command",
            [
              "argv": .list(["sh", "-c", .string("echo '{\"rmse\": \(figure), \"f1\": 0.5}' > m.json")]),
              "outputs": .list(["m.json"]), "metrics": "m.json",
            ])
          row.label = label
          row.axes = [AxisValue("data", .integer(data)), AxisValue("seed", .integer(seed))]
          row.node = "\(label)[data=\(data),seed=\(seed)]"
          rows.append(row)
        }
      }
    }
    return rows
  }

  private static func differences(
    _ shop: Workshop, _ more: [String: Value] = [:], _ rows: [TaskInput]
  ) throws -> TaskInput {
    try shop.run("differences", asked.merging(more) { $1 }, ["rows": rows])
  }

  @Test func figuresAreScipys() throws {
    let shop = try Workshop()
    let made = try Self.differences(shop, ["tolerance": .number(2)], Self.rows(shop))
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/column") == ["1", "2", "all"])
    func expect(_ path: String, _ golden: [Double]) throws {
      let values: [Double] = try file.read("/tests/\(path)")
      for (value, expected) in zip(values, golden) {
        #expect(abs(value - expected) <= 1e-9 * abs(expected), "\(path): \(value)")
      }
    }
    // scipy.stats: ttest_rel with its confidence_interval, wilcoxon(mode='exact'), two one-sided t tests; of all, the
    // mean over the data sets of the logarithm of the ratio.
    try expect("mean", [-0.65, -1.3, -0.05327989474519743])
    try expect("lower", [-0.8463314306980325, -1.692662861396065])
    try expect("upper", [-0.45366856930196753, -0.9073371386039351])
    try expect("pvalue", [0.00036841616912385255, 0.00036841616912385255, 0.00018206471475725922])
    try expect("signed_rank", [0.03125, 0.03125, 0.03125])
    try expect("equivalence", [5.316400609210453e-06, 0.0029667722587961368])
    try expect("margin", [2, 2])
    #expect(
      try file.readStrings("/tests/verdict") == ["better, equivalent", "better, equivalent", "better"])
    #expect(
      try file.readStrings("/verdict").last
        == "Verdict, rmse, ridge against lasso: ridge is better; equivalent within the margin at 2 of 2 values."
    )
    let text = try shop.report(made, Self.asked).render(.text)
    #expect(text.contains("better in") && !text.contains("retrain") && !text.contains("closer"), "\(text)")
  }

  @Test func theOtherSideAndTheOtherSign() throws {
    let shop = try Workshop()
    func verdicts(_ more: [String: Value], _ rows: [TaskInput]) throws -> (words: [String], line: String?) {
      let file = try FileReader(at: Self.differences(shop, more, rows).path)
      return (try file.readStrings("/tests/verdict"), try file.readStrings("/verdict").last)
    }
    let worse = try verdicts(["scheme": "lasso"], Self.rows(shop))
    #expect(worse.words == ["worse", "worse", "worse"])
    #expect(worse.line == "Verdict, rmse, lasso against ridge: lasso is worse.")
    let larger = try verdicts(["better": "larger"], Self.rows(shop))
    #expect(larger.words == ["worse", "worse", "worse"])
    // Figures below 0 have no ratio, so each data set is judged by itself.
    let gain = try verdicts(["better": "larger"], Self.rows(shop, gain: true))
    #expect(gain.words == ["better", "better"])
    #expect(
      gain.line
        == "Verdict, rmse, ridge against lasso: ridge is better (better in 2, worse in 0, equivalent in 0 of 2 settings)."
    )
    let made = try Self.differences(shop, ["better": "larger"], Self.rows(shop, gain: true))
    let counted: [Int64] = try FileReader(at: made.path).read("/tests/closer")
    #expect(counted == [6, 6])
  }

  /// A mean of logarithms has no margin, so it may show nothing where each data set shows an equivalence.
  @Test func equivalencesOfSingleValuesAreCounted() throws {
    let shop = try Workshop()
    // At this level six seeds show no side by their signed ranks.
    let made = try Self.differences(
      shop, ["tolerance": .number(2), "level": .number(0.02)], Self.rows(shop))
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/verdict") == ["equivalent", "equivalent", "not shown"])
    #expect(
      try file.readStrings("/verdict").last
        == "Verdict, rmse, ridge against lasso: not shown; equivalent within the margin at 2 of 2 values.")
  }

  /// Runs of two methods on one data set, their figures as CSV: seed by seed.
  private static func runs(_ shop: Workshop, _ names: String, _ figures: [String: [String]]) throws
    -> [TaskInput]
  {
    try figures.sorted { $0.key < $1.key }.flatMap { label, lines in
      try lines.enumerated().map { seed, line in
        var row = try shop.run(
          "command",
          [
            "argv": .list(["sh", "-c", .string("printf '\(names)\n\(line)\n' > m.csv")]),
            "outputs": .list(["m.csv"]), "metrics": "m.csv",
          ])
        row.label = label
        row.axes = [AxisValue("data", .integer(1)), AxisValue("seed", .integer(seed))]
        row.node = "\(label)[data=1,seed=\(seed)]"
        return row
      }
    }
  }

  /// Figures that have no ratio are judged by the data sets, beside others that have one.
  @Test func eachFigureHasItsOwnTests() throws {
    let shop = try Workshop()
    let rows = try Self.runs(
      shop, "rmse,gain", ["lasso": ["2,-3", "3,-4", "5,-5"], "ridge": ["1,-2", "2,-3", "3,-4"]])
    let values: [String: Value] = ["figures": .list(["rmse", "gain"])]
    let made = try Self.differences(shop, values, rows)
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/figure") == ["rmse", "rmse", "gain"])
    #expect(try file.readStrings("/tests/column") == ["1", "all", "1"])
    let lines = try file.readStrings("/verdict").filter { $0.hasPrefix("Verdict") }
    #expect(lines.map { $0.prefix(13) } == ["Verdict, rmse", "Verdict, gain"], "\(lines)")
    var tests = [DifferenceTest(), DifferenceTest(), DifferenceTest()]
    for (place, (figure, column)) in [("rmse", "1"), ("rmse", "all"), ("gain", "1")].enumerated() {
      (tests[place].figure, tests[place].column) = (figure, column)
    }
    #expect(Verdict.decisive(tests).map { [$0.figure, $0.column] } == [["rmse", "all"], ["gain", "1"]])
  }

  /// NaN may be anything, and counts as the worst; infinity is the worst or the best, by its side.
  @Test(arguments: [("nan", -1.0), ("inf", -3.0), ("-inf", -1.0)])
  func whatIsNotFiniteIsCounted(text: String, last: Double) throws {
    let shop = try Workshop()
    let rows = try Self.runs(
      shop, "score", ["lasso": ["4", "4", "4"], "ridge": ["7", "5", text]])
    let values: [String: Value] = ["figures": .list(["score"]), "better": "larger"]
    let made = try Self.differences(shop, values, rows)
    let differences: [Double] = try FileReader(at: made.path).read("/pairs/difference")
    // The best of ridge's repeats is 7, the worst 5.
    #expect(differences.map { -$0 } == [-3, -1, last])
    let report = try shop.report(made, Self.asked.merging(values) { $1 }).render(.text)
    #expect(report.contains("not finite: pairs with a figure that is NaN or infinite"), "\(report)")
  }

  /// What holds on one data set is no verdict over all.
  @Test func oneValueOfSeveralIsNoVerdict() throws {
    let shop = try Workshop()
    // The margin lies between the differences of the first data set and those of the second; at this level six seeds
    // show no side by their signed ranks.
    let made = try Self.differences(
      shop, ["better": "larger", "tolerance": .number(1), "level": .number(0.02)], Self.rows(shop, gain: true)
    )
    let file = try FileReader(at: made.path)
    #expect(try file.readStrings("/tests/verdict") == ["equivalent", "not shown"])
    #expect(
      try file.readStrings("/verdict").last
        == "Verdict, rmse, ridge against lasso: equivalent within the margin at some values (better in 0, worse in 0, equivalent in 1 of 2 settings)."
    )
  }

  /// A figure that is NaN spoils the cell of its run for all to see; a run without such a figure is only not there.
  @Test func notANumberIsNoMissingFigure() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for (label, seed, figures) in [
      ("lasso", 0, "rmse,f1\n1,2"), ("lasso", 1, "rmse,f1\nnan,3"), ("ridge", 0, "rmse\n4"),
      ("ridge", 1, "rmse\n6"),
    ] {
      var row = try shop.run(
        "command",
        [
          "argv": .list(["sh", "-c", .string("printf '\(figures)\n' > m.csv")]), "outputs": .list(["m.csv"]),
          "metrics": "m.csv",
        ])
      row.label = label
      row.axes = [AxisValue("data", .integer(1)), AxisValue("seed", .integer(seed))]
      row.node = "\(label)[data=1,seed=\(seed)]"
      rows.append(row)
    }
    let asked: [String: Value] = ["columns": "data", "over": "seed"]
    let table = try shop.report(shop.run("table", asked, ["rows": rows]), asked)
    let lines = try table.render(.text).split(separator: "\n").map(String.init)
    func line(_ label: String) -> String { lines.first { $0.contains(label) } ?? "none" }
    #expect(line("lasso").contains("f1") && line("lasso").contains("2.5000"), "\(lines)")
    #expect(line(" rmse").contains("not finite"), "\(lines)")
    #expect(line("ridge").contains("rmse") && line("ridge").contains("5.0000"), "\(lines)")
    let figures = try #require(try ArtifactMetrics(file: shop.run("table", asked, ["rows": rows]).path)).rows
    #expect(figures["ridge[data=1]"]?.keys.sorted() == ["rmse"], "\(figures)")
    #expect(figures["lasso[data=1]"]?["rmse"]?.mean.isNaN == true, "\(figures)")
  }

  @Test func whatCantBeComparedIsSaid() throws {
    let shop = try Workshop()
    let rows = try Self.rows(shop)
    func failure(_ more: [String: Value], _ rows: [TaskInput]) -> String {
      do {
        _ = try Self.differences(shop, more, rows)
        return "none"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      failure(["figures": .list(["rmsee"])], rows).contains("has no metric 'rmsee'; did you mean 'rmse'?"))
    #expect(failure(["scheme": "ridg"], rows).contains("no row is labelled 'ridg'; did you mean 'ridge'?"))
    #expect(failure(["figures": .list(["group.los"])], rows).contains("'group.los' is no figure of a net"))
    #expect(failure([:], rows.filter { $0.label == "ridge" }).contains("no row to compare 'ridge' against"))
    let lonely = rows.filter { $0.label == "ridge" || $0.axes[1].value != .integer(3) }
    #expect(failure([:], lonely).contains("has no row of 'lasso' at the same axis values"))
  }

  /// A command may call a figure as evaluations call one of theirs.
  @Test func namesOfEvaluationsAreFreeForCommands() throws {
    let shop = try Workshop()
    let rows = try Self.rows(shop)
    let made = try shop.run(
      "table", ["columns": "data", "over": "seed", "metrics": .list(["f1"])], ["rows": rows])
    let text = try shop.report(made, ["columns": "data", "over": "seed", "metrics": .list(["f1"])]).render(
      .text)
    #expect(text.contains("0.5000"), "\(text)")
    let file = try FileReader(
      at: Self.differences(shop, ["figures": .list(["f1"]), "tolerance": .number(0.1)], rows).path)
    let means: [Double] = try file.read("/tests/mean")
    #expect(means == [0, 0, 0])
  }
}
