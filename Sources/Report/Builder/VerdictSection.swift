// The first section: what came out, in words, and how far it can be trusted.

import FoundationEssentials
import PipelineCore
import ResultTables
import Stages

/// Writes the verdict of a pipeline.
struct VerdictSection {
  let snapshot: Snapshot
  let results: Results
  /// The pipeline's place in the page.
  let number: Int
  /// How the lines of a `differences` artifact begin that say what came out; the others give the rule.
  static let mark = "Verdict"

  /// Adds the section's content.
  func write(to html: inout HTML) {
    if let description = snapshot.document.description {
      html.element("p", ["class": "lead"]) { $0.foreign(description) }
    }
    let materials = NetWords.materials(snapshot.plan)
    if !materials.isEmpty {
      html.element("p", ["class": "materials"]) { $0.foreign(materials.joined(separator: ". ") + ".") }
    }
    writeAnswers(to: &html)
    writeTrust(to: &html)
    for (place, comparison) in results.comparisons.enumerated() {
      write(comparison, isFirst: place == 0, to: &html)
    }
    for choice in results.choices {
      html.element("h3", text: snapshot.plan[choice.node].name)
      list(choice.lines, to: &html)
    }
    writeSettings(to: &html)
    FilesSection(snapshot: snapshot, scheme: results.comparisons.first?.scheme)
      .writeHint(link: "#p\(number)-files", to: &html)
  }

  private func writeAnswers(to html: inout HTML) {
    let answers = results.comparisons.map(VerdictAnswer.init).compactMap { answer in
      answer.text.map { (answer.subject, $0) }
    }
    if answers.isEmpty { return }
    html.element("h3", text: "In short")
    if results.comparisons.contains(where: { $0.headline.contains { $0.verdict == Verdict.notShown } }) {
      html.element(
        "p", ["class": "interval"],
        text: "\(Verdict.notShown): neither a difference nor an equivalence could be shown.")
    }
    html.element("ul", ["class": "answers"]) { html in
      for (subject, text) in answers {
        html.element("li") { html in
          html.element("strong") { $0.foreign(subject) }
          html.markup("<br>")
          html.foreign(text)
        }
      }
    }
  }

  private func writeTrust(to html: inout HTML) {
    html.element("h3", text: "How far to trust it")
    html.element("ul", ["class": "trust"]) { html in
      for (isGood, line) in trust {
        html.element("li", ["class": isGood ? "good" : "bad"]) { html in
          html.markup("<span class=\"mark\" aria-hidden=\"true\">\(isGood ? "✓" : "!")</span> ")
          html.foreign(line)
        }
      }
    }
  }

  private func write(_ comparison: Results.Comparison, isFirst: Bool, to html: inout HTML) {
    html.element("h3") { $0.foreign(comparison.title.isEmpty ? comparison.scheme : comparison.title) }
    VerdictSummary(comparison: comparison).write(to: &html)
    html.element("details", isFirst ? ["open": ""] : [:]) { html in
      html.element("summary", text: "What is compared, and the rule")
      let rule = comparison.lines.filter { !$0.hasPrefix(Self.mark) }
      list(comparison.words + rule + [comparison.families].compactMap { $0 }, to: &html)
    }
    html.element("details") { html in
      html.element("summary", text: "Each comparison in words")
      writeVerdicts(of: comparison, to: &html)
    }
    html.element("div", ["class": "forest"]) { _ in }
  }

  private func writeVerdicts(of comparison: Results.Comparison, to html: inout HTML) {
    let verdicts = comparison.lines.filter { $0.hasPrefix(Self.mark) }
    html.element("ul", ["class": "verdicts"]) { html in
      for line in verdicts {
        html.element("li") { html in
          html.foreign(line)
          for (test, reason) in zip(comparison.tests, comparison.reasons)
          where test.column == "all" && Self.isOf(test, line) {
            html.markup("<br>")
            html.element("span", ["class": "interval"]) { $0.foreign(Self.sentence(test, of: comparison)) }
            guard let reason else { continue }
            html.markup("<br>")
            html.element("span", ["class": "reason"]) { $0.foreign("Why not shown: \(reason.text).") }
          }
        }
      }
    }
  }

  /// Whether a line is the verdict on a test's figure against its other scheme.
  private static func isOf(_ test: Results.Test, _ line: String) -> Bool {
    line.hasPrefix("\(mark), \(test.figure), ") && line.contains(" against \(test.against): ")
  }

  /// `mean difference −0.012 (95 % interval −0.02 to −0.004) in spreads over 10 pairs, 3-step closer in 9 of them; p = 0.003
  /// after correction`.
  private static func sentence(_ test: Results.Test, of comparison: Results.Comparison) -> String {
    let figure = PlainTable.figure
    var text = test.setting.isEmpty ? "" : "\(test.setting): "
    text += "mean difference \(figure(test.mean))"
    if test.lower.isFinite, test.upper.isFinite {
      text += " (95 % interval \(figure(test.lower)) to \(figure(test.upper)))"
    }
    text += " in \(comparison.unit) over \(test.pairs) \(test.pairs == 1 ? "pair" : "pairs")"
    text += ", \(comparison.scheme) \(comparison.good) in \(test.closer) of them"
    if test.adjusted.isFinite { text += "; p = \(figure(test.adjusted)) after correction" }
    return text
  }

