// The answer of a comparison in two sentences, before its tables.

import Artifacts
import ResultTables

/// What came out over all columns: figures that came out alike stand together, and the first difference in numbers.
struct VerdictAnswer {
  let comparison: Results.Comparison

  /// Others of one outcome, in the order of the tests.
  private struct Outcome: Hashable {
    var verdict: String
    var others: [String]
  }

  /// What is compared: the title without the settings in its brackets.
  var subject: String {
    let title = comparison.title.isEmpty ? comparison.scheme : comparison.title
    return title.firstRange(of: " (").map { String(title[..<$0.lowerBound]) } ?? title
  }

  /// `test.loss, kl: not shown against all 6 others. 3-step less 1-step, in spreads: test.loss -0.08 (-0.28 to 0.11), …`; nil
  /// where there is no test.
  var text: String? {
    let tests = comparison.headline
    guard let first = tests.first else { return nil }
    var alike = Numbering<[Outcome]>()
    var figures: [[String]] = []
    var names = Numbering<String>()
    for test in tests { _ = names.number(test.figure) }
    for name in names.all {
      let number = alike.number(outcomes(tests.filter { $0.figure == name }))
      if number == figures.count { figures.append([]) }
      figures[number].append(name)
    }
    let sentences = zip(alike.all, figures).map { outcomes, figures in
      "\(figures.joined(separator: ", ")): \(outcomes.map { words($0, of: outcomes) }.joined(separator: "; "))"
    }
    let differences = tests.filter { $0.other == first.other }.map { "\($0.figure) \($0.numbers)" }
    let unit = first.column == "all" ? ", in \(comparison.unit)" : ""
    return sentences.joined(separator: ". ") + ". "
      + "\(comparison.scheme) less \(first.other)\(unit): \(differences.joined(separator: ", "))."
  }

  private func outcomes(_ tests: [DifferenceTest]) -> [Outcome] {
    var verdicts = Numbering<String>()
    var others: [[String]] = []
    for test in tests {
      let number = verdicts.number(test.verdict)
      if number == others.count { others.append([]) }
      others[number].append(test.other)
    }
    return zip(verdicts.all, others).map(Outcome.init)
  }

  private func words(_ outcome: Outcome, of all: [Outcome]) -> String {
    let isAll = all.count == 1 && outcome.others.count > 3
    return "\(outcome.verdict) against "
      + (isAll ? "all \(outcome.others.count) others" : outcome.others.joined(separator: ", "))
  }
}
