// The paired tests of a scheme against others, as columns.

/// One test of a scheme against another.
package struct DifferenceTest: Sendable, Equatable {
  /// What is compared.
  package var figure = ""
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
  package var notFinite = 0
  package var mean = Double.nan
  package var lower = Double.nan
  package var upper = Double.nan
  package var pvalue = Double.nan
  package var adjusted = Double.nan
  package var signedRank = Double.nan
  package var signedRankSide = 0
  package var margin = Double.nan
  package var equivalence = Double.nan
  package var spread = Double.nan
  package var controlPvalue = Double.nan
  package var isControlled = false
  package var convergedMean = Double.nan
  package var convergedPvalue = Double.nan

  package init() {}
}

/// The tests, as columns.
package struct TestColumns: FieldGroup, Field {
  package let figure = List<String>(
    "/tests/figure", "t",
    "what is compared: step length (|loss − retrained|) or a figure at matched forgetting")
  package let against = List<String>("/tests/against", "t", "the other scheme")
  package let setting = List<String>("/tests/setting", "t", "the setting of a test, as text")
  package let column = List<String>("/tests/column", "t", "the column of a test, or all")
  package let verdict = List<String>("/tests/verdict", "t", "what the test says")
  package let pairs = List<Int>("/tests/pairs", "t", "pairs of the test")
  package let closer = List<Int>("/tests/closer", "t", "pairs in which the scheme is the closer one")
  package let notConverged = List<Int>("/tests/not_converged", "t", "pairs behind which a solve failed")
  package let notFinite = List<Int>(
    "/tests/not_finite", "t",
    "pairs with a figure that is not finite, for which the worst of its repeats stands (the best for infinity on the better side)"
  )
  package let mean = List<Double>(
    "/tests/mean", "t", "mean difference; of all columns in spreads or as the logarithm of a ratio")
  package let lower = List<Double>("/tests/lower", "t", "the lower end of its 95 % interval")
  package let upper = List<Double>("/tests/upper", "t", "the upper end of its 95 % interval")
  package let pvalue = List<Double>("/tests/pvalue", "t", "two-sided p of a t test")
  package let adjusted = List<Double>("/tests/adjusted", "t", "that p by Holm's method")
  package let signedRank = List<Double>(
    "/tests/signed_rank", "t", "two-sided p of Wilcoxon's signed-rank test")
  package let signedRankSide = List<Int>(
    "/tests/signed_rank_side", "t", "-1, 0, 1: the side to which ranks lean")
  package let margin = List<Double>(
    "/tests/margin", "t", "of equivalence, in the unit of the mean; NaN without one")
  package let equivalence = List<Double>(
    "/tests/equivalence", "t", "the larger p of two one-sided t tests; NaN without")
  package let spread = List<Double>(
    "/tests/spread", "t", "standard deviation of the figure between retrained nets of a group; NaN without")
  package let controlPvalue = List<Double>(
    "/tests/control_pvalue", "t",
    "two-sided p of a t test of the untouched net against a retrained one; NaN without")
  package let isControlled = List<Bool>("/tests/controlled", "t", "1: that test was asked for")
  package let convergedMean = List<Double>(
    "/tests/converged_mean", "t", "the mean without the pairs behind which a solve failed")
  package let convergedPvalue = List<Double>("/tests/converged_pvalue", "t", "the p without them")

  package func write(_ tests: [DifferenceTest], to sink: inout ArtifactSink) throws {
    try sink.write(figure, tests.map(\.figure))
    try sink.write(against, tests.map(\.against))
    try sink.write(setting, tests.map(\.setting))
    try sink.write(column, tests.map(\.column))
    try sink.write(verdict, tests.map(\.verdict))
    try sink.write(pairs, tests.map(\.pairs))
    try sink.write(closer, tests.map(\.closer))
    try sink.write(notConverged, tests.map(\.notConverged))
    try sink.write(notFinite, tests.map(\.notFinite))
    try sink.write(mean, tests.map(\.mean))
    try sink.write(lower, tests.map(\.lower))
    try sink.write(upper, tests.map(\.upper))
    try sink.write(pvalue, tests.map(\.pvalue))
    try sink.write(adjusted, tests.map(\.adjusted))
    try sink.write(signedRank, tests.map(\.signedRank))
    try sink.write(signedRankSide, tests.map(\.signedRankSide))
    try sink.write(margin, tests.map(\.margin))
    try sink.write(equivalence, tests.map(\.equivalence))
    try sink.write(spread, tests.map(\.spread))
    try sink.write(controlPvalue, tests.map(\.controlPvalue))
    try sink.write(isControlled, tests.map(\.isControlled))
    try sink.write(convergedMean, tests.map(\.convergedMean))
    try sink.write(convergedPvalue, tests.map(\.convergedPvalue))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [DifferenceTest] {
    let schemes = try source.read(against)
    var tests = [DifferenceTest](repeating: DifferenceTest(), count: schemes.count)
    tests.fill(schemes, \.against)
    tests.fill(try source.read(figure), \.figure)
    tests.fill(try source.read(setting), \.setting)
    tests.fill(try source.read(column), \.column)
    tests.fill(try source.read(verdict), \.verdict)
    tests.fill(try source.read(pairs), \.pairs)
    tests.fill(try source.read(closer), \.closer)
    tests.fill(try source.read(notConverged), \.notConverged)
    tests.fill(try source.read(notFinite), \.notFinite)
    tests.fill(try source.read(mean), \.mean)
    tests.fill(try source.read(lower), \.lower)
    tests.fill(try source.read(upper), \.upper)
    tests.fill(try source.read(pvalue), \.pvalue)
    tests.fill(try source.read(adjusted), \.adjusted)
    tests.fill(try source.read(signedRank), \.signedRank)
    tests.fill(try source.read(signedRankSide), \.signedRankSide)
    tests.fill(try source.read(margin), \.margin)
    tests.fill(try source.read(equivalence), \.equivalence)
    tests.fill(try source.read(spread), \.spread)
    tests.fill(try source.read(controlPvalue), \.controlPvalue)
    tests.fill(try source.read(isControlled), \.isControlled)
    tests.fill(try source.read(convergedMean), \.convergedMean)
    tests.fill(try source.read(convergedPvalue), \.convergedPvalue)
    return tests
  }

  package init() {}
}
