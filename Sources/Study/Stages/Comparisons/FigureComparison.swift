// One figure of a scheme beside the same figure of others: pairs, and the tests over them.

import Artifacts
import Glibc
import PipelineCore
import Statistics

/// What is compared.
struct ComparedFigure {
  /// As tables call it.
  var name: String
  /// The figure of an evaluation that it is made of.
  var metric: EvaluationMetric
  /// The split whose gap to retraining it is, without sign; nil for the figure itself.
  var gapOf: EvaluationSplit?
  /// Whether retrained nets stand behind it: then it has spreads and controls.
  var isOfRetraining = true
  /// 1 where smaller is better, −1 where larger is.
  var sign = 1.0

  /// The figures of a node's endpoint.
  static func all(_ values: ParameterValues) -> [ComparedFigure] {
    switch values[DifferencesStage.endpoint] {
    case .stepLength:
      let split = values[DifferencesStage.split]
      return [
        ComparedFigure(
          name: split == .group ? "step length" : "step length on \(split.rawValue)",
          metric: EvaluationMetric(split, .loss), gapOf: split)
      ]
    case .matched:
      return values[DifferencesStage.figures].compactMap { name in
        EvaluationMetrics.figure(name).map { ComparedFigure(name: name, metric: $0) }
      }
    case .figures:
      let sign = Verdict.sign(values)
      return values[DifferencesStage.figures].map { name in
        ComparedFigure(
          name: name, metric: EvaluationMetrics.figure(name) ?? .own(name), isOfRetraining: false, sign: sign)
      }
    }
  }
}

/// The same figure of two schemes at the same axis values.
struct ComparedPair {
  var figure: String
  var against: String
  var axes: [String: String]
  var setting: String
  var own: Double
  var other: Double
  var isConverged: Bool
  var isFinite: Bool
  /// The places of the inputs that it stands on.
  var rows: [Int]

  var difference: Double { own - other }
}

/// One test, with the places of the inputs that it stands on.
struct ComparisonTest {
  var record: DifferenceTest
  var rows: [Int]
}

/// The pairs of one figure.
struct FigureComparison {
  /// A row's figure; of one that is no number the worst of the scheme at the same column and setting.
  private struct Cell {
    var row: EvaluationRow
    var setting: String
    var value: Double
    var isFinite: Bool
  }

  private let figure: ComparedFigure
  private let values: ParameterValues
  private let all: EvaluationRows
  private let cells: [Cell]
  private let columns: String
  private let over: String
  /// Of the scheme with each other.
  let pairs: [ComparedPair]
  /// Of the untouched net with the retrained control; empty without them.
  private let controls: [ComparedPair]
  /// By column the standard deviation of the figure between the retrained nets of one group, pooled over its groups; NaN
  /// where no group has two.
  private let spreads: [String: Double]

  init(_ figure: ComparedFigure, _ rows: EvaluationRows, _ values: ParameterValues) throws {
    (self.figure, self.values, all) = (figure, values, rows)
    (columns, over) = (values[DifferencesStage.columns], values[DifferencesStage.over])
    cells = try Self.cells(figure, rows, known: [columns, over])
    let scheme = values[DifferencesStage.scheme]
    var pairs: [ComparedPair] = []
    for other in rows.schemes where other != scheme {
      pairs += try Self.pairs(figure, cells, of: scheme, against: other, rows)
    }
    self.pairs = pairs
    if figure.isOfRetraining, let untouched = values[DifferencesStage.untouched],
      let control = values[DifferencesStage.control]
    {
      controls = try Self.pairs(figure, cells, of: untouched, against: control, rows)
    } else {
      controls = []
    }
    spreads = figure.isOfRetraining ? try Self.spreads(figure.metric, rows, values) : [:]
  }

