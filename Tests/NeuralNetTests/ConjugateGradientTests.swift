// Conjugate gradients against dense solutions, and their honesty.

import NeuralNet
import Tensor
import Testing

@Suite struct ConjugateGradientTests {
  @Test func agreesWithADenseSolution() throws {
    let values = (0..<40).map { 0.05 + Double($0) * 0.3 }
    let a = symmetric(values, key: 1)
    let b = randomVector(40, key: 2).map(Double.init)
    var damped = a
    for i in 0..<40 { damped[i][i] += 0.2 }
    let expected = denseSolve(damped, b)
    let solution = try conjugateGradient(rhs: b, damping: 0.2, tolerance: 1e-10) { multiply(a, $0) }
    #expect(solution.converged && !solution.negativeCurvature)
    #expect(relativeDistance(solution.x, expected) < 1e-8)
    #expect(solution.relativeResidual <= 1e-10)
    let range = try #require(solution.curvature)
    #expect(abs(range.lowerBound - values[0]) < 1e-3)
    #expect(abs(range.upperBound - values[39]) < 1e-3)
    let warm = try conjugateGradient(rhs: b, damping: 0.2, tolerance: 1e-8, start: solution.x) {
      multiply(a, $0)
    }
    #expect(warm.iterations == 0 && warm.converged)
    let short = try conjugateGradient(rhs: b, damping: 0.2, tolerance: 1e-10, maxIterations: 5) {
      multiply(a, $0)
    }
    #expect(!short.converged && short.iterations == 5 && short.relativeResidual > 1e-10)
    let residual = zip(b, multiply(damped, short.x)).map { $0 - $1 }
    #expect(
      abs(short.relativeResidual - dot(residual, residual).squareRoot() / dot(b, b).squareRoot()) < 1e-12)
  }

  @Test func negativeCurvatureStopsAndIsSaid() throws {
    let a = symmetric([-1, 0.5, 1, 2, 3, 4, 5, 6], key: 3)
    let b = randomVector(8, key: 4).map(Double.init)
    let solution = try conjugateGradient(rhs: b, damping: 0.1, tolerance: 1e-8) { multiply(a, $0) }
    #expect(solution.negativeCurvature && !solution.converged)
    #expect(try #require(solution.curvature).lowerBound < 0)
    let enough = try conjugateGradient(rhs: b, damping: 1.5, tolerance: 1e-8) { multiply(a, $0) }
    #expect(enough.converged && !enough.negativeCurvature)
    #expect(abs(try #require(enough.curvature).lowerBound + 1) < 1e-6)
  }

  @Test func zeroAndBrokenRightHandSides() throws {
    let a = symmetric([1, 2, 3], key: 3)
    let none = try conjugateGradient(rhs: [0, 0, 0]) { multiply(a, $0) }
    #expect(none.x == [0, 0, 0] && none.converged && none.iterations == 0)
    #expect(throws: NeuralNetError.nonFiniteValue(what: "the right-hand side", iteration: 0)) {
      try conjugateGradient(rhs: [1, .infinity, 0]) { multiply(a, $0) }
    }
    #expect(throws: NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: 1)) {
      try conjugateGradient(rhs: [1.0, 2, 0]) { $0.map { _ in .nan } }
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try conjugateGradient(rhs: [1.0, 2, 0], progress: { _ in throw Stop() }) { multiply(a, $0) }
    }
  }

  /// A product that float32 spoils: the recurrence would claim convergence that the true residual denies.
  @Test func residualIsTrueWithInexactProducts() throws {
    let values = (0..<60).map { 1e-6 * exponential(0.25 * Double($0)) }
    let a = symmetric(values, key: 5)
    let b = randomVector(60, key: 6)
    func product(_ v: [Float]) -> [Float] { multiply(a, v.map(Double.init)).map { Float($0) } }
    let solution = try conjugateGradient(rhs: b, tolerance: 1e-9, maxIterations: 2000, product: product)
    let residual = zip(b, product(solution.x)).map { Double($0) - Double($1) }
    let relative = (dot(residual, residual) / dot(b, b)).squareRoot()
    #expect(abs(solution.relativeResidual - relative) < 1e-12)
    #expect(solution.converged == (relative <= 1e-9))
  }

  @Test func solvesTheGaussNewtonSystem() throws {
    let network = try smallNet()
    let data = try randomImages(30, height: 6, width: 6, classes: 3)
    let parameters = network.initialParameters(stream: RandomStream(key: 2))
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: Array(0..<30), pool: ThreadPool(threads: 2))
    let n = network.parameterCount
    var dense = try (0..<n).map { column in
      try curvature.gaussNewtonProduct((0..<n).map { Float($0 == column ? 1 : 0) }).map(Double.init)
    }
    for i in 0..<n { dense[i][i] += 0.01 }
    let gradient = try curvature.gradient().gradient
    let solution = try conjugateGradient(rhs: gradient, damping: 0.01, tolerance: 1e-5) {
      try curvature.gaussNewtonProduct($0)
    }
    #expect(solution.converged)
    #expect(relativeDistance(solution.x, denseSolve(dense, gradient.map(Double.init))) < 1e-3)
  }
}
