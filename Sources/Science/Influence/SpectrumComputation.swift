// Computes the largest eigenpairs of a curvature by the Lanczos iteration.

import NeuralNet
import Tensor

/// The largest eigenpairs of a net's mean curvature over images drawn from the training set, weight decay included, by
/// the Lanczos iteration with full reorthogonalisation (Golub & Van Loan, Matrix Computations, 4th ed., 10.3).
///
/// Two products a pair: the pairs near the end of the list are the least accurate, see `CurvatureSpectrum.residuals`;
/// a preconditioner needs no more. Memory beside that of the ceiling: see `InfluenceMemory`.
///
/// - Parameters:
///   - pairs: How many are wanted; fewer are returned where there are fewer.
///   - options: The kind of curvature, its images and weight decay.
///   - stream: Draws the images (`substream("hessian")`, as one step of influence does) and the first vector.
/// - Throws: `InfluenceError`, `NeuralNetError`, and what `progress` throws.
public func curvatureSpectrum(
  _ network: Network, parameters: [Float], data: ImageSet, trainingSet: [Int], pairs: Int,
  options: InfluenceOptions = InfluenceOptions(), stream: RandomStream,
  memoryCeiling: Int = Curvature.defaultMemoryCeiling, pool: ThreadPool,
  progress: ((_ product: Int, _ of: Int) throws -> Void)? = nil
) throws -> CurvatureSpectrum {
  try InfluenceMemory.check(memoryCeiling, network, threads: pool.threads)
  let model = NetworkModel(network: network, data: data, memoryCeiling: memoryCeiling, pool: pool)
  return try curvatureSpectrum(
    model, parameters: parameters.map(Double.init), trainingSet: trainingSet, pairs: pairs, options: options,
    stream: stream, progress: progress)
}

/// See `curvatureSpectrum` for nets; for any model.
package func curvatureSpectrum(
  _ model: some InfluenceModel, parameters: [Double], trainingSet: [Int], pairs: Int,
  options: InfluenceOptions, stream: RandomStream, progress: ((Int, Int) throws -> Void)? = nil
) throws -> CurvatureSpectrum {
  precondition(pairs >= 1, "a spectrum has at least one pair")
  let images = draw(options.hessianImages, of: trainingSet, stream.substream("hessian"))
  let bare = try model.curvature(options.curvature, at: parameters, over: images, once: false)
  let count = parameters.count
  let decay = Double(options.weightDecay)
  let krylov = try KrylovSpace(
    dimension: count, most: min(count, 2 * pairs), stream: stream.substream("lanczos"), progress: progress
  ) { v in
    var product = try bare(v)
    for i in 0..<count { product[i] += decay * v[i] }
    return product
  }
  let found = krylov.largestPairs(min(pairs, krylov.size))
  var gradient = try model.gradientSum(at: parameters, over: trainingSet)
  for i in 0..<count { gradient[i] = gradient[i] / Double(trainingSet.count) + decay * parameters[i] }
  return CurvatureSpectrum(
    values: found.values, vectors: found.vectors, residuals: found.residuals, range: krylov.range,
    images: images, gradientNorm: dot(gradient, gradient).squareRoot(), products: krylov.size)
}

/// The Krylov space of a symmetric matrix from a drawn vector, with an orthonormal basis in float32.
private struct KrylovSpace: ~Copyable {
  /// Products made: the dimension of the space.
  var size: Int { diagonal.count }
  /// The extreme Ritz values.
  var range: ClosedRange<Double> { ritz[0]...ritz[size - 1] }
  private let dimension: Int
  /// [size, dimension], row after row.
  private let basis: Buffer<Float>
  private var diagonal: [Double] = []
  private var beside: [Double] = []
  /// Norm of what the last product leaves beside the space.
  private var last = 0.0
  /// Ritz values, ascending, and their vectors' coefficients in the basis.
  private var ritz: [Double] = []
  private var coefficients: [[Double]] = []

  /// Makes up to `most` products, fewer where the space is invariant before.
  init(
    dimension: Int, most: Int, stream: RandomStream, progress: ((_ product: Int, _ of: Int) throws -> Void)?,
    product: ([Double]) throws -> [Double]
  ) throws {
    self.dimension = dimension
    basis = Buffer(count: most * dimension)
    let scratch = Buffer<Float>(count: dimension + most)
    var draws = stream
    var v = (0..<dimension).map { _ in draws.normal() }
    scale(&v, by: 1 / dot(v, v).squareRoot())
    while true {
      let row = diagonal.count
      for i in 0..<dimension { basis.pointer[row * dimension + i] = Float(v[i]) }
      var w = try product(v)
      let overlap = dot(v, w)
      guard overlap.isFinite else {
        throw NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: row + 1)
      }
      diagonal.append(overlap)
      // Twice is enough (Parlett, The Symmetric Eigenvalue Problem, 6.9).
      for _ in 0..<2 { subtractProjections(&w, basis.pointer, rows: row + 1, scratch.pointer) }
      last = dot(w, w).squareRoot()
      try progress?(row + 1, most)
      // A vanishing remainder means that the Krylov space is invariant.
      if row + 1 == most || last <= 1e-7 * (diagonal.max() ?? 0) { break }
      beside.append(last)
      v = w
      scale(&v, by: 1 / last)
    }
    (ritz, coefficients) = tridiagonalEigenpairs(diagonal: diagonal, offDiagonal: beside)
  }

  /// The largest Ritz pairs, from the largest on, with the norms of their residuals.
  func largestPairs(_ kept: Int) -> (values: [Double], vectors: [Float], residuals: [Double]) {
    let chosen = (size - kept..<size).reversed()
    let turned = chosen.flatMap { coefficients[$0].map { Float($0) } }
    let vectors = [Float](unsafeUninitializedCapacity: kept * dimension) { vectors, initialized in
      if let vectors = vectors.baseAddress {
        turned.withUnsafeBufferPointer { turned in
          Gemm.multiply(
            m: kept, n: dimension, k: size, a: turned.baseAddress!, lda: size, b: basis.pointer,
            ldb: dimension, c: vectors, ldc: dimension)
        }
      }
      initialized = kept * dimension
    }
    return (chosen.map { ritz[$0] }, vectors, chosen.map { abs(last * coefficients[$0][size - 1]) })
  }
}

private func scale(_ v: inout [Double], by factor: Double) {
  for i in v.indices { v[i] *= factor }
}

/// w ← w − BᵀB w for the first rows of a basis; `scratch` holds w in float32 and the coefficients.
private func subtractProjections(
  _ w: inout [Double], _ basis: UnsafePointer<Float>, rows: Int, _ scratch: UnsafeMutablePointer<Float>
) {
  let count = w.count
  let coefficients = scratch + count
  for i in 0..<count { scratch[i] = Float(w[i]) }
  Gemm.multiply(m: rows, n: 1, k: count, a: basis, lda: count, b: scratch, ldb: 1, c: coefficients, ldc: 1)
  Gemm.multiply(
    m: 1, n: count, k: rows, a: coefficients, lda: rows, b: basis, ldb: count, c: scratch, ldc: count)
  for i in 0..<count { w[i] -= Double(scratch[i]) }
}
