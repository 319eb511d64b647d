// The results of a pipeline: its tables, the tests and their verdicts, predicted effects, and pictures.

import Artifacts
import PipelineCore
import ResultTables
import Stages

/// What the result artifacts of a pipeline say.
struct Results {
  typealias Test = DifferenceTest

  /// A table with the node that made it.
  struct Table {
    var node: NodeID
    var grid: TableGrid
  }

  /// A `differences` artifact.
  struct Comparison {
    var node: NodeID
    var title: String
    var scheme: String
    /// What a mean over all columns is in: `spreads`, say.
    var unit: String
    var tests: [DifferenceTest]
    /// The rule, and the verdicts in words.
    var lines: [String]
    /// The nets and figures that the rule speaks of, and how each scheme removes a group.
    var words: [String]
    /// The word for the good side: closer, or better.
    var good: String
    /// What a difference below 0 says of the scheme, and one above it.
    var sides: (below: String, above: String)
    /// For how many tests each p is adjusted.
    var families: String?
    /// The differences of the pairs, a figure a column.
    var pairs: ResultsData
    /// Why a test shows nothing, where that is not for its figures alone.
    var reasons: [DifferencesStage.Reason?]
    /// The reasons of the tests of `headline`, each once.
    var remarks: [String]

    /// Why the tests of a single column show nothing, where those over all columns have no such reason; a line a figure
    /// and column.
    var lesserRemarks: [String] {
      let general = Set(
        zip(tests, reasons).filter { $0.0.column == "all" }.map { [$0.0.figure, $0.1?.text ?? ""] })
      if general.isEmpty { return [] }
      var lines = Numbering<String>()
      for (test, reason) in zip(tests, reasons) where test.column != "all" {
        guard let reason, !general.contains([test.figure, reason.text]), isSettled(test.figure) else {
          continue
        }
        _ = lines.number("not shown, \(test.figure), at \(test.column): \(reason.text).")
      }
      return lines.all
    }

    /// Whether the control of a figure holds over all columns.
    private func isSettled(_ figure: String) -> Bool {
      zip(tests, reasons).contains { test, reason in
        test.column == "all" && test.figure == figure && reason?.isFailedControl != true
      }
    }

    /// The tests over all columns; where a figure has none, those of each column.
    var headline: [DifferenceTest] { Self.headline(tests) }

    static func headline(_ tests: [DifferenceTest]) -> [DifferenceTest] { Verdict.decisive(tests) }
  }

  /// A picture as SVG.
  struct Picture {
    var node: NodeID
    var svg: [UInt8]
    var gnuplot: String
  }

  private(set) var tables: [Table] = []
  private(set) var comparisons: [Comparison] = []
  /// The rules and choices of calibrations in words, by node.
  private(set) var choices: [(node: NodeID, lines: [String])] = []
  private(set) var pictures: [Picture] = []
  private(set) var long: [ResultsData] = []
  private(set) var effects: [EffectsData] = []
  private(set) var histograms: [HistogramData] = []
  private(set) var digits: [DigitsData] = []

  /// Reads the artifacts that are up to date.
  init(_ snapshot: Snapshot) throws {
    for (node, path) in snapshot.files(of: TableReport.stages) {
      let name = snapshot.plan.stage(of: node).declaration.name
      let names = snapshot.plan.nodesBehindInputs(of: node).map { $0.map { snapshot.plan[$0].name } }
      let report = try TableReport(file: path, parameters: snapshot.plan[node].parameters, nodes: names)
      tables.append(Table(node: node, grid: report.grid))
      switch name {
      case TableStage.declaration.name: long.append(try Self.rows(path, node, snapshot.plan))
      case DifferencesStage.declaration.name:
        comparisons.append(try Self.comparison(path, node, snapshot.plan))
      case CalibrationStage.declaration.name:
        choices.append((node, try ArtifactReader<CalibrationArtifact>(at: path).read(\.choice)))
      case CorrelationStage.declaration.name: effects += try Self.effects(path, node, snapshot.plan)
      default: break
      }
    }
    for (node, path) in snapshot.files(of: [PictureFiles.stage]) {
      let file = try ArtifactReader<PictureArtifact>(at: path)
      guard let svg = try file.read(\.files).first(where: { $0.path.hasSuffix(".svg") }) else { continue }
      pictures.append(Picture(node: node, svg: svg.bytes, gnuplot: try file.read(\.gnuplot)))
    }
    let distances = DistanceReader(snapshot: snapshot)
    histograms = try distances.histograms()
    digits = try distances.digits()
  }

  private static func rows(_ path: String, _ node: NodeID, _ plan: Plan) throws -> ResultsData {
    let file = try ArtifactReader<TableArtifact>(at: path)
    let names = try file.read(\.rows)
    let metrics = try file.read(\.metrics).filter { $0.value.contains(where: \.isFinite) }
    let parameters = plan[node].parameters
    return ResultsData(
      node: plan[node].name, title: parameters[TableReport.title], across: parameters[TableStage.columns],
      over: parameters[TableStage.over], first: TableStage.first(parameters, among: metrics.keys)?.name ?? "",
      labels: names.labels, axes: names.axes,
      metrics: Dictionary(uniqueKeysWithValues: metrics.map { ($0.key.name, $0.value.map(Number.init)) }),
      converged: try file.read(\.facts).map { $0.outcome.converged ? 1 : 0 },
      nodes: plan.predecessors(of: node).map(\.index))
  }

