// All eigenpairs of a small symmetric tridiagonal matrix.

import Tensor

/// The eigenvalues of a symmetric tridiagonal matrix in ascending order, with unit eigenvectors as rows, by implicit QL
/// with Wilkinson's shift (EISPACK's imtql2; Golub & Van Loan, Matrix Computations, 4th ed., 8.3).
///
/// - Parameter offDiagonal: One fewer than the diagonal.
package func tridiagonalEigenpairs(diagonal: [Double], offDiagonal: [Double]) -> (
  values: [Double], vectors: [[Double]]
) {
  let n = diagonal.count
  precondition(offDiagonal.count == max(0, n - 1), "an off-diagonal is one shorter than the diagonal")
  var d = diagonal
  var e = offDiagonal + [0]
  // Row i of the transposed eigenvector matrix: rotations mix two rows, which lie in memory one after the other.
  var z = (0..<n).map { i in (0..<n).map { $0 == i ? 1.0 : 0 } }
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
        for k in 0..<n {
          let upper = z[i + 1][k]
          z[i + 1][k] = s * z[i][k] + c * upper
          z[i][k] = c * z[i][k] - s * upper
        }
      }
      if split { continue }
      d[l] -= p
      e[l] = g
      e[m] = 0
    }
  }
  let order = d.indices.sorted { d[$0] < d[$1] }
  return (order.map { d[$0] }, order.map { z[$0] })
}
