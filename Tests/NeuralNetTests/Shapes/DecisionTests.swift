// The ends of a decision: classes of one probability, and a class that has all of it.

import Foundation
import NeuralNet
import Tensor
import Testing

@Suite struct DecisionTests {
  private let pool = ThreadPool(threads: 1)
  private let network: Network
  private let data: ImageSet

  init() throws {
    network = try Network(name: "linear", input: Shape(1, 6, 6), layers: [.linear(name: "c", outputs: 3)])
    data = try randomImages(40, height: 6, width: 6, classes: 3)
  }

  /// Of classes that are equally likely the first is decided for, as in NumPy's and PyTorch's argmax.
  @Test func aTieGoesToTheFirstClass() throws {
    var parameters = [Float](repeating: 0, count: network.parameterCount)
    func accuracy() throws -> Double {
      try evaluate(network, parameters: parameters, data: data, indices: Array(0..<40), pool: pool).accuracy
    }
    func share(_ label: UInt8) -> Double { Double(data.labels.count { $0 == label }) / 40 }
    #expect(Set((0..<3).map { share(UInt8($0)) }).count > 1, "the shares tell the classes apart")
    #expect(try accuracy() == share(0))
    // Of the second and the third, the second.
    (parameters[109], parameters[110]) = (1, 1)
    #expect(try accuracy() == share(1))
  }

  /// However sure a right decision is, its gradient is p - y: minus the other classes' probabilities, e⁻⁴⁰ each, and not the
  /// zero that 1 - p rounds to.
  @Test func theGradientOfASureDecisionIsNotZero() throws {
    var parameters = [Float](repeating: 0, count: network.parameterCount)
    parameters[108] = 40
    let right = (0..<40).filter { data.labels[$0] == 0 }
    let curvature = try Curvature(network, parameters: parameters, data: data, indices: right, pool: pool)
    let gradient = try curvature.gradient().gradient
    let rest = Float(exp(-40.0))
    #expect(abs(gradient[109] / rest - 1) < 1e-4 && abs(gradient[110] / rest - 1) < 1e-4)
    #expect(abs(gradient[108] / (-2 * rest) - 1) < 1e-4)
  }
}
