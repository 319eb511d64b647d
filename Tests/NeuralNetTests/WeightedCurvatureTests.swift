// Curvature in which images count differently, and how much of it each can make, against the float64 reference.

import NeuralNet
import Tensor
import Testing

@Suite struct WeightedCurvatureTests {
  /// More than a chunk of images, so that weights are taken from the right place in each.
  private let images = Array(3..<51)
  private let pool = ThreadPool(threads: 2)

  @Test func weightsCountImages() throws {
    for (network, shape) in [(try smallNet(), (6, 6, 1, 3)), (try residualNet(), (7, 6, 2, 4))] {
      let data = try randomImages(60, height: shape.0, width: shape.1, channels: shape.2, classes: shape.3)
      let parameters = unevenParameters(network, key: 4)
      let v = randomVector(network.parameterCount, key: 3)
      let weights = images.map { Float(($0 * 7) % 5) / 2 }
      let curvature = try Curvature(
        network, parameters: parameters, data: data, indices: images, weights: weights, weightDecay: 0.1,
        pool: pool)
      var expected = v.map { 0.1 * Double($0) }
      for (image, weight) in zip(images, weights) {
        let own = referenceMean(network, parameters, data, [image]) { pass, _ in
          pass.gaussNewtonProduct(v.map(Double.init))
        }
        for i in expected.indices { expected[i] += Double(weight) * own[i] / Double(images.count) }
      }
      #expect(relativeDistance(try curvature.gaussNewtonProduct(v), expected) < 1e-5)
    }
  }

  @Test func tracesAreThoseOfTheLossHessian() throws {
    let network = try residualNet()
    let data = try randomImages(60, height: 7, width: 6, channels: 2, classes: 4)
    let parameters = unevenParameters(network, key: 4)
    let curvature = try Curvature(network, parameters: parameters, data: data, indices: images, pool: pool)
    for (image, trace) in zip(images, curvature.lossHessianTraces()) {
      let expected = referenceMean(network, parameters, data, [image]) { pass, _ in
        // A vector as long as the parameters is what it takes the mean of.
        let own = 1 - pass.probabilities.reduce(0) { $0 + $1 * $1 }
        return [Double](repeating: own, count: network.parameterCount)
      }
      #expect(abs(Double(trace) - expected[0]) < 1e-5, "image \(image)")
    }
  }
}
