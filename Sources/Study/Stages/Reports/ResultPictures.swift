// What the pictures of results show: the series of a table, of paired differences, and of effects.

import Artifacts
import PipelineCore
import Plot
import Statistics

/// Drawings of result artifacts.
enum ResultPictures {
  /// A figure of a table by its columns, a line for each row.
  static func table(_ input: TaskInput, metric: String, title: String) throws -> Drawing {
    let file = try ArtifactReader<TableArtifact>(input)
    let columns = try file.read(\.metrics)
    func refusal(among known: [String]) -> StageFailure {
      StageFailure(
        "'\(metric)' is no figure of a picture; \(suggestion(for: metric, among: known, of: "metrics"))")
    }
    let choices: [EvaluationMetrics.Choice]
    do throws(EvaluationMetrics.UnknownMetric) {
      choices = try EvaluationMetrics.choices([metric], among: columns.keys)
    } catch {
      throw refusal(among: error.known)
    }
    guard let choice = choices.last, choice.unit == nil else { throw refusal(among: EvaluationMetrics.names) }
    let parameters = try file.parameters(of: TableStage.declaration)
    let (across, over) = (parameters[TableStage.columns], parameters[TableStage.over])
    let names = try file.read(\.rows)
    let (schemes, axes) = (names.labels, names.axes)
    let values = columns[choice.metric] ?? []
    let converged = try file.read(\.facts.converged)
    guard let places = axes[across], places.allSatisfy({ $0.isEmpty || Double($0) != nil }) else {
      throw StageFailure("a picture needs a numeric axis; the values of axis '\(across)' are not numbers")
    }
    let labels = schemes.indices.map { row in
      let others = axes.filter { $0.key != across && $0.key != over && !$0.value[row].isEmpty }
      return ([schemes[row]] + others.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value[row])" })
        .joined(separator: ", ")
    }
    let order = parameters[TableStage.order]
    let distinct = distinctInOrder(labels)
    let ordered = order.filter(distinct.contains) + distinct.filter { !order.contains($0) }
    // What has no place across, such as retraining where a scale varies, is a level of all places.
    let levels = ordered.compactMap { name -> (name: String, y: Double)? in
      let rows = labels.indices.filter { labels[$0] == name && places[$0].isEmpty && values[$0].isFinite }
      if rows.isEmpty { return nil }
      return (name, rows.reduce(0) { $0 + values[$1] } / Double(rows.count))
    }
    let series = ordered.map { name in
      let rows = labels.indices.filter { labels[$0] == name && values[$0].isFinite }
      let points = Dictionary(grouping: rows, by: { places[$0] }).compactMap { place, rows -> Series.Point? in
        guard let x = Double(place), let summary = try? Summary(rows.map { values[$0] }) else { return nil }
        let half = summary.confidenceHalfWidth ?? .nan
        return Series.Point(
          x: x, y: summary.mean, lower: summary.mean - half, upper: summary.mean + half,
          isMarked: rows.contains { !converged[$0] })
      }
      return Series(name: name, points: points)
    }.filter { !$0.points.isEmpty }
    guard !series.isEmpty else {
      throw StageFailure("the table has no figure '\(metric)' along '\(across)'")
    }
    return .lines(
      title: heading(title, choice.figure.label), subtitle: "mean and 95 % interval over \(over)",
      x: across, y: choice.figure.label, series: series, levels: levels, isLogarithmic: isLogarithmic(series))
  }

  /// Mean paired differences: by setting if there are numbered ones, else by column.
  static func differences(_ input: TaskInput, title: String) throws -> Drawing {
    let file = try ArtifactReader<DifferencesArtifact>(input)
    let tests = try file.read(\.tests)
    let parameters = try file.parameters(of: DifferencesStage.declaration)
    let scheme = parameters[DifferencesStage.scheme]
    let bySetting = tests.contains { !$0.setting.isEmpty }
    func place(_ test: DifferenceTest) -> Double? {
      if !bySetting { return Double(test.column) }
      return test.column == "all" ? test.setting.split(separator: " ").last.flatMap { Double($0) } : nil
    }
    let series = distinctInOrder(tests.map(\.against)).map { name in
      Series(
        name: name,
        points: tests.compactMap { test in
          guard test.against == name, let x = place(test) else { return nil }
          return Series.Point(
            x: x, y: test.mean, lower: test.lower, upper: test.upper, isMarked: test.notConverged > 0)
        })
    }
    guard series.contains(where: { !$0.points.isEmpty }) else {
      throw StageFailure("the differences have no numeric axis to be drawn along")
    }
    let across =
      bySetting ? tests.first.flatMap { $0.setting.split(separator: " ").first.map(String.init) } : nil
    let isOfFigures = parameters[DifferencesStage.endpoint] == .figures
    let (good, _, _) = Verdict.sides(parameters)
    let side = Verdict.sign(parameters) > 0 ? "below" : "above"
    let what =
      isOfFigures ? parameters[DifferencesStage.figures].joined(separator: ", ") : "|loss − retrained|"
    return .differences(
      title: heading(title, "\(scheme): \(good)\(isOfFigures ? "" : " to retraining") than others?"),
      subtitle: "difference of \(what), mean and 95 % interval",
      x: across ?? parameters[DifferencesStage.columns], y: "\(scheme) less the other", series: series,
      lead: "against", isLogarithmic: isLogarithmic(series), zero: "\(side) 0: \(scheme) is \(good)")
  }

  /// Predicted and actual effects on a split.
  static func effects(_ input: TaskInput, metric: String, title: String) throws -> Drawing {
    let file = try ArtifactReader<CorrelationArtifact>(input)
    let split: EffectSplit = metric.hasPrefix(EffectSplit.test.rawValue) ? .test : .group
    let kinds = try file.read(\.points.rows.labels)
    let effects = try file.read(\.points[split])
    let converged = try file.read(\.solves.facts.converged)
    let series = distinctInOrder(kinds).map { kind in
      Series(
        name: kind,
        points: kinds.indices.filter { kinds[$0] == kind }.map {
          Series.Point(x: effects.predicted[$0], y: effects.actual[$0], isMarked: !converged[$0])
        })
    }
    return .effects(
      title: heading(title, "change of loss on the \(split == .test ? "test" : "removed") images"),
      subtitle: "a point a group; n = \(kinds.count)", series: series)
  }

  private static func heading(_ title: String, _ what: String) -> String {
    title.isEmpty ? what : "\(title): \(what)"
  }

  /// Positive numbers over more than a decade and a half, such as dampings, need a logarithmic scale.
  private static func isLogarithmic(_ series: [Series]) -> Bool {
    let places = series.flatMap { $0.points.map(\.x) }
    guard let low = places.min(), let high = places.max(), low > 0 else { return false }
    return high / low > 40 && places.contains { $0 != $0.rounded() }
  }
}
