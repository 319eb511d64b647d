// A model as the formulas of influence see it: losses, gradients and curvature products.

import NeuralNet
import Tensor

/// A model in float64: its losses, their gradients and curvature products, all without the regulariser. The formulas
/// run on nets and, in tests, on models with a closed form.
package protocol InfluenceModel {
  /// The sum of the losses over `images` at `parameters`.
  func lossSum(at parameters: [Double], over images: [Int]) throws -> Double
  /// The gradient of that sum; zero for no image.
  func gradientSum(at parameters: [Double], over images: [Int]) throws -> [Double]
  /// The product with the mean curvature over `images` at `parameters`; with `once` for a product or two.
  func curvature(_ kind: CurvatureKind, at parameters: [Double], over images: [Int], once: Bool) throws
    -> ([Double]) throws -> [Double]
  /// The Gauss-Newton curvature over a sample of about so many of `images`; see `CurvatureSample`.
  func sampledCurvature(_ size: Int, at parameters: [Double], over images: [Int], stream: RandomStream) throws
    -> CurvatureSample
  /// The places of the parameters that a selection chooses, ascending; see `selectParameters`.
  func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) throws -> [Int]
}

extension InfluenceModel {
  /// A model that tells nothing of its images has no sample.
  package func sampledCurvature(
    _ size: Int, at parameters: [Double], over images: [Int], stream: RandomStream
  ) throws -> CurvatureSample {
    throw InfluenceError.invalidOption(name: "solver", reason: "sampled-cg needs a net")
  }

  /// A model without layers has nothing to select.
  package func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) throws -> [Int] {
    throw InfluenceError.invalidOption(name: "selection", reason: "needs a model with layers")
  }
}

/// A net as an `InfluenceModel`: float32 kernels with float64 arithmetic around them.
struct NetworkModel: InfluenceModel {
  let network: Network
  let data: ImageSet
  let memoryCeiling: Int
  /// The share of the curvature images that a sample keeps activations of; 0 without samples.
  var sample = 0.0
  let pool: ThreadPool

  func lossSum(at parameters: [Double], over images: [Int]) throws -> Double {
    if images.isEmpty { return 0 }
    let result = try evaluate(
      network, parameters: parameters.map { Float($0) }, data: data, indices: images, pool: pool)
    return result.losses.reduce(0) { $0 + Double($1) }
  }

  func gradientSum(at parameters: [Double], over images: [Int]) throws -> [Double] {
    guard let first = images.first else { return [Double](repeating: 0, count: parameters.count) }
    let curvature = try Curvature(
      network, parameters: parameters.map { Float($0) }, data: data, indices: [first],
      memoryCeiling: leastMemory, pool: pool)
    return try curvature.gradientSum(over: images).gradient.map(Double.init)
  }

  /// What one pass needs that keeps no activations.
  private var leastMemory: Int {
    ChunkRunner.bytes(network, threads: pool.threads, slots: ChunkRunner.maximumSlots)
  }

  /// What products over a sample may take: their share of what is beyond the least of all passes.
  private var sampleMemory: Int { leastMemory + Int(sample * Double(memoryCeiling - 3 * leastMemory)) }

  func sampledCurvature(_ size: Int, at parameters: [Double], over images: [Int], stream: RandomStream) throws
    -> CurvatureSample
  {
    let point = parameters.map { Float($0) }
    let traces = try Curvature(
      network, parameters: point, data: data, indices: images, memoryCeiling: leastMemory, pool: pool
    ).lossHessianTraces()
    let (places, weights) = CurvatureSample.draw(size, by: traces, stream)
    // The curvature is a mean over the sample, its weights are of a mean over all images.
    let share = Double(places.count) / Double(images.count)
    let curvature = try Curvature(
      network, parameters: point, data: data, indices: places.map { images[$0] },
      weights: weights.map { Float($0 * share) }, memoryCeiling: sampleMemory, pool: pool)
    return CurvatureSample(share: share) { v in
      try curvature.gaussNewtonProduct(v.map { Float($0) }).map(Double.init)
    }
  }

  func curvature(_ kind: CurvatureKind, at parameters: [Double], over images: [Int], once: Bool) throws
    -> ([Double]) throws -> [Double]
  {
    // Beside the products that keep activations there is at most one pass that keeps none, and those of a sample.
    let most = memoryCeiling - leastMemory - (sample > 0 ? sampleMemory : 0)
    let curvature = try Curvature(
      network, parameters: parameters.map { Float($0) }, data: data, indices: images,
      memoryCeiling: once ? leastMemory : most, pool: pool)
    switch kind {
    case .gaussNewton:
      return { v in try curvature.gaussNewtonProduct(v.map { Float($0) }).map(Double.init) }
    case .hessian:
      return { v in try curvature.hessianProduct(v.map { Float($0) }).map(Double.init) }
    }
  }
}
