// From tests to words: closer or better, further or worse, equivalent within a margin, or not shown.

import Artifacts
import PipelineCore
import Statistics

/// The rule of docs/study/protocol.md.
package enum Verdict {
  /// What a test may say.
  package static let (closer, further, equivalent, notShown) = (
    "closer", "further", "equivalent", "not shown"
  )
  private static let noTest = "one pair: no test"

  /// What a test says of a scheme that is on the good side, on neither, and on the other.
  package static func sides(_ values: ParameterValues) -> (good: String, even: String, bad: String) {
    values[DifferencesStage.endpoint] == .figures ? ("better", "even", "worse") : (closer, "even", further)
  }

  /// 1 where smaller figures are better, −1 where larger ones are.
  package static func sign(_ values: ParameterValues) -> Double {
    values[DifferencesStage.endpoint] == .figures && values[DifferencesStage.better] == .larger ? -1 : 1
  }

  /// Adjusts the p-values of each family by Holm's method and says what follows.
  ///
  /// - Parameter family: The number of a test's family.
  static func judge(
    _ tests: inout [DifferenceTest], _ values: ParameterValues, family: (DifferenceTest) -> Int
  ) {
    for (_, places) in Dictionary(grouping: tests.indices, by: { family(tests[$0]) }) {
      let adjusted = PairedTest.holm(places.map { tests[$0].pvalue })
      for (place, pvalue) in zip(places, adjusted) {
        tests[place].adjusted = pvalue
        tests[place].verdict = word(tests[place], values)
      }
    }
  }

  private static func word(_ test: DifferenceTest, _ values: ParameterValues) -> String {
    let level = values[DifferencesStage.level]
    let (good, _, bad) = sides(values)
    let sign = sign(values)
    if test.adjusted.isNaN { return noTest }
    // A test that can't tell the untouched net from a retrained one has no power to say anything.
    if test.isControlled, !(test.controlPvalue < level) { return notShown }
    var words: [String] = []
    if test.adjusted < level, test.signedRank < level {
      let (mean, side) = (sign * test.mean, sign * Double(test.signedRankSide))
      if mean < 0, side < 0 { words.append(good) }
      if mean > 0, side > 0 { words.append(bad) }
    }
    if test.equivalence < level { words.append(equivalent) }
    return words.isEmpty ? notShown : words.joined(separator: ", ")
  }

  /// The rule, and what the tests over all columns say.
  static func lines(_ tests: [DifferenceTest], _ values: ParameterValues) -> [String] {
    let scheme = values[DifferencesStage.scheme]
    var lines = rule(values)
    for figure in distinctInOrder(tests.map(\.figure)) {
      for against in distinctInOrder(tests.map(\.against)) {
        let here = tests.filter { $0.figure == figure && $0.against == against }
        let pooled =
          values[DifferencesStage.endpoint] == .figures ? decisive(here) : here.filter { $0.column == "all" }
        let failed = pooled.reduce(0) { $0 + $1.notConverged }
        let mark = failed > 0 ? "; behind \(failed) of the pairs a solve did not converge" : ""
        lines.append(
          "Verdict, \(figure), \(scheme) against \(against): \(sentence(pooled, values))"
            + "\(byValue(here, pooled, values))\(mark).")
      }
    }
    return lines
  }

  /// The tests that a verdict stands on: those over all columns, and where there are none, as of figures that may be 0 or
  /// less and have no ratios, those of each column; of each figure, other scheme and setting by itself.
  package static func decisive(_ tests: [DifferenceTest]) -> [DifferenceTest] {
    func kind(_ test: DifferenceTest) -> [String] { [test.figure, test.against, test.setting] }
    let pooled = Set(tests.filter { $0.column == "all" }.map(kind))
    return tests.filter { $0.column == "all" || !pooled.contains(kind($0)) }
  }

  /// A mean of logarithms has no margin, so figures may be equivalent at each value and not shown over all.
  private static func byValue(
    _ here: [DifferenceTest], _ pooled: [DifferenceTest], _ values: ParameterValues
  ) -> String {
    guard values[DifferencesStage.endpoint] == .figures, values[DifferencesStage.tolerance] != nil,
      pooled.contains(where: { $0.column == "all" })
    else { return "" }
    let single = here.filter { $0.column != "all" }
    let count = single.count { $0.verdict.split(separator: ", ").contains { $0 == equivalent } }
    return count == 0 ? "" : "; equivalent within the margin at \(count) of \(single.count) values"
  }

  private static func sentence(_ pooled: [DifferenceTest], _ values: ParameterValues) -> String {
    let scheme = values[DifferencesStage.scheme]
    let (good, _, bad) = sides(values)
    let than =
      values[DifferencesStage.endpoint] == .figures ? ["", ""] : [" to retraining", " from retraining"]
    func count(_ word: String) -> Int {
      pooled.count { $0.verdict.split(separator: ", ").contains { $0 == word } }
    }
    let counts = [good, bad, equivalent].map(count)
    // What holds at one value says nothing of the others.
    func at(_ found: Int) -> String { found < pooled.count ? " at some values" : "" }
    let words: String =
      switch (counts[0] > 0, counts[1] > 0) {
      case (true, true): "it depends on the setting"
      case (true, false): "\(scheme) is \(good)\(than[0])\(at(counts[0]))"
      case (false, true): "\(scheme) is \(bad)\(than[1])\(at(counts[1]))"
      case (false, false):
        counts[2] > 0
          ? "equivalent within the margin\(at(counts[2]))"
          : count(notShown) > 0 ? "not shown" : "no test with one repeat"
      }
    let detail =
      pooled.count > 1
      ? " (\(good) in \(counts[0]), \(bad) in \(counts[1]), equivalent in \(counts[2]) of \(pooled.count) settings)"
      : ""
    let both = counts[0] + counts[1] > 0 && counts[2] > 0 && pooled.count == 1
    return words + (both ? ", and equivalent within the margin" : "") + detail
  }

  private static func rule(_ values: ParameterValues) -> [String] {
    if values[DifferencesStage.endpoint] == .figures { return ruleOfFigures(values) }
    let scheme = values[DifferencesStage.scheme]
    let level = values[DifferencesStage.level]
    let what: String
    switch values[DifferencesStage.endpoint] {
    case .stepLength:
      let split = values[DifferencesStage.split]
      what =
        "step length: |loss − loss after retraining| on the \(split == .group ? "removed" : split.rawValue) images, which "
        + "tells how far a step over- or undershoots"
    case .matched:
      what =
        "matched forgetting: figures of nets whose change was scaled to forget as much as retraining does"
    case .figures: preconditionFailure("figures have a rule of their own")
    }
    let isSpread = values[DifferencesStage.pooling] == .spread
    let references = 1 + values[DifferencesStage.again].count
    let control = values[DifferencesStage.untouched].map {
      " Where a t test does not tell \($0) from \(values[DifferencesStage.control] ?? "") (control p ≥ \(level)), nothing "
        + "is shown."
    }
    return [
      "difference: of \(scheme) less that of the other scheme at the same axis values; below 0, \(scheme) is closer to "
        + "retraining. \(what.prefix(1).uppercased() + what.dropFirst()).\(caution(values))",
      "all: one value for each \(values[DifferencesStage.over]), the mean over the values of "
        + "\(values[DifferencesStage.columns]) of "
        + (isSpread
          ? "the difference in spreads (√(1 + 1/\(references)) standard deviations between retrained nets of a group)."
          : "the logarithm of the ratio of the two figures; no such row where a figure is 0."),
      "closer, further: a two-sided t test has p < \(level) after Holm's correction over the rows of that kind (all, or one "
        + "value), and a signed-rank test p < \(level) on the same side; equivalent: two one-sided t tests have p < \(level) "
        + "at a margin of \(values[DifferencesStage.margin]) spreads; else not shown." + (control ?? ""),
    ]
  }

  /// What *closer* means for a loss: the endpoint takes the smaller one for the better.
  private static func caution(_ values: ParameterValues) -> String {
    guard values[DifferencesStage.endpoint] == .matched,
      values[DifferencesStage.figures].contains(where: { $0.hasSuffix(".loss") })
    else { return "" }
    return " Of a loss, closer means smaller and further means larger, on whatever side of retraining's loss."
  }

  private static func ruleOfFigures(_ values: ParameterValues) -> [String] {
    let scheme = values[DifferencesStage.scheme]
    let level = values[DifferencesStage.level]
    let side = values[DifferencesStage.better] == .smaller ? "below" : "above"
    let equivalence = values[DifferencesStage.tolerance].map {
      " equivalent, at one value: two one-sided t tests have p < \(level) at a margin of \($0);"
    }
    return [
      "difference: of \(scheme) less that of the other at the same axis values; \(values[DifferencesStage.better].rawValue) "
        + "is better: \(side) 0, \(scheme) is better.",
      "all: one value for each \(values[DifferencesStage.over]), the mean over the values of "
        + "\(values[DifferencesStage.columns]) of the logarithm of the ratio of the two figures; no such row where a figure is 0 "
        + "or less.",
      "better, worse: a two-sided t test has p < \(level) after Holm's correction over the rows of that kind (all, or one "
        + "value), and a signed-rank test p < \(level) on the same side;\(equivalence ?? "") else not shown.",
    ]
  }
}
