// Group influence: the change of the parameters that removes a group of images, by one of several schemes.

import NeuralNet
import Tensor

/// How the mean loss over some images changes by an influence, without the regulariser.
public struct LossChange: Sendable, Hashable {
  /// gᵀΔ.
  public let firstOrder: Double
  /// gᵀΔ + ½ ΔᵀHΔ with the curvature that the influence uses.
  public let secondOrder: Double
  /// Measured: the loss at θ + Δ less that at θ.
  public let actual: Double

  /// Predicted and measured changes.
  public init(firstOrder: Double, secondOrder: Double, actual: Double) {
    self.firstOrder = firstOrder
    self.secondOrder = secondOrder
    self.actual = actual
  }
}

/// The influence of a group at fixed parameters, and what is to be known to trust it.
public struct GroupInfluence: Sendable {
  /// The group's mean gradient [p]; in the mean scale with the regulariser's λθ.
  public let gradient: [Float]
  /// The change of the parameters [p] that removes the group: θ + change is the unlearned net. Zero for an
  /// empty group. With `negativeCurvature` the iterate before it was met, which is no step to take.
  public internal(set) var change: [Float]
  /// `secondOrder` and `pif`: the first-order change [p] of all parameters that they start from.
  public let firstOrder: [Float]?
  /// `gif`, `fif` and `pif`: the places of the parameters that they change, ascending.
  public let selected: [Int]?
  /// Solver iterations.
  public let iterations: Int
  /// Curvature products over all curvature images (`lissa`: also over batches), with those for eigenvalues and
  /// true residuals.
  public let products: Int
  /// The true relative residual, recomputed at the end; `gif`: of the normal equations; `secondOrder`: the worse of
  /// two.
  public let residual: Double
  /// `gif`: ‖b − H Δ‖ / ‖b‖, the part of the equation that no change of the selected parameters can meet.
  public let misfit: Double?
  /// Whether `residual` is within the tolerance asked for.
  public let converged: Bool
  /// Whether the solver met a direction of negative curvature and stopped there.
  public let negativeCurvature: Bool
  /// Estimates of the curvature's extreme eigenvalues, weight decay included and damping not, from inside;
  /// none if no product was made.
  public let curvature: ClosedRange<Double>?
  /// The damping given.
  public let damping: Double
  /// The damping that the change behaves as if it had: the given one and what a series' truncation adds.
  public let impliedDamping: Double
  /// ‖mean gradient + λθ‖ over the training set at θ, 0 at an optimum; nil if it was not asked for.
  public let gradientNorm: Double?
  /// The images that the curvature was a mean over, in the training set's order.
  public let curvatureImages: [Int]
  /// The group's images that its own curvature was a mean over: all, or as many as `hessianImages`.
  public let groupImages: [Int]
  /// Over `groupImages`, and over the curvature images that are retained; nil for an empty group or sample.
  public internal(set) var groupLoss: LossChange?
  /// See `groupLoss`.
  public internal(set) var retainedLoss: LossChange?
  /// How many curvature images there were.
  public var hessianImages: Int { curvatureImages.count }
}

/// The influence of `group` on a net trained on the images of `trainingSet`.
///
/// With n training images of which m are removed, q = m/(n − m), G_U the sum of the group's gradients and H the mean
/// curvature over images drawn from the training set, weight decay λ and damping included, the first-order change is
/// (1/(n − m)) H⁻¹ (G_U + m λ θ) in the mean scale and (1/n) H⁻¹ G_U in Koh's; see `InfluenceScale`. Both follow from
/// the stationarity of θ on the training set, where Σ gradients = −n λ θ. The other schemes are in `InfluenceScheme`
/// and, with signs and limits, in docs/influence.md.
///
/// - Parameters:
///   - parameters: θ [p], flat in state_dict order.
///   - spectrum: Eigenpairs of a curvature near this one, such as that at θ* for several groups: its images are the
///     curvature images, and the solver is preconditioned with it. The residual keeps its bound.
///   - stream: The source of the draw of curvature images (`stream.substream("hessian")`) and of the selected
///     parameters (`"selection"`).
///   - memoryCeiling: Bytes for passes over images and kept activations; see `InfluenceMemory` for what comes on top.
///   - progress: Called after each solver iteration; what it throws ends the computation and is rethrown.
/// - Throws: `InfluenceError`, `NeuralNetError`, and what `progress` throws. A solver that does not converge
///   is reported in the result.
public func groupInfluence(
  _ network: Network, parameters: [Float], data: ImageSet, trainingSet: [Int], group: [Int],
  options: InfluenceOptions = InfluenceOptions(), spectrum: CurvatureSpectrum? = nil, stream: RandomStream,
  memoryCeiling: Int = Curvature.defaultMemoryCeiling, pool: ThreadPool,
  progress: ((InfluenceProgress) throws -> Void)? = nil
) throws -> GroupInfluence {
  try InfluenceMemory.check(
    memoryCeiling, network, threads: pool.threads, samples: options.solver == .sampledCG)
  let model = NetworkModel(
    network: network, data: data, memoryCeiling: memoryCeiling,
    sample: options.solver == .sampledCG ? options.sample : 0, pool: pool)
  let result = try influence(
    model, parameters: parameters.map(Double.init), trainingSet: trainingSet, group: group, options: options,
    spectrum: spectrum, stream: stream, measuresGradient: spectrum?.gradientNorm == nil, progress: progress)
  return result.influence
}

