// The largest eigenpairs of a curvature, computed once for many groups, and the preconditioner made of them.

import NeuralNet
import Tensor

/// The top of the spectrum of a net's curvature at fixed parameters, weight decay included and damping not.
public struct CurvatureSpectrum: Sendable {
  /// Eigenvalues, descending.
  public let values: [Double]
  /// Unit eigenvectors [values.count, p], row after row.
  public let vectors: [Float]
  /// For each pair, ‖H v − θ v‖: an eigenvalue lies this close to the value.
  public let residuals: [Double]
  /// The extreme Ritz values of all products: estimates of the extreme eigenvalues from inside.
  public let range: ClosedRange<Double>
  /// The images that the curvature is a mean over.
  public let images: [Int]
  /// ‖mean gradient + λθ‖ over the training set.
  public let gradientNorm: Double?
  /// Curvature products made.
  public let products: Int

  /// A spectrum from its parts, as an artifact holds them.
  public init(
    values: [Double], vectors: [Float], residuals: [Double], range: ClosedRange<Double>, images: [Int],
    gradientNorm: Double?, products: Int
  ) {
    precondition(values.isEmpty || vectors.count % values.count == 0, "a vector for each value")
    self.values = values
    self.vectors = vectors
    self.residuals = residuals
    self.range = range
    self.images = images
    self.gradientNorm = gradientNorm
    self.products = products
  }

  /// r ↦ M⁻¹ r for M = σI + V (D − σI) Vᵀ among the parameters at `places` (nil: all), with D the eigenvalues plus
  /// the damping, to a power (2: the normal equations of a least squares), and σ the least of them: what is not among
  /// the eigenvectors is taken for as curved as the last. Applied by Woodbury's identity. Symmetric and positive
  /// definite for whatever system it is used with.
  func preconditioner(damping: Double, power: Int, places: [Int]?) -> (([Double]) -> [Double])? {
    let count = values.prefix { $0 + damping > 0 }.count
    if count < 2 { return nil }
    let parameters = vectors.count / values.count
    let floor = Self.raised(values[count - 1] + damping, power)
    // The last pair is the floor itself.
    let rank = count - 1
    let size = places?.count ?? parameters
    // In float64: the part that M⁻¹ makes small is what is left of a difference.
    let rows = Buffer<Double>(count: rank * size)
    for row in 0..<rank {
      for i in 0..<size {
        rows.pointer[row * size + i] = Double(vectors[row * parameters + (places?[i] ?? i)])
      }
    }
    // M⁻¹ = (I − V (σ(D − σ)⁻¹ + VᵀV)⁻¹ Vᵀ)/σ; on all parameters VᵀV is I to rounding.
    var inner = [Double](repeating: 0, count: rank * rank)
    Gemm.multiply(
      m: rank, n: rank, k: size, a: rows.pointer, lda: size, b: rows.pointer, ldb: size, transposeB: true,
      c: &inner, ldc: rank)
    for i in 0..<rank {
      let excess = Self.raised(values[i] + damping, power) - floor
      // A pair no larger than the floor needs no correction: an infinite weight takes it out.
      inner[i * rank + i] += excess > 1e-12 * floor ? floor / excess : 1e12
    }
    guard let factor = cholesky(inner, size: rank) else { return nil }
    return { r in
      var along = [Double](repeating: 0, count: rank)
      Gemm.multiply(m: rank, n: 1, k: size, a: rows.pointer, lda: size, b: r, ldb: 1, c: &along, ldc: 1)
      let weights = solve(factor, size: rank, along)
      var result = r
      Gemm.multiply(
        m: 1, n: size, k: rank, alpha: -1 / floor, a: weights, lda: rank, b: rows.pointer, ldb: size,
        beta: 1 / floor, c: &result, ldc: size)
      return result
    }
  }

  private static func raised(_ value: Double, _ power: Int) -> Double { power == 2 ? value * value : value }
}

/// The lower Cholesky factor of a symmetric matrix, or nil if it is not positive definite.
private func cholesky(_ matrix: [Double], size: Int) -> [Double]? {
  var l = matrix
  for j in 0..<size {
    for i in j..<size {
      var sum = l[i * size + j]
      for k in 0..<j { sum -= l[i * size + k] * l[j * size + k] }
      if i == j {
        guard sum > 0 else { return nil }
        l[i * size + j] = sum.squareRoot()
      } else {
        l[i * size + j] = sum / l[j * size + j]
      }
    }
  }
  return l
}

/// x with L Lᵀ x = b.
private func solve(_ l: [Double], size: Int, _ b: [Double]) -> [Double] {
  var x = b
  for i in 0..<size {
    for k in 0..<i { x[i] -= l[i * size + k] * x[k] }
    x[i] /= l[i * size + i]
  }
  for i in stride(from: size - 1, through: 0, by: -1) {
    for k in i + 1..<size { x[i] -= l[k * size + i] * x[k] }
    x[i] /= l[i * size + i]
  }
  return x
}