  private static func comparison(_ path: String, _ node: NodeID, _ plan: Plan) throws -> Comparison {
    let file = try ArtifactReader<DifferencesArtifact>(at: path)
    let parameters = plan[node].parameters
    let unit =
      switch parameters[DifferencesStage.pooling] {
      case .spread: "spreads"
      case .logRatio: "log ratio"
      }
    let tests = try file.read(\.tests)
    let words =
      DifferencesStage.nets(parameters) + removals(node, plan) + DifferencesStage.meanings(parameters)
    return Comparison(
      node: node, title: parameters[TableReport.title], scheme: parameters[DifferencesStage.scheme],
      unit: unit, tests: tests, lines: try file.read(\.verdict), words: words,
      good: DifferencesStage.goodSide(parameters), sides: DifferencesStage.sidesOfZero(parameters),
      families: DifferencesStage.families(tests, parameters),
      pairs: try pairs(file, tests, node, plan),
      reasons: tests.map { DifferencesStage.reason($0, parameters) },
      remarks: DifferencesStage.remarks(Comparison.headline(tests), parameters))
  }

  /// How each scheme of a comparison removes a group, a line each.
  private static func removals(_ node: NodeID, _ plan: Plan) -> [String] {
    var seen: Set<String> = []
    return plan[node].inputs.flatMap { input -> [JoinMember] in
      guard case .join(let join) = input.source else { return [] }
      return plan.joins[join.index].members
    }.compactMap { member in
      guard seen.insert(member.label).inserted else { return nil }
      return NetWords.removal(member.node, in: plan).map { "\(member.label): \($0)." }
    }
  }

  /// The pairs of a comparison as rows: a row for each other scheme and place, with the differences of all figures.
  private static func pairs(
    _ file: borrowing ArtifactReader<DifferencesArtifact>, _ tests: [Test], _ node: NodeID, _ plan: Plan
  ) throws -> ResultsData {
    let names = try file.read(\.pairs.rows)
    let (figures, differences) = (try file.read(\.pairs.figure), try file.read(\.pairs.difference))
    let axes = names.axes.keys.sorted()
    var rows = Numbering<[String]>()
    let places = names.labels.indices.map { pair in
      rows.number([names.labels[pair]] + axes.map { names.axes[$0]?[pair] ?? "" })
    }
    var metrics: [String: [Number]] = [:]
    for (pair, figure) in figures.enumerated() {
      metrics[figure, default: Array(repeating: Number(.nan), count: rows.all.count)][places[pair]] =
        Number(differences[pair])
    }
    let parameters = plan[node].parameters
    let across = parameters[DifferencesStage.columns]
    let failed = Set(tests.filter { $0.notConverged > 0 }.map { [$0.against, $0.column] })
    let column = axes.firstIndex(of: across).map { $0 + 1 }
    return ResultsData(
      node: plan[node].name, title: parameters[TableReport.title], across: across,
      over: parameters[DifferencesStage.over], first: tests.first?.figure ?? "",
      labels: rows.all.map { $0[0] },
      axes: Dictionary(
        uniqueKeysWithValues: axes.enumerated().map { place, axis in (axis, rows.all.map { $0[place + 1] }) }),
      metrics: metrics,
      converged: rows.all.map { row in failed.contains([row[0], column.map { row[$0] } ?? "all"]) ? 0 : 1 },
      nodes: [])
  }

  private static func effects(_ path: String, _ node: NodeID, _ plan: Plan) throws -> [EffectsData] {
    let file = try ArtifactReader<CorrelationArtifact>(at: path)
    let kinds = try file.read(\.points.rows.labels)
    return try EffectSplit.allCases.map { split in
      let points = try file.read(\.points[split])
      return EffectsData(
        node: plan[node].name, title: plan[node].parameters[TableReport.title], split: split.rawValue,
        kinds: kinds, predicted: points.predicted.map(Number.init), actual: points.actual.map(Number.init))
    }
  }
}

// MARK: Words of a test

extension DifferenceTest {
  /// The other scheme, with its setting and column where it has one.
  var other: String {
    [against, setting, column == "all" ? "" : column].filter { !$0.isEmpty }.joined(separator: ", ")
  }

  /// The mean difference with its interval: `-0.08 (-0.28 to 0.11)`.
  var numbers: String {
    let figure = PlainTable.figure
    return figure(mean) + (lower.isFinite ? " (\(figure(lower)) to \(figure(upper)))" : "")
  }
}

// MARK: Data of the page

extension Results.Table {
  /// The figures behind the texts.
  func data(_ plan: Plan, _ numbers: [String: Int], _ behind: inout Numbering<[Int]>) -> TableData {
    TableData(
      node: plan[node].name,
      cells: grid.rows.map { row in
        row.map { cell in
          guard let value = cell.value else { return nil }
          let nodes = cell.nodes.compactMap { numbers[$0] }
          return TableData.Cell(
            value: Number(value), half: cell.halfWidth.map(Number.init),
            repeats: cell.repeats.isEmpty ? nil : cell.repeats.map(Number.init),
            behind: nodes.isEmpty ? nil : behind.number(nodes))
        }
      }, keys: grid.keys, figure: grid.figureColumn)
  }
}

extension Results.Comparison {
  /// The tests as the page draws them.
  func data(_ plan: Plan) -> TestsData {
    TestsData(
      node: plan[node].name, title: title, scheme: scheme, unit: unit, below: sides.below, above: sides.above,
      pairs: pairs,
      rows: tests.map { test in
        TestsData.Row(
          figure: test.figure, against: test.against, setting: test.setting, column: test.column,
          verdict: test.verdict,
          pairs: test.pairs, mean: Number(test.mean), lower: Number(test.lower), upper: Number(test.upper),
          failed: test.notConverged)
      })
  }
}