  private static func cells(_ figure: ComparedFigure, _ rows: EvaluationRows, known: [String]) throws
    -> [Cell]
  {
    var cells = try rows.rows.map { row in
      let setting = row.axes.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }
        .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      let value = try figure.gapOf.map { abs(try rows.gap(row, $0)) } ?? row.figures[figure.metric] ?? .nan
      return Cell(row: row, setting: setting, value: value, isFinite: value.isFinite)
    }
    for place in cells.indices where !cells[place].isFinite {
      let here = cells[place]
      let finite = cells.filter {
        $0.isFinite && $0.row.scheme == here.row.scheme && $0.setting == here.setting
          && $0.row.axes[known[0]] == here.row.axes[known[0]]
      }
      let scores = finite.map { figure.sign * $0.value }
      guard let worst = scores.max(), let best = scores.min() else {
        throw StageFailure("\(figure.name) of \(here.row.node) and of all its repeats is no finite number")
      }
      // Infinity on the better side is the best there is; NaN may be anything.
      cells[place].value = figure.sign * (figure.sign * here.value == -.infinity ? best : worst)
    }
    return cells
  }

  private static func pairs(
    _ figure: ComparedFigure, _ cells: [Cell], of scheme: String, against other: String, _ all: EvaluationRows
  ) throws -> [ComparedPair] {
    let others = cells.filter { $0.row.scheme == other }
    return try cells.filter { $0.row.scheme == scheme }.map { cell in
      let partners = others.filter { $0.row.agrees(with: cell.row) }
      guard !partners.isEmpty else {
        throw StageFailure(
          "\(cell.row.node) has no row of '\(other)' at the same axis values to be paired with")
      }
      return ComparedPair(
        figure: figure.name, against: other, axes: cell.row.axes, setting: cell.setting, own: cell.value,
        other: mean(partners.map(\.value)),
        isConverged: cell.row.converged && partners.allSatisfy(\.row.converged),
        isFinite: cell.isFinite && partners.allSatisfy(\.isFinite),
        rows: ([cell] + partners).flatMap { all.places($0.row) })
    }
  }

  // MARK: - Spreads

  private static func spreads(
    _ metric: EvaluationMetric, _ all: EvaluationRows, _ values: ParameterValues
  ) throws -> [String: Double] {
    let columns = values[DifferencesStage.columns]
    let control = values[DifferencesStage.control]
    let retrained = all.references + all.rows.filter { $0.scheme == control }
    var spreads: [String: Double] = [:]
    for column in Set(all.rows.map { $0.axes[columns] ?? "" }) {
      let here = retrained.filter { $0.axes[columns] == nil || $0.axes[columns] == column }
      // In the order of the plan, so that sums have one order.
      let groups = Dictionary(grouping: here, by: \.axes).values.sorted { $0[0].place < $1[0].place }
      spreads[column] = try SeedSpread.pooled(
        groups.map { $0.compactMap { $0.figures[metric] }.filter(\.isFinite) })
    }
    return spreads
  }

  /// What a difference of one spread is: that of a net like the retrained ones and the mean of those. Without retraining
  /// the figure's own unit.
  private func unit(at column: String) -> Double {
    guard figure.isOfRetraining else { return 1 }
    let count = 1 + values[DifferencesStage.again].count
    return (spreads[column] ?? .nan) * SeedSpread.factor(references: count)
  }

  // MARK: - Tests

  /// A test for each column, and one for the mean over all columns of each repeat.
  func tests() throws -> [ComparisonTest] {
    var tests: [ComparisonTest] = []
    for against in distinctInOrder(pairs.map(\.against)) {
      let opponents = pairs.filter { $0.against == against }
      for setting in distinctInOrder(opponents.map(\.setting)) {
        let here = opponents.filter { $0.setting == setting }
        for column in distinctInOrder(here.compactMap { $0.axes[columns] }) {
          let part = here.filter { $0.axes[columns] == column }
          var test = try test(part, part.map(\.difference), part.map(\.isConverged), margin: unit(at: column))
          test.record.column = column
          test.record.spread = spreads[column] ?? .nan
          test.record.controlPvalue = try controlled(setting, column)
          tests.append(test)
        }
        if let test = try pooled(here, setting) { tests.append(test) }
      }
    }
    return tests
  }

  /// Pairs of one repeat are not independent, so each repeat counts once. Nil where a ratio of two figures is none,
  /// since one of them is 0.
  private func pooled(_ pairs: [ComparedPair], _ setting: String) throws -> ComparisonTest? {
    let isSpread = self.isSpread
    guard isSpread || pairs.allSatisfy({ $0.own > 0 && $0.other > 0 }) else { return nil }
    let repeats = try byRepeat(pairs)
    var test = try test(pairs, repeats.map(\.mean), repeats.map(\.isConverged), margin: isSpread ? 1 : .nan)
    test.record.column = "all"
    test.record.notConverged = pairs.count { !$0.isConverged }
    test.record.notFinite = pairs.count { !$0.isFinite }
    test.record.controlPvalue = try controlled(setting, nil)
    return test
  }

  private var isSpread: Bool { figure.isOfRetraining && values[DifferencesStage.pooling] == .spread }

  /// For each repeat the mean over the columns of differences in one unit.
  private func byRepeat(_ pairs: [ComparedPair]) throws -> [(mean: Double, isConverged: Bool)] {
    let scaled = try pairs.map { try inOneUnit($0, unit(at: $0.axes[columns] ?? "")) }
    let repeats = Dictionary(grouping: pairs.indices, by: { pairs[$0].axes[over] ?? "" })
    return repeats.keys.sorted().map { key in
      let places = repeats[key] ?? []
      return (mean(places.map { scaled[$0] }), places.allSatisfy { pairs[$0].isConverged })
    }
  }

  private func inOneUnit(_ pair: ComparedPair, _ unit: Double) throws -> Double {
    guard isSpread else { return log(pair.own / pair.other) }
    guard unit > 0 else {
      throw StageFailure(
        "pooling spread needs retrained nets of two seeds for each group, and no group at "
          + "\(columns) \(pair.axes[columns] ?? "") has two; take pooling log-ratio")
    }
    return pair.difference / unit
  }

  private func test(
    _ pairs: [ComparedPair], _ differences: [Double], _ converged: [Bool], margin unit: Double
  ) throws -> ComparisonTest {
    let student = try PairedTest(differences)
    let ranks = try SignedRankTest(differences)
    var record = DifferenceTest()
    record.figure = figure.name
    (record.against, record.setting) = (pairs[0].against, pairs[0].setting)
    record.pairs = student.count
    record.closer = differences.count { figure.sign * $0 < 0 }
    record.notConverged = converged.count { !$0 }
    record.notFinite = pairs.count { !$0.isFinite }
    record.mean = student.mean
    record.lower = student.mean - student.halfWidth
    record.upper = student.mean + student.halfWidth
    record.pvalue = student.pvalue
    record.signedRank = ranks.pvalue
    record.signedRankSide = ranks.sign
    let margin =
      figure.isOfRetraining ? values[DifferencesStage.margin] : values[DifferencesStage.tolerance] ?? .nan
    record.margin = margin * unit
    if record.margin > 0, differences.count > 1 {
      record.equivalence = try EquivalenceTest(differences, margin: record.margin).pvalue
    }
    record.isControlled = figure.isOfRetraining && values[DifferencesStage.untouched] != nil
    let sound = zip(differences, converged).filter(\.1).map(\.0)
    if !sound.isEmpty {
      let test = try PairedTest(sound)
      (record.convergedMean, record.convergedPvalue) = (test.mean, test.pvalue)
    }
    return ComparisonTest(record: record, rows: pairs.flatMap(\.rows))
  }

  /// The p-value of the untouched net against the retrained control, at a column or over all; NaN without them.
  private func controlled(_ setting: String, _ column: String?) throws -> Double {
    let pairs = controls.filter {
      ($0.setting.isEmpty || $0.setting == setting) && (column == nil || $0.axes[columns] == column)
    }
    if pairs.isEmpty { return .nan }
    return try PairedTest(column == nil ? byRepeat(pairs).map(\.mean) : pairs.map(\.difference)).pvalue
  }
}
