// The artifacts of the stages `forgetting`, `match` and `rescale`: what a removal does at multiples of its change.

/// The losses of a group along the way from a net through an unlearned one.
package struct ForgettingCurve: Sendable, Equatable {
  /// Multiples of the change, ascending and positive.
  package var factors: [Double]
  /// The group's mean loss at each.
  package var losses: [Double]
  /// That of the net itself, at factor 0.
  package var untouched: Double
  /// The mean over the retrained nets.
  package var retrained: Double

  package init(factors: [Double], losses: [Double], untouched: Double, retrained: Double) {
    self.factors = factors
    self.losses = losses
    self.untouched = untouched
    self.retrained = retrained
  }
}

/// The layout of a curve, or of the mean of several.
package struct ForgettingArtifact: ArtifactLayout, Field {
  package let factors = List<Double>("/factors", "k", "multiples of the change, ascending")
  package let losses = List<Double>("/loss", "k", "mean loss on the removed images at each")
  package let untouched = Number<Double>("/untouched", "the same at the net before removal")
  package let retrained = Number<Double>("/retrained", "the same of the retrained nets (their mean)")

  package init() {}

  package func write(_ curve: ForgettingCurve, to sink: inout ArtifactSink) throws {
    try sink.write(factors, curve.factors)
    try sink.write(losses, curve.losses)
    try sink.write(untouched, curve.untouched)
    try sink.write(retrained, curve.retrained)
  }

  package func read(from source: borrowing ArtifactSource) throws -> ForgettingCurve {
    ForgettingCurve(
      factors: try source.read(factors), losses: try source.read(losses),
      untouched: try source.read(untouched), retrained: try source.read(retrained))
  }
}

/// The layout of a matched factor.
package struct MatchArtifact: ArtifactLayout {
  package let factor = Number<Double>(
    "/factor", "the multiple of the change at which the mean loss is that of the retrained nets")
  package let groups = Number<Int>("/groups", "calibration groups that the losses are means over")
  package let curve = ForgettingArtifact()

  package init() {}
}

/// The layout of a net whose change was rescaled.
package struct RescaleArtifact: ArtifactLayout {
  package let net = NetFields()
  package let factor = Attribute<Double>("factor", "what the change was multiplied by")
  package let solve = SolveFields()
  package let comparison = ComparisonFields()

  package init() {}
}

/// The matched factor of one scheme at one column.
package struct FactorRecord: Sendable, Equatable {
  package var scheme = ""
  package var setting = ""
  package var groups = 0
  package var untouched = Double.nan
  package var retrained = Double.nan
  package var factor = Double.nan

  package init() {}
}

/// The layout of a table of matched factors.
package struct FactorsArtifact: ArtifactLayout, Field {
  package let scheme = List<String>("/scheme", "k", "the scheme")
  package let setting = List<String>("/setting", "k", "its axis values, as text")
  package let groups = List<Int>("/groups", "k", "calibration groups")
  package let untouched = List<Double>("/untouched", "k", "their mean loss at the net before removal")
  package let retrained = List<Double>("/retrained", "k", "the same of the retrained nets")
  package let factor = List<Double>("/factor", "k", "the matched factor")

  package init() {}

  package func write(_ records: [FactorRecord], to sink: inout ArtifactSink) throws {
    try sink.write(scheme, records.map(\.scheme))
    try sink.write(setting, records.map(\.setting))
    try sink.write(groups, records.map(\.groups))
    try sink.write(untouched, records.map(\.untouched))
    try sink.write(retrained, records.map(\.retrained))
    try sink.write(factor, records.map(\.factor))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [FactorRecord] {
    let schemes = try source.read(scheme)
    var records = [FactorRecord](repeating: FactorRecord(), count: schemes.count)
    records.fill(schemes, \.scheme)
    records.fill(try source.read(setting), \.setting)
    records.fill(try source.read(groups), \.groups)
    records.fill(try source.read(untouched), \.untouched)
    records.fill(try source.read(retrained), \.retrained)
    records.fill(try source.read(factor), \.factor)
    return records
  }
}
