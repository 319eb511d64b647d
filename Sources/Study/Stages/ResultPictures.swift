// What the pictures of results show: the series of a table, of paired differences, and of effects.

import HDF5
import PipelineCore
import Plot
import Statistics

/// Drawings of result artifacts.
enum ResultPictures {
  /// A figure of a table by its columns, a line for each row.
  static func table(_ input: TaskInput, metric: String, title: String) throws -> Drawing {
    let file = try FileReader(at: input.path)
    guard let choice = EvaluationMetrics.choices(metric).last, choice.unit == nil else {
      throw StageFailure(
        "'\(metric)' is no figure of a picture; \(suggestion(for: metric, among: EvaluationMetrics.names, of: "metrics"))"
      )
    }
    let parameters = try file.parameters(of: TableStage.declaration)
    let (across, over) = (parameters[TableStage.columns], parameters[TableStage.over])
    let schemes = try file.readStrings("/scheme")
    let values: [Double] = try file.read(choice.path, shape: [schemes.count])
    let converged: [UInt8] = try file.read("/converged", shape: [schemes.count])
    var axes: [String: [String]] = [:]
    for dataset in try file.datasets() where dataset.path.hasPrefix("/axes/") {
      axes[String(dataset.path.dropFirst("/axes/".count))] = try file.readStrings(dataset.path)
    }
    guard let places = axes[across], places.allSatisfy({ $0.isEmpty || Double($0) != nil }) else {
      throw StageFailure("a picture needs numbers across; axis '\(across)' of the table has others")
    }
    let names = schemes.indices.map { row in
      let others = axes.filter { $0.key != across && $0.key != over && !$0.value[row].isEmpty }
      return ([schemes[row]] + others.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value[row])" })
        .joined(separator: ", ")
    }
    let order = parameters[TableStage.order]
    let distinct = distinctInOrder(names)
    let ordered = order.filter(distinct.contains) + distinct.filter { !order.contains($0) }
    // What has no place across, such as retraining where a scale varies, is a level of all places.
    let levels = ordered.compactMap { name -> (name: String, y: Double)? in
      let rows = names.indices.filter { names[$0] == name && places[$0].isEmpty && values[$0].isFinite }
      if rows.isEmpty { return nil }
      return (name, rows.reduce(0) { $0 + values[$1] } / Double(rows.count))
    }
    let series = ordered.map { name in
      let rows = names.indices.filter { names[$0] == name && values[$0].isFinite }
      let points = Dictionary(grouping: rows, by: { places[$0] }).compactMap { place, rows -> Series.Point? in
        guard let x = Double(place), let summary = try? Summary(rows.map { values[$0] }) else { return nil }
        let half = summary.confidenceHalfWidth ?? .nan
        return Series.Point(
          x: x, y: summary.mean, lower: summary.mean - half, upper: summary.mean + half,
          isMarked: rows.contains { converged[$0] == 0 })
      }
      return Series(name: name, points: points)
    }.filter { !$0.points.isEmpty }
    guard !series.isEmpty else {
      throw StageFailure("the table has no figure '\(metric)' along '\(across)'")
    }
    return .lines(
      title: heading(title, choice.figure.label), subtitle: "mean and 95 % interval over \(over)",
      x: across, y: choice.figure.label, series: series, levels: levels, isLogarithmic: isLogarithmic(series),
      zero: nil)
  }

  /// Mean paired differences: by setting if there are numbered ones, else by column.
  static func differences(_ input: TaskInput, title: String) throws -> Drawing {
    let file = try FileReader(at: input.path)
    let against = try file.readStrings("/tests/against")
    let settings = try file.readStrings("/tests/setting")
    let columns = try file.readStrings("/tests/column")
    let means: [Double] = try file.read("/tests/mean", shape: [against.count])
    let lower: [Double] = try file.read("/tests/lower", shape: [against.count])
    let upper: [Double] = try file.read("/tests/upper", shape: [against.count])
    let failed: [Int64] = try file.read("/tests/not_converged", shape: [against.count])
    let parameters = try file.parameters(of: DifferencesStage.declaration)
    let scheme = parameters[DifferencesStage.scheme]
    let bySetting = settings.contains { !$0.isEmpty }
    func place(_ row: Int) -> Double? {
      if !bySetting { return Double(columns[row]) }
      return columns[row] == "all" ? settings[row].split(separator: " ").last.flatMap { Double($0) } : nil
    }
    let series = distinctInOrder(against).map { name in
      Series(
        name: "against \(name)",
        points: against.indices.compactMap { row in
          guard against[row] == name, let x = place(row) else { return nil }
          return Series.Point(
            x: x, y: means[row], lower: lower[row], upper: upper[row], isMarked: failed[row] > 0)
        })
    }
    guard series.contains(where: { !$0.points.isEmpty }) else {
      throw StageFailure("the differences have no number to stand across")
    }
    let across = bySetting ? settings.first.flatMap { $0.split(separator: " ").first.map(String.init) } : nil
    return .lines(
      title: heading(title, "\(scheme): closer to retraining than others?"),
      subtitle: "difference of |loss − retrained|, mean and 95 % interval",
      x: across ?? parameters[DifferencesStage.columns], y: "\(scheme) less the other", series: series,
      isLogarithmic: isLogarithmic(series), zero: "below 0: \(scheme) is closer")
  }

  /// Predicted and actual effects on a split.
  static func effects(_ input: TaskInput, metric: String, title: String) throws -> Drawing {
    let file = try FileReader(at: input.path)
    let split = metric.hasPrefix("test") ? "test" : "group"
    let kinds = try file.readStrings("/points/kind")
    let predicted: [Double] = try file.read("/points/\(split)/predicted", shape: [kinds.count])
    let actual: [Double] = try file.read("/points/\(split)/actual", shape: [kinds.count])
    let converged: [UInt8] = try file.read(TrustFacts.folder + "/converged", shape: [kinds.count])
    let series = distinctInOrder(kinds).map { kind in
      Series(
        name: kind,
        points: kinds.indices.filter { kinds[$0] == kind }.map {
          Series.Point(x: predicted[$0], y: actual[$0], isMarked: converged[$0] == 0)
        })
    }
    return .effects(
      title: heading(title, "change of loss on the \(split == "test" ? "test" : "removed") images"),
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
