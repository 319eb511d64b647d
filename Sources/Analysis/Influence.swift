// First-order group influence: the change of the parameters that removes a group of images.

import NeuralNet
import Tensor

/// The first-order influence of a group at fixed parameters.
public struct GroupInfluence: Sendable {
  /// The group's mean gradient [p]; in the mean scale with the regulariser's λθ.
  public let gradient: [Float]
  /// The change of the parameters [p] that removes the group: θ + change is the unlearned net. Zero for an
  /// empty group. With `negativeCurvature` the iterate before it was met, which is no step to take.
  public let change: [Float]
  /// Solver iterations.
  public let iterations: Int
  /// The true relative residual, recomputed at the end.
  public let residual: Double
  /// Whether `residual` is within the tolerance asked for.
  public let converged: Bool
  /// Whether the solver met a direction of negative curvature and stopped there.
  public let negativeCurvature: Bool
  /// Estimates of the curvature's extreme eigenvalues, weight decay included and damping not, from inside;
  /// none if no product was made.
  public let curvature: ClosedRange<Double>?
  /// The damping used.
  public let damping: Double
  /// The images that the curvature was a mean over, in the training set's order.
  public let curvatureImages: [Int]
  /// How many they were.
  public var hessianImages: Int { curvatureImages.count }
}

/// The first-order influence of `group` on a net trained on the images of `trainingSet`.
///
/// With n training images of which m are removed, G_U the sum of the group's gradients and H the mean
/// Gauss-Newton curvature over images drawn from the training set, weight decay λ and damping included, the
/// change is (1/(n − m)) H⁻¹ (G_U + m λ θ) in the mean scale and (1/n) H⁻¹ G_U in Koh's; see `InfluenceScale`.
/// Both follow from the stationarity of θ on the training set, where Σ gradients = −n λ θ.
///
/// - Parameters:
///   - parameters: θ [p], flat in state_dict order.
///   - stream: The source of the draw of curvature images (`stream.substream("hessian")`).
///   - start: A first iterate for the solver, in the scale of the change; zero by default.
///   - progress: Called after each solver iteration; what it throws ends the computation and is rethrown.
/// - Throws: `InfluenceError`, `NeuralNetError`, and what `progress` throws. A solver that does not converge
///   is reported in the result.
public func groupInfluence(
  _ network: Network, parameters: [Float], data: ImageSet, trainingSet: [Int], group: [Int],
  options: InfluenceOptions = InfluenceOptions(), stream: RandomStream, start: [Float]? = nil,
  memoryCeiling: Int = Curvature.defaultMemoryCeiling, pool: ThreadPool,
  progress: ((SolverProgress) throws -> Void)? = nil
) throws -> GroupInfluence {
  let model = NetworkModel(network: network, data: data, memoryCeiling: memoryCeiling, pool: pool)
  let result = try firstOrderInfluence(
    model, parameters: parameters.map(Double.init), trainingSet: trainingSet, group: group, options: options,
    stream: stream, start: start.map { $0.map(Double.init) }, progress: progress)
  return result.influence
}

/// A model as the formulas see it, in float64: gradients and curvature products of its loss without the
/// regulariser. The formulas run on nets and, in tests, on models with a closed form.
package protocol InfluenceModel {
  /// The gradient of the sum of the losses over `images` and a product with the mean curvature over
  /// `curvatureImages`, both at `parameters`.
  func derivatives(at parameters: [Double], gradientOver images: [Int], curvatureOver curvatureImages: [Int])
    throws -> (gradientSum: [Double], product: ([Double]) throws -> [Double])
}

/// A net as an `InfluenceModel`: float32 kernels with float64 arithmetic around them.
struct NetworkModel: InfluenceModel {
  let network: Network
  let data: ImageSet
  let memoryCeiling: Int
  let pool: ThreadPool

