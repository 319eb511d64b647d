// Eigenvalues and eigenvectors of a small symmetric tridiagonal matrix.

/// The eigenvalues of a symmetric tridiagonal matrix in ascending order, with unit eigenvectors as rows.
///
/// - Parameter offDiagonal: One fewer than the diagonal.
package func tridiagonalEigenpairs(diagonal: [Double], offDiagonal: [Double]) -> (
  values: [Double], vectors: [[Double]]
) {
  let n = diagonal.count
  var values = diagonal
  var vectors = [Double](repeating: 0, count: n * n)
  for i in 0..<n { vectors[i * n + i] = 1 }
  diagonalise(&values, offDiagonal, rotating: &vectors, width: n)
  let order = values.indices.sorted { values[$0] < values[$1] }
  return (order.map { values[$0] }, order.map { Array(vectors[$0 * n..<($0 + 1) * n]) })
}

/// An eigenvalue of a tridiagonal matrix with the last component of its unit eigenvector.
package typealias TridiagonalEnd = (value: Double, last: Double)

/// The ends of a symmetric tridiagonal matrix's spectrum, in O(n²): of the eigenvectors only the last components are
/// computed.
///
/// - Parameter offDiagonal: One fewer than the diagonal, which has at least one element.
package func tridiagonalEnds(
  diagonal: [Double], offDiagonal: [Double]
) -> (low: TridiagonalEnd, high: TridiagonalEnd) {
  var values = diagonal
  var last = [Double](repeating: 0, count: diagonal.count)
  last[last.count - 1] = 1
  diagonalise(&values, offDiagonal, rotating: &last, width: 1)
  let low = values.indices.min { values[$0] < values[$1] } ?? 0
  let high = values.indices.max { values[$0] < values[$1] } ?? 0
  return ((values[low], last[low]), (values[high], last[high]))
}

/// Turns the diagonal of a symmetric tridiagonal matrix into its eigenvalues by implicit QL with Wilkinson's shift
/// (EISPACK's imtql2; Golub & Van Loan, Matrix Computations, 4th ed., 8.3). LAPACK's `dsteqr` does the same in twice
/// the time: see docs/decisions/libraries/lapack.md.
///
/// - Parameters:
///   - d: The diagonal; afterwards the eigenvalues in no order.
///   - z: [n, width] of a matrix's rows, at first those of the identity or some of its columns; afterwards row i has
///     the same components of eigenvector i.
private func diagonalise(
  _ d: inout [Double], _ offDiagonal: [Double], rotating z: inout [Double], width: Int
) {
  let n = d.count
  precondition(offDiagonal.count == max(0, n - 1), "an off-diagonal is one shorter than the diagonal")
  var e = offDiagonal + [0]
  for l in 0..<n {
    for _ in 0..<100 {
      var m = l
      while m < n - 1, abs(e[m]) > 1e-16 * (abs(d[m]) + abs(d[m + 1])) { m += 1 }
      if m == l { break }
      var g = (d[l + 1] - d[l]) / (2 * e[l])
      var r = (g * g + 1).squareRoot()
      g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r))
      var (s, c, p) = (1.0, 1.0, 0.0)
      var split = false
      for i in stride(from: m - 1, through: l, by: -1) {
        let f = s * e[i]
        let b = c * e[i]
        r = (f * f + g * g).squareRoot()
        e[i + 1] = r
        if r == 0 {
          d[i + 1] -= p
          e[m] = 0
          split = true
          break
        }
        s = f / r
        c = g / r
        g = d[i + 1] - p
        r = (d[i] - g) * s + 2 * c * b
        p = s * r
        d[i + 1] = g + p
        g = c * r - b
        for k in 0..<width {
          let upper = z[(i + 1) * width + k]
          z[(i + 1) * width + k] = s * z[i * width + k] + c * upper
          z[i * width + k] = c * z[i * width + k] - s * upper
        }
      }
      if split { continue }
      d[l] -= p
      e[l] = g
      e[m] = 0
    }
  }
}
