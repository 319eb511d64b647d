// The stage `differences`: does one scheme come closer to retraining than others? Paired tests and a verdict.

import Artifacts
import PipelineCore
import Statistics

/// Compares schemes pair by pair.
public enum DifferencesStage: Stage {
  static let scheme = Parameter("scheme", .string, "the label of the scheme that is compared with the others")
  static let reference = Parameter(
    "reference", .string, default: "retrain", "the label of retraining, which gaps are taken to")
  static let split = Parameter(
    "split", .choice(EvaluationSplit.self), default: .group, "the split whose loss is compared")
  static let columns = Parameter(
    "columns", .string, default: "size", "the axis of which each value has a test, and all together")
  static let over = Parameter("over", .string, default: "repeat", "the axis that pairs are drawn from")
  static let level = Parameter(
    "level", .number(0.0001...0.5), default: 0.05, "the level of the adjusted p-value")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "differences", version: 3,
    summary: "tests whether a scheme comes closer to retraining than others, over pairs, with a verdict",
    parameters: [TableReport.title, scheme, reference, split, columns, over, level],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["evaluate"], .many,
        "the evaluations by scheme, as label: stage; all but reference and scheme are compared against")
    ],
    datasets: DifferencesArtifact.datasets, attributes: DifferencesArtifact.attributes,
    check: { parameters in
      parameters[scheme] == parameters[reference]
        ? ParameterProblem(scheme, "'scheme' and 'reference' are the same label") : nil
    })

  /// One test: against which scheme, at which setting, at which column (nil: all).
  private struct Comparison {
    var against: String
    var setting: String
    var column: String?
    var test: PairedTest
    /// Pairs in which the scheme is the closer one: an order that no single huge difference decides.
    var closer: Int
    var notConverged: Int
    /// The places of the inputs that it stands on.
    var rows: [Int]
    var adjusted = Double.nan
    var verdict = ""

    /// As the artifact holds it.
    var record: DifferenceTest {
      var record = DifferenceTest()
      record.against = against
      record.setting = setting
      record.column = column ?? "all"
      record.verdict = verdict
      record.pairs = test.count
      record.closer = closer
      record.notConverged = notConverged
      record.mean = test.mean
      record.lower = test.mean - test.halfWidth
      record.upper = test.mean + test.halfWidth
      record.pvalue = test.pvalue
      record.adjusted = adjusted
      return record
    }
  }

  private struct Pair {
    var against: String
    var axes: [String: String]
    var setting: String
    var difference: Double
    var converged: Bool
    var rows: [Int]
  }

  /// Writes pairs, tests and verdict.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let values = task.parameters
    let pairs = try pairs(task)
    var tests = try comparisons(pairs, columns: values[columns], over: values[over])
    judge(&tests, level: values[level])
    let lines = verdict(tests, values)
    var artifact = try ArtifactWriter<DifferencesArtifact>(task)
    try artifact.write(
      \.pairs.rows, RowNames(labels: pairs.map(\.against), axes: pairs.map(\.axes)))
    try artifact.write(\.pairs.difference, pairs.map(\.difference))
    try artifact.write(\.tests, tests.map(\.record))
    try artifact.write(\.verdict, lines)
    let inputs = task.inputs["rows"] ?? []
    try artifact.write(
      \.solves, try SolveRecords(inputs, labels: inputs.map(\.label), records: tests.map(\.rows)))
    return try artifact.finish()
  }

  private static func pairs(_ task: StageTask) throws -> [Pair] {
    let values = task.parameters
    let (scheme, split) = (values[scheme], values[split])
    let all = try EvaluationRows(task, reference: values[reference], splits: [split])
    let own = all.rows.filter { $0.scheme == scheme }
    guard !own.isEmpty else {
      throw StageFailure(
        "no row is labelled '\(scheme)'; \(suggestion(for: scheme, among: all.schemes, of: "labels"))")
    }
    let others = all.schemes.filter { $0 != scheme }
    guard !others.isEmpty else { throw StageFailure("there is no row to compare '\(scheme)' against") }
    let known = [values[columns], values[over]]
    return try others.flatMap { other -> [Pair] in
      let rows = all.rows.filter { $0.scheme == other }
      return try own.map { row in
        let partners = rows.filter { $0.agrees(with: row) }
        guard !partners.isEmpty else {
          throw StageFailure("\(row.node) has no row of '\(other)' at the same axis values to be paired with")
        }
        let gaps = try partners.map { abs(try all.gap($0, split)) }
        let setting = row.axes.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }
          .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return Pair(
          against: other, axes: row.axes, setting: setting,
          difference: abs(try all.gap(row, split)) - gaps.reduce(0, +) / Double(gaps.count),
          converged: row.converged && partners.allSatisfy(\.converged),
          rows: ([row] + partners).flatMap(all.places))
      }
    }
  }

  /// A test for each column, and one for the mean over all columns of each repeat.
  private static func comparisons(_ pairs: [Pair], columns: String, over: String) throws -> [Comparison] {
    var tests: [Comparison] = []
    for against in distinctInOrder(pairs.map(\.against)) {
      let opponents = pairs.filter { $0.against == against }
      for setting in distinctInOrder(opponents.map(\.setting)) {
        let here = opponents.filter { $0.setting == setting }
        let failed = { (pairs: [Pair]) in pairs.filter { !$0.converged }.count }
        let values = distinctInOrder(here.compactMap { $0.axes[columns] })
        for value in values {
          let part = here.filter { $0.axes[columns] == value }
          tests.append(
            Comparison(
              against: against, setting: setting, column: value,
              test: try PairedTest(part.map(\.difference)), closer: part.count { $0.difference < 0 },
              notConverged: failed(part),
              rows: part.flatMap(\.rows)))
        }
        // Pairs of one repeat are not independent, so each repeat counts once.
        let repeats = Dictionary(grouping: here, by: { $0.axes[over] ?? "" })
        let means = repeats.keys.sorted().map { key -> Double in
          let differences = (repeats[key] ?? []).map(\.difference)
          return differences.reduce(0, +) / Double(differences.count)
        }
        tests.append(
          Comparison(
            against: against, setting: setting, column: nil, test: try PairedTest(means),
            closer: means.count { $0 < 0 },
            notConverged: failed(here), rows: here.flatMap(\.rows)))
      }
    }
    return tests
  }

  /// Adjusts the tests over all columns among themselves, those of single columns among themselves.
  private static func judge(_ tests: inout [Comparison], level: Double) {
    for isPooled in [true, false] {
      let family = tests.indices.filter { (tests[$0].column == nil) == isPooled }
      let adjusted = PairedTest.holm(family.map { tests[$0].test.pvalue })
      for (index, pvalue) in zip(family, adjusted) {
        tests[index].adjusted = pvalue
        tests[index].verdict =
          pvalue.isNaN
          ? "one pair: no test"
          : pvalue >= level ? "no difference" : tests[index].test.mean < 0 ? "closer" : "further"
      }
    }
  }

  private static func verdict(_ tests: [Comparison], _ values: ParameterValues) -> [String] {
    let scheme = values[scheme]
    let level = values[level]
    let split = values[split] == .group ? "removed images" : values[split].rawValue + " images"
    var lines = [
      "difference: |loss − loss after retraining| on the \(split), of \(scheme) less that of the other scheme, at "
        + "the same axis values; below 0, \(scheme) is closer to retraining.",
      "all: the mean over the values of \(values[columns]), one for each \(values[over]). "
        + "Rule: closer or further if a two-sided t test has p < \(level) after Holm's correction over the rows "
        + "of that kind (all, or one value), else no difference.",
    ]
    for against in distinctInOrder(tests.map(\.against)) {
      let pooled = tests.filter { $0.against == against && $0.column == nil }
      func count(_ verdict: String) -> Int { pooled.filter { $0.verdict == verdict }.count }
      let (closer, further) = (count("closer"), count("further"))
      let word =
        switch (closer > 0, further > 0) {
        case (false, false): count("no difference") > 0 ? "no difference" : "no test with one repeat"
        case (true, false): "\(scheme) is closer to retraining"
        case (false, true): "\(scheme) is further from retraining"
        case (true, true): "it depends on the setting"
        }
      let detail =
        pooled.count > 1
        ? " (closer in \(closer), further in \(further) of \(pooled.count) settings)" : ""
      let failed = pooled.reduce(0) { $0 + $1.notConverged }
      let mark = failed > 0 ? "; behind \(failed) of the pairs a solve did not converge" : ""
      lines.append("Verdict, \(scheme) against \(against): \(word)\(detail)\(mark).")
    }
    return lines
  }
}
