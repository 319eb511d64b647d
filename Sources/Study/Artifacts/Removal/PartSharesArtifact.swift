// The artifact of the stage `part-shares`: what each part of a removal in several steps carries.

/// What one part carries: means over groups.
package struct PartShare: Sendable, Equatable {
  package var scheme = ""
  /// Its axis values but the repeats', as text.
  package var setting = ""
  package var part = ""
  package var groups = 0
  /// Of the group's images.
  package var images = Double.nan
  /// Of the sum of the steps' norms.
  package var change = Interval(value: .nan, lower: .nan, upper: .nan)
  /// Of the group's loss at the net before removal.
  package var loss = Interval(value: .nan, lower: .nan, upper: .nan)
  /// L2 norm of the step.
  package var norm = Double.nan

  package init() {}
}

/// The layout of shares.
package struct PartSharesArtifact: ArtifactLayout, Field {
  package let scheme = List<String>("/scheme", "k", "the scheme")
  package let setting = List<String>("/setting", "k", "its axis values, as text")
  package let part = List<String>("/part", "k", "the part, in the order of removal")
  package let groups = List<Int>("/groups", "k", "groups that the figures are means over")
  package let images = List<Double>("/images", "k", "the part's share of the group's images")
  package let change = IntervalColumns("/change", "k", "the step's share of the sum of all steps' L2 norms")
  package let loss = IntervalColumns(
    "/loss", "k", "the part's share of the group's loss at the net before removal")
  package let norm = List<Double>("/norm", "k", "L2 norm of the step")

  package init() {}

  package func write(_ shares: [PartShare], to sink: inout ArtifactSink) throws {
    try sink.write(scheme, shares.map(\.scheme))
    try sink.write(setting, shares.map(\.setting))
    try sink.write(part, shares.map(\.part))
    try sink.write(groups, shares.map(\.groups))
    try sink.write(images, shares.map(\.images))
    try sink.write(change, shares.map(\.change))
    try sink.write(loss, shares.map(\.loss))
    try sink.write(norm, shares.map(\.norm))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [PartShare] {
    let schemes = try source.read(scheme)
    var shares = [PartShare](repeating: PartShare(), count: schemes.count)
    shares.fill(schemes, \.scheme)
    shares.fill(try source.read(setting), \.setting)
    shares.fill(try source.read(part), \.part)
    shares.fill(try source.read(groups), \.groups)
    shares.fill(try source.read(images), \.images)
    shares.fill(try source.read(change), \.change)
    shares.fill(try source.read(loss), \.loss)
    shares.fill(try source.read(norm), \.norm)
    return shares
  }
}
