// A matrix of features, one row an image, checked once so that the methods on it need not.

import Glibc
import Statistics
import Tensor

/// Features [rows, columns] in row-major order, all finite.
public struct FeatureMatrix: Sendable {
  /// The values, row after row.
  public let values: [Float]
  /// The number of images.
  public let rows: Int
  /// The number of features an image.
  public let columns: Int

  /// Takes `values` as `rows` × `columns`.
  ///
  /// - Throws: `StatisticsError.invalidParameter` for an empty matrix, `.countMismatch` when the count of
  ///   values is not rows · columns, `.notFinite` with the row of the first NaN or infinity.
  public init(_ values: [Float], rows: Int, columns: Int) throws(StatisticsError) {
    if rows < 1 || columns < 1 {
      throw .invalidParameter(name: "features", reason: "are empty: \(rows) × \(columns)")
    }
    let (size, overflow) = rows.multipliedReportingOverflow(by: columns)
    if overflow || values.count != size {
      throw .countMismatch(expected: overflow ? Int.max : size, actual: values.count)
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: bad / columns) }
    self.values = values
    self.rows = rows
    self.columns = columns
  }

  /// Rows of length 1, for cosine versions of methods that work with Euclidean distance.
  ///
  /// - Throws: `StatisticsError.zeroLengthRow`.
  public func normalised() throws(StatisticsError) -> FeatureMatrix {
    var scaled = values
    for i in 0..<rows {
      let length = squaredLength(ofRow: i).squareRoot()
      if length == 0 { throw .zeroLengthRow(index: i) }
      for j in i * columns..<(i + 1) * columns { scaled[j] = Float(Double(values[j]) / length) }
    }
    return try FeatureMatrix(scaled, rows: rows, columns: columns)
  }

  /// The rows of the given numbers, in that order.
  ///
  /// - Throws: `StatisticsError.indexOutOfRange`; `.invalidParameter` for an empty list.
  public func selecting(_ indices: [Int]) throws(StatisticsError) -> FeatureMatrix {
    var chosen: [Float] = []
    chosen.reserveCapacity(indices.count * columns)
    for i in indices {
      if i < 0 || i >= rows { throw .indexOutOfRange(index: i, count: rows) }
      chosen.append(contentsOf: values[i * columns..<(i + 1) * columns])
    }
    return try FeatureMatrix(chosen, rows: indices.count, columns: columns)
  }

  /// The mean row [columns], summed in double.
  public func mean() -> [Double] {
    var sum = [Double](repeating: 0, count: columns)
    for i in 0..<rows {
      for j in 0..<columns { sum[j] += Double(values[i * columns + j]) }
    }
    for j in 0..<columns { sum[j] /= Double(rows) }
    return sum
  }

  /// One row [columns] as doubles.
  func row(_ i: Int) -> [Double] { values[i * columns..<(i + 1) * columns].map(Double.init) }

  /// Σⱼ xᵢⱼ².
  func squaredLength(ofRow i: Int) -> Double {
    var sum = 0.0
    for j in i * columns..<(i + 1) * columns {
      let x = Double(values[j])
      sum += x * x
    }
    return sum
  }

  /// Writes rows `range`, less `offset` and divided by their length when `normalise` is set, into `block`
  /// [range.count, columns].
  func copy(
    _ range: Range<Int>, minus offset: [Double], normalise: Bool, into block: inout [Double]
  ) {
    for (k, i) in range.enumerated() {
      let scale = normalise ? 1 / squaredLength(ofRow: i).squareRoot() : 1
      for j in 0..<columns {
        block[k * columns + j] = Double(values[i * columns + j]) * scale - offset[j]
      }
    }
  }
}

/// `product` [m, n] = `a` [m, k] · `b`ᵀ with `b` [n, k], all row-major doubles.
func multiplyTransposed(
  _ a: [Double], _ b: [Double], into product: inout [Double], m: Int, n: Int, k: Int
) {
  precondition(a.count >= m * k && b.count >= n * k && product.count >= m * n)
  Gemm.multiply(m: m, n: n, k: k, a: a, lda: k, b: b, ldb: k, transposeB: true, c: &product, ldc: n)
}
