// What a reader of verdicts has to know besides: which nets are meant, and why a difference is not shown.

import Artifacts
import PipelineCore
import ResultTables

extension DifferencesStage {
  /// The nets that the rule speaks of, by the labels of the pipeline.
  package static func nets(_ values: ParameterValues) -> [String] {
    if values[endpoint] == .figures { return [] }
    let retrained = [values[reference]] + values[again]
    var lines = [
      "\(retrained.joined(separator: ", ")): trained anew without the removed images"
        + (retrained.count > 1
          ? ", each from another seed. Retraining is their mean." : ". That is retraining.")
    ]
    if let control = values[control] {
      lines.append(
        "\(control): one more net that is trained so, from yet another seed, and compared like a scheme: as close to retraining "
          + "as chance lets a retrained net be.")
    }
    if let untouched = values[untouched] {
      lines.append("\(untouched): the net before anything was removed, which is what doing nothing comes to.")
    }
    return lines
  }

  /// What stands in the place of figures that are not finite; nil where all are.
  package static func substitutes(_ tests: [DifferenceTest]) -> String? {
    let count = Verdict.decisive(tests).count { $0.notFinite > 0 }
    return count == 0
      ? nil
      : "not finite: pairs with a figure that is NaN or infinite. The worst of its repeats stands in its place, and for "
        + "infinity on the better side the best; means, intervals and p-values have it in them."
  }

  /// Why a test shows nothing, where that is not for its figures alone.
  package enum Reason {
    /// It can't tell the untouched net from the control.
    case failedControl(String)
    /// It can't tell the schemes apart, whatever they are.
    case weakTest(String)

    /// The reason in words.
    package var text: String {
      switch self {
      case .failedControl(let text), .weakTest(let text): text
      }
    }

    /// Whether it is the control.
    package var isFailedControl: Bool {
      if case .failedControl = self { true } else { false }
    }
  }

  /// See `Reason`.
  package static func reason(_ test: DifferenceTest, _ values: ParameterValues) -> Reason? {
    let level = values[Self.level]
    guard test.verdict == Verdict.notShown else { return nil }
    if test.isControlled, !(test.controlPvalue < level) {
      return .failedControl(
        "the control failed: a t test does not tell \(values[untouched] ?? "") from \(values[control] ?? "") "
          + "(p = \(figure(test.controlPvalue))), so nothing is shown")
    }
    if let line = tooFew(test.pairs, values) { return .weakTest(line) }
    if test.adjusted < level, test.signedRank >= level {
      return .weakTest(
        "the signed-rank test does not bear the t test out (p = \(figure(test.signedRank)))")
    }
    return nil
  }

  /// With n pairs a two-sided signed-rank test has p ≥ 2/2ⁿ, whatever the figures are.
  private static func tooFew(_ pairs: Int, _ values: ParameterValues) -> String? {
    func least(_ pairs: Int) -> Double { 2 / Double(1 << min(pairs, 60)) }
    guard pairs > 1, least(pairs) >= values[level] else { return nil }
    let enough = (pairs...60).first { least($0) < values[level] } ?? 60
    let (good, _, bad) = Verdict.sides(values)
    return
      "\(pairs) pairs are too few to show \(good) or \(bad), whatever the figures: the least p of a signed-rank test is "
      + "then \(figure(least(pairs))); \(enough) pairs are needed"
  }

  /// The reasons of some tests, each once, as lines.
  package static func remarks(_ tests: [DifferenceTest], _ values: ParameterValues) -> [String] {
    var lines: [String] = []
    for test in tests {
      guard let reason = reason(test, values) else { continue }
      let line = "not shown, \(test.figure): \(reason.text)."
      if !lines.contains(line) { lines.append(line) }
    }
    return lines
  }

  /// The word for the side of a test that speaks for the scheme: closer, or better.
  package static func goodSide(_ values: ParameterValues) -> String { Verdict.sides(values).good }

  /// What a mean difference below 0 says of the scheme, and one above it.
  package static func sidesOfZero(_ values: ParameterValues) -> (below: String, above: String) {
    let (good, _, bad) = Verdict.sides(values)
    let best = values[endpoint] == .figures ? good : good + " to retraining"
    return Verdict.sign(values) > 0 ? (best, bad) : (bad, best)
  }

  /// What the compared figures are, where their names don't say it and no rule does.
  package static func meanings(_ values: ParameterValues) -> [String] {
    if values[endpoint] == .stepLength { return [] }
    return values[figures].compactMap(EvaluationMetrics.meaning)
  }

  /// The tests that p is adjusted for together: those over all columns or of one, against nets to be checked by or others.
  static func family(of test: DifferenceTest, _ values: ParameterValues) -> Int {
    (test.column == "all" ? 0 : 1) + (controls(values).contains(test.against) ? 2 : 0)
  }

  private static func controls(_ values: ParameterValues) -> [String] {
    values[endpoint] == .figures ? [] : [values[untouched], values[control]].compactMap { $0 }
  }

  /// For how many tests each p is adjusted, in a sentence.
  package static func families(_ tests: [DifferenceTest], _ values: ParameterValues) -> String? {
    let sizes = Dictionary(grouping: tests) { family(of: $0, values) }.mapValues(\.count)
    if tests.isEmpty { return nil }
    let axis = values[columns]
    let words = ["over all values of \(axis)", "at one value of \(axis)"].enumerated().flatMap { at, place in
      [("", at), (" against \(controls(values).joined(separator: " and ")), the controls", at + 2)].compactMap
      { whom, number in
        sizes[number].map { "\($0) \($0 == 1 ? "test" : "tests") \(place)\(whom)" }
      }
    }
    return
      "p adjusted: by Holm's method, for the number of tests of the same family. Families: "
      + words.joined(separator: "; ") + "."
  }

  private static func figure(_ value: Double) -> String { PlainTable.figure(value) }
}
