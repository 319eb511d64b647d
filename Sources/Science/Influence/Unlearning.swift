// k-step unlearning: a group removed part by part, gradient and curvature anew at each step.

import NeuralNet
import Tensor

/// The outcome of unlearning.
public struct Unlearning: Sendable {
  /// The parameters [p] after the last step.
  public let parameters: [Float]
  /// The influence of each part at the parameters that it was removed from, in order.
  public let steps: [GroupInfluence]

  /// Whether the solver converged at every step.
  public var converged: Bool { steps.allSatisfy(\.converged) }
}

/// Removes the parts of a group one after the other from a net trained on the images of `trainingSet`.
///
/// Step j adds to the current parameters θⱼ the influence of part j by the scheme of the options, taken at θⱼ as if it
/// were the optimum for the images that are left: the gradient is that of part j at θⱼ, the curvature a mean over
/// images drawn anew from those left (part j, which is about to go, included; `newton`: excluded), and n and m count
/// those left and part j. A single part is one-step unlearning. An empty part changes nothing.
///
/// - Parameters:
///   - parts: Disjoint sets of training images in the order of their removal.
///   - spectrum: Eigenpairs of the curvature at the first parameters: the curvature images of each step are those of
///     its images that are left, and each solve is preconditioned with it.
///   - stream: Step j draws its curvature images from `stream.substream(j)`, so the first step of any
///     division into parts sees the same images.
///   - progress: Called after each solver iteration with the number of the step.
/// - Throws: `InfluenceError.negativeCurvature` when a solver meets it, for there is no step to go on from;
///   other `InfluenceError`s, `NeuralNetError`, and what `progress` throws. A solver that merely misses its
///   tolerance is reported in the result.
public func unlearn(
  _ network: Network, parameters: [Float], data: ImageSet, trainingSet: [Int], parts: [[Int]],
  options: InfluenceOptions = InfluenceOptions(), spectrum: CurvatureSpectrum? = nil, stream: RandomStream,
  memoryCeiling: Int = Curvature.defaultMemoryCeiling, pool: ThreadPool,
  progress: ((_ step: Int, InfluenceProgress) throws -> Void)? = nil
) throws -> Unlearning {
  try InfluenceMemory.check(
    memoryCeiling, network, threads: pool.threads, samples: options.solver == .sampledCG)
  let model = NetworkModel(
    network: network, data: data, memoryCeiling: memoryCeiling,
    sample: options.solver == .sampledCG ? options.sample : 0, pool: pool)
  let result = try unlearn(
    model, parameters: parameters.map(Double.init), trainingSet: trainingSet, parts: parts, options: options,
    spectrum: spectrum, stream: stream, progress: progress)
  return Unlearning(parameters: result.parameters.map { Float($0) }, steps: result.steps)
}

/// See `unlearn` for nets; the steps for any model.
package func unlearn(
  _ model: some InfluenceModel, parameters: [Double], trainingSet: [Int], parts: [[Int]],
  options: InfluenceOptions, spectrum: CurvatureSpectrum? = nil, stream: RandomStream,
  progress: ((_ step: Int, InfluenceProgress) throws -> Void)? = nil
) throws -> (parameters: [Double], steps: [GroupInfluence]) {
  try checkRemoval(of: parts.flatMap { $0 }, from: trainingSet)
  var current = parameters
  var left = trainingSet
  var steps: [GroupInfluence] = []
  for (step, part) in parts.enumerated() {
    let result = try influence(
      model, parameters: current, trainingSet: left, group: part, options: options,
      spectrum: spectrum, stream: stream.substream(step),
      measuresGradient: step == 0 && spectrum?.gradientNorm == nil,
      progress: progress.map { report in { try report(step, $0) } })
    if result.influence.negativeCurvature {
      throw InfluenceError.negativeCurvature(step: step, iteration: result.influence.iterations)
    }
    for i in current.indices { current[i] += result.change[i] }
    steps.append(result.influence)
    let removed = Set(part)
    left.removeAll(where: removed.contains)
  }
  return (current, steps)
}
