// Extreme eigenvalues of a symmetric matrix that is known by its product.

import Tensor

/// What a Lanczos iteration knows of a symmetric matrix's ends of the spectrum.
public struct SpectrumEnds: Sendable, Hashable {
  /// The smallest Ritz value: an upper bound of the smallest eigenvalue.
  public let smallest: Double
  /// An eigenvalue lies this close to `smallest`.
  public let smallestError: Double
  /// The largest Ritz value: a lower bound of the largest eigenvalue.
  public let largest: Double
  /// An eigenvalue lies this close to `largest`.
  public let largestError: Double
  /// Products made.
  public let iterations: Int
  /// Whether both errors are within the tolerance.
  public let converged: Bool
}

/// Estimates the smallest and the largest eigenvalue of a symmetric A by the Lanczos iteration with full
/// reorthogonalisation (Golub & Van Loan, Matrix Computations, 4th ed., 10.3).
///
/// The error bounds are |β_m·s_m|, with s_m the last component of the Ritz vector in the Krylov basis. Memory:
/// 4 bytes × dimension × iterations.
///
/// - Parameters:
///   - stream: Draws the first vector.
///   - tolerance: Bound of both errors relative to the largest magnitude of the spectrum.
///   - progress: Called after each product; what it throws ends the iteration and is rethrown.
/// - Throws: `nonFiniteValue` naming the iteration; `invalidOption` for a dimension below 1.
public func lanczos(
  dimension: Int, stream: RandomStream, tolerance: Double = 1e-3, maxIterations: Int = 100,
  progress: ((_ iteration: Int) throws -> Void)? = nil, product: ([Double]) throws -> [Double]
) throws -> SpectrumEnds {
  guard dimension >= 1, maxIterations >= 1 else {
    throw NeuralNetError.invalidOption(name: "lanczos", reason: "needs a dimension and an iteration")
  }
  var draws = stream
  var v = (0..<dimension).map { _ in draws.normal() }
  let size = dot(v, v).squareRoot()
  for i in 0..<dimension { v[i] /= size }
  var basis: [[Float]] = []
  var diagonal: [Double] = []
  var beside: [Double] = []
  var previous = [Double](repeating: 0, count: dimension)
  while true {
    var w = try product(v)
    let overlap = dot(v, w)
    guard overlap.isFinite else {
      throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: diagonal.count + 1)
    }
    diagonal.append(overlap)
    try progress?(diagonal.count)
    let back = beside.last ?? 0
    for i in 0..<dimension { w[i] -= overlap * v[i] + back * previous[i] }
    basis.append(v.map { Float($0) })
    for u in basis { subtractProjection(of: &w, on: u) }
    let beta = dot(w, w).squareRoot()
    let ends = tridiagonalEnds(diagonal: diagonal, offDiagonal: beside)
    let scale = max(abs(ends.low.value), abs(ends.high.value), .leastNormalMagnitude)
    // A vanishing β means that the Krylov space is invariant: its Ritz values are exact.
    let exhausted = beta <= 1e-7 * scale || diagonal.count == dimension
    let lowError = exhausted ? 0 : beta * abs(ends.low.last)
    let highError = exhausted ? 0 : beta * abs(ends.high.last)
    let converged = max(lowError, highError) <= tolerance * scale
    if converged || diagonal.count >= maxIterations {
      return SpectrumEnds(
        smallest: ends.low.value, smallestError: lowError, largest: ends.high.value,
        largestError: highError, iterations: diagonal.count, converged: converged)
    }
    beside.append(beta)
    previous = v
    for i in 0..<dimension { v[i] = w[i] / beta }
  }
}

/// `lanczos` for products in float32.
public func lanczos(
  dimension: Int, stream: RandomStream, tolerance: Double = 1e-3, maxIterations: Int = 100,
  progress: ((_ iteration: Int) throws -> Void)? = nil, product: ([Float]) throws -> [Float]
) throws -> SpectrumEnds {
  try lanczos(
    dimension: dimension, stream: stream, tolerance: tolerance, maxIterations: maxIterations,
    progress: progress
  ) { v in try product(v.map { Float($0) }).map(Double.init) }
}

private func subtractProjection(of w: inout [Double], on u: [Float]) {
  w.withUnsafeMutableBufferPointer { w in
    u.withUnsafeBufferPointer { u in
      var overlap = 0.0
      for i in 0..<w.count { overlap += w[i] * Double(u[i]) }
      for i in 0..<w.count { w[i] -= overlap * Double(u[i]) }
    }
  }
}
