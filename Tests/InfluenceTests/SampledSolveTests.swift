// Solves that are preconditioned by a sample of the curvature images: the same answers, in fewer passes over all.

import Influence
import NeuralNet
import SampleData
import Tensor
import Testing

@Suite struct SampledSolveTests {
  /// Of 400 draws of about 30 of 200 images: sizes and weights are right on average, and a weight is what it should be.
  @Test func aSampleIsUnbiased() throws {
    let traces = uniforms(71, 200).map { Float($0 * $0 * $0) }
    let stream = RandomStream(key: 5)
    var sizes: [Double] = []
    var sums = [Double](repeating: 0, count: 200)
    var known = [Double](repeating: 0, count: 200)
    for draw in 0..<400 {
      let (places, weights) = CurvatureSample.draw(30, by: traces, stream.substream(draw))
      #expect(places == places.sorted() && Set(places).count == places.count)
      sizes.append(Double(places.count))
      for (place, weight) in zip(places, weights) {
        #expect(weight >= 1 && (known[place] == 0 || known[place] == weight))
        known[place] = weight
        sums[place] += weight / 400
      }
    }
    // Weights are the inverse of probabilities that grow with the trace, and those add up to the size.
    let drawn = known.indices.filter { known[$0] > 1 }
    for (a, b) in zip(drawn, drawn.dropFirst()) {
      #expect(abs(known[a] * Double(traces[a]) / (known[b] * Double(traces[b])) - 1) < 1e-9)
    }
    #expect(abs(sizes.reduce(0, +) / 400 - 30) < 1)
    // The variance of a sum of draws is (weight − 1)/400; six deviations.
    for place in drawn {
      #expect(abs(sums[place] - 1) < 6 * ((known[place] - 1) / 400).squareRoot(), "\(place)")
    }
  }

  @Test func aSampleOfAllOrOfSureImages() {
    let all = CurvatureSample.draw(9, by: [0.1, 0.3, 0.2, 0], RandomStream(key: 1))
    #expect(all.places == [0, 1, 2] && all.weights == [1, 1, 1])
    let sure = CurvatureSample.draw(1, by: [0, 0, 0], RandomStream(key: 1))
    #expect(!sure.places.isEmpty && sure.places.allSatisfy { (0..<3).contains($0) })
  }

  /// So few images with so little certainty are no case for a sample, whose products cost most here: fewer passes over all
  /// is what it has to show.
  @Test func solvesTheSameSystemInFewerPasses() throws {
    let data = try NetworkInfluenceTests.images()
    let (network, theta) = try NetworkInfluenceTests.trained(data)
    let pool = ThreadPool(threads: 2)
    let group = Array(stride(from: 0, to: 200, by: 10))
    var options = NetworkInfluenceTests.options
    options.hessianImages = 400
    options.damping = 0.002
    options.tolerance = 1e-4
    func solve(_ solver: InfluenceSolver, spectrum: CurvatureSpectrum? = nil) throws -> GroupInfluence {
      options.solver = solver
      return try groupInfluence(
        network, parameters: theta, data: data, trainingSet: NetworkInfluenceTests.all, group: group,
        options: options, spectrum: spectrum, stream: RandomStream(key: 9), pool: pool)
    }
    let plain = try solve(.cg)
    options.sample = 0.3
    let sampled = try solve(.sampledCG)
    #expect(sampled.converged && sampled.residual <= 1e-4)
    #expect(sampled.iterations < plain.iterations / 2, "\(sampled.iterations), \(plain.iterations)")
    // Both residuals are 1e-4, so that the answers differ by that over the damping's share of the curvature at most.
    #expect(relativeDistance(sampled.change.map(Double.init), plain.change.map(Double.init)) < 2e-3)
    #expect(try NetworkInfluenceTests.misfit(of: sampled, for: group, network, theta, data, options) < 2e-4)
    #expect(try solve(.sampledCG).change == sampled.change, "another draw")

    let spectrum = try curvatureSpectrum(
      network, parameters: theta, data: data, trainingSet: NetworkInfluenceTests.all, pairs: 10,
      options: options,
      stream: RandomStream(key: 2), pool: pool)
    let both = try solve(.sampledCG, spectrum: spectrum)
    #expect(both.converged && both.products < sampled.products, "\(both.products), \(sampled.products)")
  }

  @Test func whatItCannotSolveIsRefused() throws {
    let data = try NetworkInfluenceTests.images()
    let network = try Network.named("lenet")
    let theta = network.initialParameters(stream: RandomStream(key: 1))
    func refusal(_ change: (inout InfluenceOptions) -> Void) -> InfluenceError? {
      var options = NetworkInfluenceTests.options
      options.solver = .sampledCG
      change(&options)
      return #expect(throws: InfluenceError.self) {
        try groupInfluence(
          network, parameters: theta, data: data, trainingSet: NetworkInfluenceTests.all, group: [1],
          options: options, stream: RandomStream(key: 1), pool: ThreadPool(threads: 1))
      }
    }
    #expect("\(try #require(refusal { $0.curvature = .hessian }))".contains("must be gauss-newton"))
    #expect("\(try #require(refusal { $0.scheme = .gif }))".contains("gif"))
    #expect("\(try #require(refusal { $0.sample = 0 }))".contains("sample"))
    #expect("\(try #require(refusal { $0.productBudget = 9 }))".contains("solver cg"))
  }
}

/// ‖a − b‖ / ‖b‖.
private func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
  distance(a, b) / dot(b, b).squareRoot()
}
