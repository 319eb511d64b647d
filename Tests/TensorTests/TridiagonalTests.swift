// Eigenpairs of symmetric tridiagonal matrices: by their definition, and against matrices whose spectrum is known.

import Foundation
import Tensor
import Testing

@Suite struct TridiagonalTests {
  private static func random(_ n: Int) -> (diagonal: [Double], beside: [Double]) {
    var stream = RandomStream(key: UInt64(n))
    // Eigenvalues over some powers of ten, as a curvature has them.
    return (
      (0..<n).map { _ in exp(-6 * stream.uniform()) },
      (0..<n - 1).map { _ in 0.2 * exp(-6 * stream.uniform()) }
    )
  }

  @Test(arguments: [1, 2, 3, 17, 120]) func pairsMeetTheirEquation(n: Int) {
    let (d, e) = Self.random(n)
    let (values, vectors) = tridiagonalEigenpairs(diagonal: d, offDiagonal: e)
    #expect(values == values.sorted())
    #expect(abs(values.reduce(0, +) - d.reduce(0, +)) < 1e-13 * Double(n))
    for (value, v) in zip(values, vectors) {
      for i in 0..<n {
        let product = d[i] * v[i] + (i > 0 ? e[i - 1] * v[i - 1] : 0) + (i + 1 < n ? e[i] * v[i + 1] : 0)
        #expect(abs(product - value * v[i]) < 1e-14 * Double(n))
      }
    }
    for i in 0..<n {
      for j in 0...i { #expect(abs(dot(vectors[i], vectors[j]) - (i == j ? 1 : 0)) < 1e-13) }
    }
  }

  /// 2 on the diagonal and −1 beside it: 2 − 2 cos(kπ/(n + 1)).
  @Test func theSecondDifferenceHasItsKnownSpectrum() {
    let n = 50
    let (values, _) = tridiagonalEigenpairs(
      diagonal: [Double](repeating: 2, count: n), offDiagonal: [Double](repeating: -1, count: n - 1))
    for k in 1...n {
      #expect(abs(values[k - 1] - (2 - 2 * cos(.pi * Double(k) / Double(n + 1)))) < 1e-13)
    }
  }

  /// The ends, computed without the vectors, are those of all pairs to the last bit.
  @Test(arguments: [1, 2, 17, 120]) func endsAreTheExtremePairs(n: Int) {
    let (d, e) = Self.random(n)
    let (values, vectors) = tridiagonalEigenpairs(diagonal: d, offDiagonal: e)
    let ends = tridiagonalEnds(diagonal: d, offDiagonal: e)
    #expect(ends.low == (values[0], vectors[0][n - 1]))
    #expect(ends.high == (values[n - 1], vectors[n - 1][n - 1]))
  }

  /// A matrix that falls apart has the spectra of its parts.
  @Test func zerosBesideTheDiagonalSplitTheMatrix() {
    let (values, vectors) = tridiagonalEigenpairs(diagonal: [3, 1, 2, 2], offDiagonal: [0, 0, 1])
    #expect(values == [1, 1, 3, 3] || zip(values, [1.0, 1, 3, 3]).allSatisfy { abs($0 - $1) < 1e-15 })
    #expect(vectors.allSatisfy { abs(dot($0, $0) - 1) < 1e-15 })
  }
}