  private func list(_ lines: [String], to html: inout HTML) {
    html.element("ul") { html in for line in lines { html.element("li") { $0.foreign(line) } } }
  }

  // MARK: Trust

  /// Whether anything here is solved for: a pipeline of commands alone has no solves to vouch for.
  private var hasSolves: Bool {
    snapshot.plan.stages.contains { ["influence", "unlearn"].contains($0.declaration.name) }
  }

  /// What speaks for the figures, and what against.
  private var trust: [(isGood: Bool, line: String)] {
    var lines: [(Bool, String)] = []
    let all = snapshot.plan.nodes.count
    let fresh = snapshot.count(.fresh)
    let others = Snapshot.State.allCases.dropFirst().map { (snapshot.count($0), $0.name) }.filter { $0.0 > 0 }
    let rest = others.map { ": \($0.0) \($0.1)" }.joined(separator: ",").replacing(",:", with: ",")
    lines.append((fresh == all, "\(fresh) of \(all) nodes are up to date" + rest))
    let results = snapshot.missing(of: ReportSections.resultStages)
    if !results.isEmpty {
      let names = results.prefix(8).map { snapshot.plan[$0].name }.joined(separator: ", ")
      lines.append(
        (
          false,
          "left out because not up to date: \(names)\(results.count > 8 ? ", …" : ""); first: \(snapshot.command("run"))"
        ))
    }
    for comparison in self.results.comparisons {
      let failed = comparison.tests.count { $0.notConverged > 0 }
      let name = snapshot.plan[comparison.node].name
      if failed > 0 {
        lines.append(
          (false, "\(name): behind \(failed) of \(comparison.tests.count) tests a solve did not converge"))
      } else if hasSolves {
        lines.append((true, "\(name): every solve behind its \(comparison.tests.count) tests converged"))
      }
      if let line = DifferencesStage.substitutes(comparison.tests) {
        lines.append((false, "\(name): \(line)"))
      }
      lines += (comparison.remarks + comparison.lesserRemarks).map { (false, "\(name): \($0)") }
    }
    for rows in self.results.long {
      let failed = rows.converged.count { $0 == 0 }
      let among = "\(rows.node): behind \(failed) of \(rows.converged.count) rows a solve did not converge"
      if failed > 0 {
        lines.append((false, among))
      } else if hasSolves {
        lines.append((true, "\(rows.node): every solve behind its \(rows.converged.count) rows converged"))
      }
      if let repeats = rows.axes[rows.over].map({ Set($0).subtracting([""]).count }), repeats > 0 {
        lines.append(
          (repeats > 2, "\(rows.node): \(repeats) \(repeats == 1 ? "value" : "values") of \(rows.over)"))
      }
    }
    let variants = Set(snapshot.artifacts.compactMap { $0?.variant }.filter { !$0.isEmpty }).sorted()
    if variants.count > 1 {
      lines.append((false, "made by kernels of several kinds: \(variants.joined(separator: ", "))"))
    }
    return lines
  }

  /// The parameters of the file, which most readers ask for first.
  private func writeSettings(to html: inout HTML) {
    let axes = snapshot.plan.axisValues().map { ("\($0.axis) (axis)", $0.values) }
    let settings =
      axes + snapshot.document.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value.plainText) }
    if settings.isEmpty { return }
    html.element("h3", text: "Settings of the file")
    let notes = snapshot.document.notes.sorted { $0.key < $1.key }
    TableSection.notes(
      notes.map { name, note in
        (snapshot.document.parameters[name].map { "\(name) is \($0.plainText): " } ?? "\(name): ") + note
      }, to: &html)
    html.element("dl", ["class": "settings"]) { html in
      for (name, value) in settings {
        html.element("div") { html in
          html.element("dt") { $0.foreign(name) }
          html.element("dd") { $0.foreign(value) }
        }
      }
    }
  }
}

extension Plan {
  /// The axes with their values in words, in the order of the plan; many values as the first and the last of them.
  fileprivate func axisValues() -> [(axis: String, values: String)] {
    var values = Numbering<String>()
    var seen: [Set<Value>] = []
    var texts: [[String]] = []
    for node in nodes {
      for axis in node.axes {
        let number = values.number(axis.axis)
        if number == seen.count {
          seen.append([])
          texts.append([])
        }
        if seen[number].insert(axis.value).inserted { texts[number].append(axis.value.plainText) }
      }
    }
    return zip(values.all, texts).map { name, texts in
      let most = 24
      return (
        name,
        texts.count <= most
          ? texts.joined(separator: ", ")
          : "\(texts.count) values, from \(texts[0]) to \(texts[texts.count - 1])"
      )
    }
  }
}
