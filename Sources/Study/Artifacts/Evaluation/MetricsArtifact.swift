// What evaluations and tables have in common: metrics by name, whatever version wrote them.

/// The metrics of an evaluation, or of a table. An artifact of an older version has those that there were
/// then.
package struct MetricsArtifact: ArtifactLayout {
  /// Of an evaluation, by name.
  package let single = Family(Number<Double>("/metrics/GROUP/METRIC", "a metric of an evaluation"))
  /// Of a table, by name.
  package let columns = Family(List<Double>("/metrics/GROUP/METRIC", "r", "a metric of each row"))

  package init() {}
}
