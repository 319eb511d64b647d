// What the script of the page is given: everything that a drawer, a filter or a drawing needs, as compact JSON.

import PipelineCore

/// The data of a page.
struct PageData {
  var pipelines: [PipelineData]
  /// The 97.5 % quantile of Student's t by degrees of freedom, from 1.
  var quantiles: [Number]
}

/// The data of one pipeline.
struct PipelineData {
  /// The words by which commands name it: its name and its `--set` options, quoted for a shell.
  var words: String
  var stages: [StageData]
  var nodes: NodeColumns
  /// The members of each join, as nodes.
  var joins: [[Int]]
  /// The sets of parameters that nodes have.
  var parameters: [ParameterSet]
  var reasons: [String]
  var tables: [TableData]
  /// The sets of nodes that stand behind cells.
  var behind: [[Int]]
  var results: [ResultsData]
  var tests: [TestsData]
  var effects: [EffectsData]
  var histograms: [HistogramData]
  var digits: [DigitsData]
  var run: RunData?
}

/// The parameters of nodes. Those of a stage share one list of names, which is sorted once.
struct ParameterSet {
  var names: [String]
  var values: ParameterValues
}

/// A stage of the file, or a case of it.
struct StageData {
  var name: String
  var type: String
  var version: Int
  var axes: [String]
  var slots: [String]
  /// Why parameters have their values, by parameter.
  var notes: [String: String]
  /// Its nodes: the first, and how many.
  var first: Int
  var count: Int
}

/// The nodes, a column a property.
struct NodeColumns {
  var name: [String] = []
  /// The axis values, in the order of the stage's axes.
  var values: [[String]] = []
  /// See `Snapshot.State`.
  var state: [Int] = []
  /// What fills each slot: a node, or −1 − a join.
  var inputs: [[Int]] = []
  /// The place of the parameters in `parameters`.
  var parameters: [Int] = []
  /// Declared memory in bytes.
  var declared: [Int] = []
  /// The action key with the file's ending, by which the file is called; empty without an artifact. The columns below
  /// have nothing for such a node either.
  var file: [String] = []
  /// The SHA-256 of the file's bytes.
  var digest: [String] = []
  var size: [Int] = []
  var seconds: [Number] = []
  var threads: [Int] = []
  /// The most memory that its worker held, in bytes.
  var memory: [Int] = []
  var created: [String] = []
  /// The place of the words in `reasons`.
  var reason: [Int] = []
}

/// A table; its texts stand in the page.
struct TableData {
  var node: String
  /// By row and column: the value that it is sorted by, half of its interval, its repeats, and the place in `behind`.
  var cells: [[Cell?]]
  var keys: Int
  var figure: Int?

  struct Cell {
    var value: Number
    var half: Number?
    var repeats: [Number]?
    var behind: Int?
  }
}

/// The rows of a table artifact with all their figures.
struct ResultsData {
  var node: String
  var title: String
  /// The axis across.
  var across: String
  /// The axis that means are taken over.
  var over: String
  /// The figure that stands first.
  var first: String
  var labels: [String]
  var axes: [String: [String]]
  var metrics: [String: [Number]]
  var converged: [Int]
  /// The node behind each row.
  var nodes: [Int]
}

/// The tests of a `differences` artifact.
struct TestsData {
  var node: String
  var title: String
  var scheme: String
  /// The unit of the means over all columns; that of the others is the figure's own.
  var unit: String
  /// What a difference below 0 says of the scheme, and one above it.
  var below: String
  var above: String
  /// The differences behind the tests.
  var pairs: ResultsData
  var rows: [Row]

  struct Row {
    var figure: String
    var against: String
    var setting: String
    var column: String
    var verdict: String
    var pairs: Int
    var mean: Number
    var lower: Number
    var upper: Number
    var failed: Int
  }
}

/// The points of a `correlation` artifact on one split.
struct EffectsData {
  var node: String
  var title: String
  var split: String
  var kinds: [String]
  var predicted: [Number]
  var actual: [Number]
}

/// A run: what it ran, when, and where.
struct RunData {
  var id: String
  var ending: String
  var seconds: Number
  var jobs: Int
  var node: [Int] = []
  var began: [Number] = []
  var ended: [Number] = []
  var threads: [Int] = []
  var failed: [Int] = []
}