  func derivatives(at parameters: [Double], gradientOver images: [Int], curvatureOver curvatureImages: [Int])
    throws -> (gradientSum: [Double], product: ([Double]) throws -> [Double])
  {
    let curvature = try Curvature(
      network, parameters: parameters.map { Float($0) }, data: data, indices: curvatureImages,
      memoryCeiling: memoryCeiling, pool: pool)
    let gradient = try curvature.gradientSum(over: images).gradient.map(Double.init)
    return (gradient, { v in try curvature.gaussNewtonProduct(v.map { Float($0) }).map(Double.init) })
  }
}

/// An influence with its change in float64.
package struct FirstOrderResult {
  package let influence: GroupInfluence
  package let change: [Double]
}

/// See `groupInfluence`; the formula for any model.
package func firstOrderInfluence(
  _ model: some InfluenceModel, parameters: [Double], trainingSet: [Int], group: [Int],
  options: InfluenceOptions, stream: RandomStream, start: [Double]? = nil,
  progress: ((SolverProgress) throws -> Void)? = nil
) throws -> FirstOrderResult {
  try options.check()
  try checkRemoval(of: group, from: trainingSet)
  let n = trainingSet.count
  let m = group.count
  let p = parameters.count
  if m == 0 {
    let zero = [Float](repeating: 0, count: p)
    let influence = GroupInfluence(
      gradient: zero, change: zero, iterations: 0, residual: 0, converged: true, negativeCurvature: false,
      curvature: nil, damping: options.damping, curvatureImages: [])
    return FirstOrderResult(influence: influence, change: [Double](repeating: 0, count: p))
  }

  let curvatureImages = draw(options.hessianImages, of: trainingSet, stream.substream("hessian"))
  let decay = Double(options.weightDecay)
  let (gradientSum, product) = try model.derivatives(
    at: parameters, gradientOver: group, curvatureOver: curvatureImages)
  var gradient = gradientSum.map { $0 / Double(m) }
  if options.scale == .mean { for i in 0..<p { gradient[i] += decay * parameters[i] } }
  guard gradient.allSatisfy(\.isFinite) else { throw InfluenceError.notFinite(what: "the group's gradient") }

  let factor = Double(m) / Double(options.scale == .mean ? n - m : n)
  let solution = try conjugateGradient(
    rhs: gradient.map { $0 * factor }, damping: options.damping, tolerance: options.tolerance,
    maxIterations: options.maxIterations, start: start, progress: progress
  ) { v in
    var result = try product(v)
    for i in 0..<p { result[i] += decay * v[i] }
    return result
  }
  guard solution.x.allSatisfy(\.isFinite) else { throw InfluenceError.notFinite(what: "the change") }
  let influence = GroupInfluence(
    gradient: gradient.map { Float($0) }, change: solution.x.map { Float($0) },
    iterations: solution.iterations, residual: solution.relativeResidual, converged: solution.converged,
    negativeCurvature: solution.negativeCurvature, curvature: solution.curvature, damping: options.damping,
    curvatureImages: curvatureImages)
  return FirstOrderResult(influence: influence, change: solution.x)
}

/// `count` members of `images` in their order there, or all of them if there are no more.
private func draw(_ count: Int, of images: [Int], _ stream: RandomStream) -> [Int] {
  if count >= images.count { return images }
  var draws = stream
  return draws.sample(count, of: images.count).sorted().map { images[$0] }
}

/// Throws unless `group` is a set of members of the set `images` that leaves at least one.
func checkRemoval(of group: [Int], from images: [Int]) throws(InfluenceError) {
  var left = Set<Int>(minimumCapacity: images.count)
  for index in images where !left.insert(index).inserted { throw .duplicate(index: index) }
  var removed = Set<Int>(minimumCapacity: group.count)
  for index in group {
    if !removed.insert(index).inserted { throw .duplicate(index: index) }
    if !left.contains(index) { throw .notInTrainingSet(index: index) }
  }
  if !group.isEmpty, group.count == images.count { throw .nothingRetained }
}
