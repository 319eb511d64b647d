// From tests to words: closer, further, equivalent within a margin, or not shown.

import Artifacts
import PipelineCore
import Statistics

/// The rule of docs/study/protocol.md.
enum Verdict {
  /// What a test may say.
  static let (closer, further, equivalent, notShown) = ("closer", "further", "equivalent", "not shown")
  private static let noTest = "one pair: no test"

  /// Adjusts the p-values of each family by Holm's method and says what follows.
  ///
  /// - Parameter family: The number of a test's family.
  static func judge(_ tests: inout [DifferenceTest], level: Double, family: (DifferenceTest) -> Int) {
    for (_, places) in Dictionary(grouping: tests.indices, by: { family(tests[$0]) }) {
      let adjusted = PairedTest.holm(places.map { tests[$0].pvalue })
      for (place, pvalue) in zip(places, adjusted) {
        tests[place].adjusted = pvalue
        tests[place].verdict = word(tests[place], level: level)
      }
    }
  }

  private static func word(_ test: DifferenceTest, level: Double) -> String {
    if test.adjusted.isNaN { return noTest }
    // A test that can't tell the untouched net from a retrained one has no power to say anything.
    if test.isControlled, !(test.controlPvalue < level) { return notShown }
    var words: [String] = []
    if test.adjusted < level, test.signedRank < level {
      if test.mean < 0, test.signedRankSide < 0 { words.append(closer) }
      if test.mean > 0, test.signedRankSide > 0 { words.append(further) }
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
        let pooled = tests.filter { $0.figure == figure && $0.against == against && $0.column == "all" }
        let failed = pooled.reduce(0) { $0 + $1.notConverged }
        let mark = failed > 0 ? "; behind \(failed) of the pairs a solve did not converge" : ""
        lines.append("Verdict, \(figure), \(scheme) against \(against): \(sentence(pooled, scheme))\(mark).")
      }
    }
    return lines
  }

  private static func sentence(_ pooled: [DifferenceTest], _ scheme: String) -> String {
    func count(_ word: String) -> Int {
      pooled.count { $0.verdict.split(separator: ", ").contains { $0 == word } }
    }
    let counts = [closer, further, equivalent].map(count)
    let words: String =
      switch (counts[0] > 0, counts[1] > 0) {
      case (true, true): "it depends on the setting"
      case (true, false): "\(scheme) is closer to retraining"
      case (false, true): "\(scheme) is further from retraining"
      case (false, false):
        counts[2] > 0
          ? "equivalent within the margin" : count(notShown) > 0 ? "not shown" : "no test with one repeat"
      }
    let detail =
      pooled.count > 1
      ? " (closer in \(counts[0]), further in \(counts[1]), equivalent in \(counts[2]) of \(pooled.count) settings)"
      : ""
    let both = counts[0] + counts[1] > 0 && counts[2] > 0 && pooled.count == 1
    return words + (both ? ", and equivalent within the margin" : "") + detail
  }

  private static func rule(_ values: ParameterValues) -> [String] {
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
    }
    let isSpread = values[DifferencesStage.pooling] == .spread
    let references = 1 + values[DifferencesStage.again].count
    let control = values[DifferencesStage.untouched].map {
      " Where a t test does not tell \($0) from \(values[DifferencesStage.control] ?? "") (control p ≥ \(level)), nothing "
        + "is shown."
    }
    return [
      "difference: of \(scheme) less that of the other scheme at the same axis values; below 0, \(scheme) is closer to "
        + "retraining. \(what.prefix(1).uppercased() + what.dropFirst()).",
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
}
