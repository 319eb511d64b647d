// Logistic regression as a model whose influence is computed, all in float64.

import NeuralNet
import Tensor

/// The losses of `SoftmaxRegression` for the influence schemes: at a minimum, with real retraining at hand, they can
/// be held to the truth.
package struct SoftmaxModel: InfluenceModel {
  private let data: ImageSet
  private let classes: Int
  private let pool: ThreadPool

  /// The model on some images; parameters are flat, as `SoftmaxRegression` has them.
  package init(data: ImageSet, classes: Int = 10, pool: ThreadPool) {
    self.data = data
    self.classes = classes
    self.pool = pool
  }

  private func regression(_ parameters: [Double], over images: [Int]) throws(NeuralNetError)
    -> SoftmaxRegression
  {
    try SoftmaxRegression(
      parameters: parameters, data: data, indices: images, weightDecay: 0, classes: classes, pool: pool)
  }

  package func lossSum(at parameters: [Double], over images: [Int]) throws -> Double {
    guard let first = images.first else { return 0 }
    return try regression(parameters, over: [first]).losses(over: images).reduce(0, +)
  }

  package func gradientSum(at parameters: [Double], over images: [Int]) throws -> [Double] {
    guard let first = images.first else { return [Double](repeating: 0, count: parameters.count) }
    return try regression(parameters, over: [first]).gradientSum(over: images)
  }

  /// The Hessian, which is the Gauss-Newton matrix too, as outputs are linear in the parameters.
  package func curvature(
    _ kind: CurvatureKind, at parameters: [Double], over images: [Int], once: Bool
  ) throws -> ([Double]) throws -> [Double] {
    let regression = try regression(parameters, over: images)
    return { v in try regression.hessianProduct(v) }
  }
}
