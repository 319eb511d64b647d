// The artifact of the stage `logistic-errors`: how far each scheme's change is from that of refitting.

/// The errors of the schemes on groups of one kind and size.
package struct LogisticErrorsRecord: Sendable, Equatable {
  package var kind = ""
  package var share = Double.nan
  package var groups = 0
  package var labelShare = Double.nan
  package var expansion = Double.nan
  /// By scheme.
  package var errors: [Interval] = []
  /// By scheme.
  package var ratios: [Double] = []
  package var notConverged = 0

  package init() {}
}

/// The schemes with their errors.
package struct LogisticErrors: Sendable, Equatable {
  /// The baseline first.
  package var schemes: [String]
  package var records: [LogisticErrorsRecord]

  package init(schemes: [String], records: [LogisticErrorsRecord]) {
    self.schemes = schemes
    self.records = records
  }
}

/// The fields of the errors.
package struct LogisticErrorsFields: FieldGroup, Field {
  package let schemes = List<String>("/schemes", "s", "the schemes, the baseline first")
  package let kind = List<String>("/kind", "r", "the kind of groups")
  package let share = List<Double>("/share", "r", "images removed over training images")
  package let groups = List<Int>("/groups", "r", "groups of that kind and size")
  package let labelShare = List<Double>(
    "/label_share", "r", "the largest share of a label that a group holds, mean over the groups")
  package let expansion = List<Double>(
    "/expansion", "r",
    "second order's second term over its first, mean over the groups; NaN without that scheme")
  package let value = Grid<Double>("/error/value", "r,s", "mean over the groups of ‖Δ − Δ*‖ / ‖Δ*‖")
  package let lower = Grid<Double>(
    "/error/lower", "r,s", "the lower end of its 95 % interval; NaN for one group")
  package let upper = Grid<Double>(
    "/error/upper", "r,s", "the upper end of its 95 % interval; NaN for one group")
  package let ratio = Grid<Double>("/ratio", "r,s", "mean error over that of the baseline")
  package let notConverged = List<Int>("/not_converged", "r", "solves that failed")

  package func write(_ table: LogisticErrors, to sink: inout ArtifactSink) throws {
    let records = table.records
    func grid(_ values: (LogisticErrorsRecord) -> [Double]) -> Block<Double> {
      Block(records.flatMap(values), records.count, table.schemes.count)
    }
    try sink.write(schemes, table.schemes)
    try sink.write(kind, records.map(\.kind))
    try sink.write(share, records.map(\.share))
    try sink.write(groups, records.map(\.groups))
    try sink.write(labelShare, records.map(\.labelShare))
    try sink.write(expansion, records.map(\.expansion))
    try sink.write(value, grid { $0.errors.map(\.value) })
    try sink.write(lower, grid { $0.errors.map(\.lower) })
    try sink.write(upper, grid { $0.errors.map(\.upper) })
    try sink.write(ratio, grid(\.ratios))
    try sink.write(notConverged, records.map(\.notConverged))
  }

  package func read(from source: borrowing ArtifactSource) throws -> LogisticErrors {
    let schemes = try source.read(schemes)
    let kinds = try source.read(kind)
    let value = try source.read(value)
    let (lower, upper) = (try source.read(lower), try source.read(upper))
    let ratio = try source.read(ratio)
    var records = [LogisticErrorsRecord](repeating: LogisticErrorsRecord(), count: kinds.count)
    records.fill(kinds, \.kind)
    records.fill(try source.read(share), \.share)
    records.fill(try source.read(groups), \.groups)
    records.fill(try source.read(labelShare), \.labelShare)
    records.fill(try source.read(expansion), \.expansion)
    records.fill(try source.read(notConverged), \.notConverged)
    for row in records.indices {
      let cells = row * schemes.count..<(row + 1) * schemes.count
      records[row].errors = cells.map {
        Interval(value: value.values[$0], lower: lower.values[$0], upper: upper.values[$0])
      }
      records[row].ratios = Array(ratio.values[cells])
    }
    return LogisticErrors(schemes: schemes, records: records)
  }

  package init() {}
}

/// The layout of errors.
package struct LogisticErrorsArtifact: ArtifactLayout {
  package let errors = LogisticErrorsFields()
  package let solves = SolveRecordFields()

  package init() {}
}
