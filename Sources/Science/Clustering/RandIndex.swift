// The adjusted Rand index: the agreement of two clusterings beyond chance.

import Statistics

/// Agreement of two clusterings of the same rows.
public enum RandIndex {
  /// The adjusted Rand index (Hubert & Arabie 1985): 1 for equal partitions, about 0 for independent ones.
  ///
  /// - Throws: `StatisticsError.countMismatch`; `.tooFew` below 2 rows.
  public static func adjusted<A: Hashable, B: Hashable>(_ a: [A], _ b: [B]) throws(StatisticsError)
    -> Double
  {
    if a.count != b.count { throw .countMismatch(expected: a.count, actual: b.count) }
    if a.count < 2 { throw .tooFew(statistic: "the Rand index", count: a.count, minimum: 2) }
    var cells: [A: [B: Int]] = [:]
    var rows: [A: Int] = [:]
    var columns: [B: Int] = [:]
    for (x, y) in zip(a, b) {
      cells[x, default: [:]][y, default: 0] += 1
      rows[x, default: 0] += 1
      columns[y, default: 0] += 1
    }
    func pairs(_ n: Int) -> Double { Double(n) * Double(n - 1) / 2 }
    let together = cells.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + pairs($1) } }
    let inA = rows.values.reduce(0) { $0 + pairs($1) }
    let inB = columns.values.reduce(0) { $0 + pairs($1) }
    let expected = inA * inB / pairs(a.count)
    let maximum = (inA + inB) / 2
    // Both partitions all in one cluster, or all single: they are equal.
    if maximum == expected { return 1 }
    return (together - expected) / (maximum - expected)
  }
}