/// An influence with its change in float64.
package struct InfluenceResult {
  package let influence: GroupInfluence
  package let change: [Double]
}

/// See `groupInfluence`; the formula for any model.
///
/// - Parameter measuresGradient: Whether to take the gradient over all of the training set, for its norm.
package func influence(
  _ model: some InfluenceModel, parameters: [Double], trainingSet: [Int], group: [Int],
  options: InfluenceOptions, spectrum: CurvatureSpectrum? = nil, stream: RandomStream,
  measuresGradient: Bool = true,
  progress: ((InfluenceProgress) throws -> Void)? = nil
) throws -> InfluenceResult {
  try options.check()
  try checkRemoval(of: group, from: trainingSet)
  if group.isEmpty { return nothing(parameters.count, options) }
  let removal = Removal(
    model: model, parameters: parameters, trainingSet: trainingSet, group: group, options: options,
    spectrum: spectrum, stream: stream)
  let gradient = try removal.groupGradient()
  guard gradient.allSatisfy(\.isFinite) else { throw InfluenceError.notFinite(what: "the group's gradient") }
  let (solution, change, firstOrder, selected) = try removal.change(gradient: gradient, progress: progress)
  guard change.allSatisfy(\.isFinite) else { throw InfluenceError.notFinite(what: "the change") }
  let norm = measuresGradient ? try removal.gradientNorm() : spectrum?.gradientNorm
  let losses = solution.negativeCurvature ? (nil, nil) : try removal.lossChanges(change)
  let influence = GroupInfluence(
    gradient: gradient.map { Float($0) }, change: change.map { Float($0) },
    firstOrder: firstOrder.map { $0.map { Float($0) } }, selected: selected, iterations: solution.iterations,
    products: solution.products, residual: solution.residual, misfit: solution.misfit,
    converged: solution.converged, negativeCurvature: solution.negativeCurvature,
    curvature: solution.curvature ?? spectrum?.range, damping: options.damping,
    impliedDamping: options.damping + solution.truncation, gradientNorm: norm,
    curvatureImages: removal.curvatureImages, groupImages: removal.groupImages, groupLoss: losses.0,
    retainedLoss: losses.1)
  return InfluenceResult(influence: influence, change: change)
}

/// The influence of an empty group.
private func nothing(_ count: Int, _ options: InfluenceOptions) -> InfluenceResult {
  let zero = [Float](repeating: 0, count: count)
  let influence = GroupInfluence(
    gradient: zero, change: zero, firstOrder: nil, selected: options.scheme.selects ? [] : nil, iterations: 0,
    products: 0, residual: 0, misfit: nil, converged: true, negativeCurvature: false, curvature: nil,
    damping: options.damping, impliedDamping: options.damping, gradientNorm: nil, curvatureImages: [],
    groupImages: [], groupLoss: nil, retainedLoss: nil)
  return InfluenceResult(influence: influence, change: [Double](repeating: 0, count: count))
}

/// `count` members of `images` in their order there, or all of them if there are no more.
func draw(_ count: Int, of images: [Int], _ stream: RandomStream) -> [Int] {
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
