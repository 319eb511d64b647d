// The artifact of the stage `differences`: paired tests of a scheme against others.

/// The pairs that are compared.
package struct PairFields: FieldGroup {
  package let rows = RowNameFields(in: "/pairs", label: "against", "q")
  package let difference = List<Double>(
    "/pairs/difference", "q",
    "|loss − retrained| of the scheme less that of the other, which is the row's label; < 0: it is closer")
}

/// One test of a scheme against another.
package struct DifferenceTest: Sendable, Equatable {
  /// The other scheme.
  package var against = ""
  /// The setting, as text.
  package var setting = ""
  /// The column, or `all`.
  package var column = ""
  package var verdict = ""
  package var pairs = 0
  package var closer = 0
  package var notConverged = 0
  package var mean = Double.nan
  package var lower = Double.nan
  package var upper = Double.nan
  package var pvalue = Double.nan
  package var adjusted = Double.nan

  package init() {}
}

/// The tests, as columns.
package struct TestColumns: FieldGroup, Field {
  package let against = List<String>("/tests/against", "t", "the other scheme")
  package let setting = List<String>("/tests/setting", "t", "the setting of a test, as text")
  package let column = List<String>("/tests/column", "t", "the column of a test, or all")
  package let verdict = List<String>("/tests/verdict", "t", "what the test says")
  package let pairs = List<Int>("/tests/pairs", "t", "pairs of the test")
  package let closer = List<Int>("/tests/closer", "t", "pairs in which the scheme is the closer one")
  package let notConverged = List<Int>("/tests/not_converged", "t", "pairs behind which a solve failed")
  package let mean = List<Double>("/tests/mean", "t", "mean difference")
  package let lower = List<Double>("/tests/lower", "t", "the lower end of its 95 % interval")
  package let upper = List<Double>("/tests/upper", "t", "the upper end of its 95 % interval")
  package let pvalue = List<Double>("/tests/pvalue", "t", "two-sided p of a t test")
  package let adjusted = List<Double>("/tests/adjusted", "t", "that p by Holm's method")

  package func write(_ tests: [DifferenceTest], to sink: inout ArtifactSink) throws {
    try sink.write(against, tests.map(\.against))
    try sink.write(setting, tests.map(\.setting))
    try sink.write(column, tests.map(\.column))
    try sink.write(verdict, tests.map(\.verdict))
    try sink.write(pairs, tests.map(\.pairs))
    try sink.write(closer, tests.map(\.closer))
    try sink.write(notConverged, tests.map(\.notConverged))
    try sink.write(mean, tests.map(\.mean))
    try sink.write(lower, tests.map(\.lower))
    try sink.write(upper, tests.map(\.upper))
    try sink.write(pvalue, tests.map(\.pvalue))
    try sink.write(adjusted, tests.map(\.adjusted))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [DifferenceTest] {
    let schemes = try source.read(against)
    var tests = [DifferenceTest](repeating: DifferenceTest(), count: schemes.count)
    tests.fill(schemes, \.against)
    tests.fill(try source.read(setting), \.setting)
    tests.fill(try source.read(column), \.column)
    tests.fill(try source.read(verdict), \.verdict)
    tests.fill(try source.read(pairs), \.pairs)
    tests.fill(try source.read(closer), \.closer)
    tests.fill(try source.read(notConverged), \.notConverged)
    tests.fill(try source.read(mean), \.mean)
    tests.fill(try source.read(lower), \.lower)
    tests.fill(try source.read(upper), \.upper)
    tests.fill(try source.read(pvalue), \.pvalue)
    tests.fill(try source.read(adjusted), \.adjusted)
    return tests
  }

  package init() {}
}

/// The layout of differences.
package struct DifferencesArtifact: ArtifactLayout {
  package let pairs = PairFields()
  package let tests = TestColumns()
  package let verdict = List<String>("/verdict", "v", "the rule and the verdict against each other scheme")
  package let solves = SolveRecordFields()

  package init() {}
}
