// Single images' influences: their norms, and how far each is from that of a reference.

import NeuralNet
import Tensor

/// Norms of single images' gradients or influences, and their distances to that of a reference.
public struct ImageInfluences: Sendable {
  /// ‖vᵢ‖₂ of each image.
  public let norms: [Double]
  /// ‖vᵢ − v_ref‖₂ of each image.
  public let distances: [Double]
  /// ‖v_ref‖₂.
  public let referenceNorm: Double
  /// Solver iterations of all images and the reference; 0 for gradients.
  public let iterations: Int
  /// The worst true relative residual; 0 for gradients.
  public let residual: Double
  /// Whether every solve converged.
  public let converged: Bool
  /// How many images the curvature was a mean over; 0 for gradients.
  public let hessianImages: Int
}

/// Measures v of each of `images` against the mean v over `reference`.
///
/// Without `options` v is the gradient of the image's loss, without the regulariser. With them it is H⁻¹ of that,
/// with one Gauss-Newton curvature H for all, damping and weight decay included: removing the image from n moves
/// the parameters by v / (n − 1), see `groupInfluence`. By linearity the mean of v is v of the mean gradient.
///
/// - Parameters:
///   - parameters: θ [p], flat in state_dict order.
///   - images: Indices into `data`.
///   - reference: Indices into `data`, at least one.
///   - stream: The source of the draw of curvature images (`stream.substream("hessian")`) from all of `data`.
///   - progress: Called after each image with how many are done.
/// - Throws: `InfluenceError` and `NeuralNetError`. Solves that do not converge are told in the result.
public func imageInfluences(
  _ network: Network, parameters: [Float], data: ImageSet, images: [Int], reference: [Int],
  options: InfluenceOptions?, stream: RandomStream, memoryCeiling: Int = Curvature.defaultMemoryCeiling,
  pool: ThreadPool, progress: (Int) throws -> Void
) throws -> ImageInfluences {
  try options?.check()
  if reference.isEmpty { throw InfluenceError.invalidOption(name: "reference", reason: "has no image") }
  var curvatureImages: [Int] = []
  if let options {
    var draws = stream.substream("hessian")
    let size = min(options.hessianImages, data.count)
    curvatureImages = size == data.count ? Array(0..<size) : draws.sample(size, of: data.count).sorted()
  }
  let curvature = try Curvature(
    network, parameters: parameters, data: data, indices: options == nil ? [reference[0]] : curvatureImages,
    weightDecay: options?.weightDecay ?? 0, memoryCeiling: memoryCeiling, pool: pool)
  var solver = ImageSolver(curvature: curvature, options: options)
  let centre = try solver.vector(reference)
  var norms: [Double] = []
  var distances: [Double] = []
  for image in images {
    let v = try solver.vector([image])
    var own = 0.0
    var apart = 0.0
    for i in 0..<v.count {
      own += v[i] * v[i]
      apart += (v[i] - centre[i]) * (v[i] - centre[i])
    }
    norms.append(own.squareRoot())
    distances.append(apart.squareRoot())
    try progress(norms.count)
  }
  let squares = centre.reduce(0) { $0 + $1 * $1 }
  return ImageInfluences(
    norms: norms, distances: distances, referenceNorm: squares.squareRoot(),
    iterations: solver.iterations, residual: solver.residual, converged: solver.converged,
    hessianImages: curvatureImages.count)
}

/// The vectors v, and what became of their solves.
private struct ImageSolver {
  let curvature: Curvature
  let options: InfluenceOptions?
  private(set) var iterations = 0
  private(set) var residual = 0.0
  private(set) var converged = true

  init(curvature: Curvature, options: InfluenceOptions?) {
    self.curvature = curvature
    self.options = options
  }

  /// v of the mean gradient over some images.
  mutating func vector(_ indices: [Int]) throws -> [Double] {
    let scale = 1 / Double(indices.count)
    let gradient = try curvature.gradientSum(over: indices).gradient.map { Double($0) * scale }
    guard gradient.allSatisfy(\.isFinite) else {
      throw InfluenceError.notFinite(what: "the gradient of image \(indices[0])")
    }
    guard let options else { return gradient }
    let solution = try conjugateGradient(
      rhs: gradient, damping: options.damping, tolerance: options.tolerance,
      maxIterations: options.maxIterations
    ) { [curvature] v in try curvature.gaussNewtonProduct(v.map { Float($0) }).map(Double.init) }
    if solution.negativeCurvature {
      throw InfluenceError.negativeCurvature(step: 0, iteration: solution.iterations)
    }
    iterations += solution.iterations
    residual = max(residual, solution.relativeResidual)
    converged = converged && solution.converged
    return solution.x
  }
}
