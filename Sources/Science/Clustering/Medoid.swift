// The medoid of a set of rows: all pairs of distances by blocked GEMM, in bounded memory.

import Glibc
import Statistics

/// The row with the least sum of distances to all rows.
public struct Medoid: Sendable, Equatable {
  /// The number of the row; of rows with equal sums the first.
  public let row: Int
  /// The sum of its distances to all rows.
  public let distanceSum: Double

  /// Finds the medoid of `features` exactly.
  ///
  /// All pairs are measured as ‖x‖² + ‖y‖² − 2 x·y of centred rows, in blocks of `blockRows`
  /// (memory 8 · blockRows · (2 · columns + blockRows) bytes). Rows whose sum is within the rounding error
  /// of that form of the least are then measured again difference by difference.
  ///
  /// - Throws: `StatisticsError.zeroLengthRow` for cosine distance of a row of zeros.
  public init(of features: FeatureMatrix, metric: Metric, blockRows: Int = 512) throws(StatisticsError) {
    precondition(blockRows > 0)
    if metric == .cosine {
      for i in 0..<features.rows where features.squaredLength(ofRow: i) == 0 {
        throw .zeroLengthRow(index: i)
      }
    }
    let sums = Self.sums(of: features, metric: metric, blockRows: blockRows)
    let least = sums.min() ?? 0
    let scale = max(least, sums.max() ?? 0)
    var best: (row: Int, sum: Double)?
    for i in 0..<features.rows where sums[i] <= least + 1e-7 * scale {
      if let best, features.rowsAreEqual(best.row, i) { continue }
      let distances = try features.distances(to: features.row(i), index: i, metric: metric)
      var sum = CompensatedSum()
      for d in distances { sum.add(d) }
      if sum.value < best?.sum ?? .infinity { best = (i, sum.value) }
    }
    row = best?.row ?? 0
    distanceSum = best?.sum ?? 0
  }

  /// The sum of distances of each row to all rows, to about 1e-8 of the largest.
  private static func sums(of features: FeatureMatrix, metric: Metric, blockRows: Int) -> [Double] {
    let n = features.rows
    let d = features.columns
    let size = min(blockRows, n)
    let cosine = metric == .cosine
    // Centred rows have short lengths, hence little cancellation; unit rows need their lengths kept at 1.
    let offset = cosine ? [Double](repeating: 0, count: d) : features.mean()
    var a = [Double](repeating: 0, count: size * d)
    var b = a
    var product = [Double](repeating: 0, count: size * size)
    var sums = [Double](repeating: 0, count: n)
    for startA in stride(from: 0, to: n, by: size) {
      let rangeA = startA..<min(n, startA + size)
      features.copy(rangeA, minus: offset, normalise: cosine, into: &a)
      let squaresA = squaredLengths(a, rows: rangeA.count, columns: d)
      for startB in stride(from: startA, to: n, by: size) {
        let rangeB = startB..<min(n, startB + size)
        features.copy(rangeB, minus: offset, normalise: cosine, into: &b)
        let squaresB = squaredLengths(b, rows: rangeB.count, columns: d)
        multiplyTransposed(a, b, into: &product, m: rangeA.count, n: rangeB.count, k: d)
        for i in 0..<rangeA.count {
          var sum = 0.0
          for j in 0..<rangeB.count {
            let squared = max(0, squaresA[i] + squaresB[j] - 2 * product[i * rangeB.count + j])
            let distance = cosine ? 0.5 * squared : squared.squareRoot()
            sum += distance
            if startB > startA { sums[startB + j] += distance }
          }
          sums[startA + i] += sum
        }
      }
    }
    return sums
  }

  private static func squaredLengths(_ block: [Double], rows: Int, columns: Int) -> [Double] {
    (0..<rows).map { i in
      var sum = 0.0
      for j in i * columns..<(i + 1) * columns { sum += block[j] * block[j] }
      return sum
    }
  }
}

extension FeatureMatrix {
  fileprivate func rowsAreEqual(_ i: Int, _ j: Int) -> Bool {
    for k in 0..<columns where values[i * columns + k] != values[j * columns + k] { return false }
    return true
  }
}
