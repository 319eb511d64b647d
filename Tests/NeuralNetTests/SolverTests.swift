// Lanczos, Neumann series and the float64 softmax regression.

import NeuralNet
import Tensor
import Testing

@Suite struct LanczosTests {
  @Test func findsTheEndsOfASpectrum() throws {
    let values = (0..<60).map { -2 + Double($0) * 0.1 } + [9]
    let a = symmetric(values, key: 1)
    let ends = try lanczos(dimension: 61, stream: RandomStream(key: 2), tolerance: 1e-6) { (v: [Double]) in
      multiply(a, v)
    }
    #expect(ends.converged && ends.iterations < 61)
    #expect(abs(ends.largest - 9) <= max(ends.largestError, 1e-6))
    #expect(abs(ends.smallest + 2) <= max(ends.smallestError, 1e-6))
  }

  /// The largest eigenvalue stands alone and settles at once; the smallest lies among many, and is waited for.
  @Test func bothEndsHaveSettled() throws {
    let values = (0..<80).map { 1 + Double($0) / 80 } + [1000]
    let a = symmetric(values, key: 6)
    let ends = try lanczos(dimension: 81, stream: RandomStream(key: 2), tolerance: 1e-7, maxIterations: 81) {
      (v: [Double]) in multiply(a, v)
    }
    #expect(ends.converged && ends.smallestError <= 1e-4 && ends.largestError <= 1e-4)
    #expect(abs(ends.smallest - 1) <= 2e-4 && abs(ends.largest - 1000) <= 1e-6)
  }

  @Test func fewIterationsGiveHonestBounds() throws {
    let values = (0..<50).map { exponential(-0.2 * Double($0)) }
    let a = symmetric(values, key: 4)
    for iterations in 1...12 {
      let ends = try lanczos(
        dimension: 50, stream: RandomStream(key: 3), tolerance: 0, maxIterations: iterations
      ) { (v: [Double]) in multiply(a, v) }
      #expect(!ends.converged && ends.iterations == iterations)
      #expect(ends.largest <= 1 + 1e-9 && ends.smallest >= values[49] - 1e-9)
      #expect(values.contains { abs($0 - ends.largest) <= ends.largestError + 1e-9 })
      #expect(values.contains { abs($0 - ends.smallest) <= ends.smallestError + 1e-9 })
    }
  }

  @Test func smallAndDegenerateMatrices() throws {
    let one = try lanczos(dimension: 1, stream: RandomStream(key: 1)) { (v: [Double]) in v.map { -3 * $0 } }
    #expect(one.smallest == -3 && one.largest == -3 && one.converged)
    let identity = try lanczos(dimension: 30, stream: RandomStream(key: 1)) { (v: [Double]) in
      v.map { 2 * $0 }
    }
    #expect(identity.converged && identity.iterations == 1 && abs(identity.largest - 2) < 1e-12)
    #expect(throws: NeuralNetError.nonFiniteValue(what: "the curvature product", iteration: 1)) {
      try lanczos(dimension: 3, stream: RandomStream(key: 1)) { (v: [Double]) in v.map { _ in .infinity } }
    }
  }

  /// A trained net's exact Hessian has negative curvature that its Gauss-Newton matrix lacks.
  @Test func hessianAndGaussNewtonSpectra() throws {
    let network = try smallNet()
    let data = try randomImages(40, height: 6, width: 6, classes: 3)
    let curvature = try Curvature(
      network, parameters: network.initialParameters(stream: RandomStream(key: 2)), data: data,
      indices: Array(0..<40), pool: ThreadPool(threads: 1))
    let n = network.parameterCount
    let exact = try lanczos(dimension: n, stream: RandomStream(key: 3), maxIterations: n) { (v: [Float]) in
      try curvature.hessianProduct(v)
    }
    let gaussNewton = try lanczos(dimension: n, stream: RandomStream(key: 3), maxIterations: n) {
      (v: [Float]) in try curvature.gaussNewtonProduct(v)
    }
    #expect(exact.smallest < -1e-3)
    #expect(gaussNewton.smallest > -1e-5 && gaussNewton.largest > 0.01)
  }
}

@Suite struct NeumannTests {
  let values = (0..<20).map { 0.1 + Double($0) * 0.1 }

  @Test func convergesToTheDampedSolution() throws {
    let a = symmetric(values, key: 1)
    let b = randomVector(20, key: 2)
    var damped = a
    for i in 0..<20 { damped[i][i] += 0.3 }
    let solution = try neumann(rhs: b, damping: 0.3, step: 0.8, iterations: 200) { _, v in
      multiply(a, v.map(Double.init)).map { Float($0) }
    }
    #expect(relativeDistance(solution.x, denseSolve(damped, b.map(Double.init))) < 1e-4)
    #expect(solution.relativeResidual < 1e-4 && solution.seriesDamping == 0.3)
    #expect(abs(solution.effectiveDamping - (0.3 + 1 / 160.0)) < 1e-12)
  }

  /// Koh & Liang's recursion written out.
  @Test func lissaIsItsPublishedRecursion() throws {
    let a = symmetric(values, key: 1)
    let b = randomVector(20, key: 2)
    var h = b.map(Double.init)
    for _ in 0..<29 {
      let ah = multiply(a, h)
      h = (0..<20).map { Double(b[$0]) + (1 - 0.01) * h[$0] - ah[$0] / 25 }
    }
    let solution = try lissa(rhs: b, damping: 0.01, scale: 25, iterations: 30) { _, v in
      multiply(a, v.map(Double.init)).map { Float($0) }
    }
    #expect(relativeDistance(solution.x, h.map { $0 / 25 }) < 1e-5)
    #expect(abs(solution.seriesDamping - 0.25) < 1e-12)
    #expect(abs(solution.effectiveDamping - (0.25 + 25 / 30.0)) < 1e-12)
  }

  @Test func aWarmStartGoesOnFromThere() throws {
    let a = symmetric(values, key: 1)
    let b = randomVector(20, key: 2)
    func product(_: Int, _ v: [Float]) -> [Float] { multiply(a, v.map(Double.init)).map { Float($0) } }
    let whole = try neumann(rhs: b, damping: 0.3, step: 0.4, iterations: 15, product: product)
    let part = try neumann(rhs: b, damping: 0.3, step: 0.4, iterations: 5, product: product)
    let rest = try neumann(
      rhs: b, damping: 0.3, step: 0.4, iterations: 10, start: part.x, product: product)
    #expect(relativeDistance(rest.x, whole.x.map(Double.init)) < 1e-6)
    #expect(rest.relativeResidual < part.relativeResidual)
    // From the solution nothing is left to do.
    var damped = a
    for i in 0..<20 { damped[i][i] += 0.3 }
    let exact = denseSolve(damped, b.map(Double.init))
    let still = try neumann(
      rhs: b, damping: 0.3, step: 0.4, iterations: 1, start: exact.map { Float($0) }, product: product)
    #expect(relativeDistance(still.x, exact) < 1e-6 && still.relativeResidual < 1e-5)
    // LiSSA's damping and scale: (A + 0.01 · 30) x = b.
    let stochastic = try lissa(
      rhs: b, damping: 0.01, scale: 30, iterations: 2, start: exact.map { Float($0) }, product: product)
    #expect(relativeDistance(stochastic.x, exact) < 1e-6)
  }

  @Test func divergenceAndBadOptionsAreNamed() throws {
    let a = symmetric(values, key: 1)
    let b = randomVector(20, key: 2)
    #expect {
      _ = try neumann(rhs: b, damping: 0, step: 3, iterations: 1000) { _, v in
        multiply(a, v.map(Double.init)).map { Float($0) }
      }
    } throws: { error in
      guard case .solverDiverged(let iteration) = error as? NeuralNetError else { return false }
      return iteration > 1 && iteration < 100
    }
    // A series that has grown a millionfold is refused though all of it is finite yet.
    #expect {
      _ = try neumann(rhs: [1, 1], damping: 0, step: 1, iterations: 24) { _, v in v.map { 3 * $0 } }
    } throws: { error in
      guard case .solverDiverged(let iteration) = error as? NeuralNetError else { return false }
      return (20...21).contains(iteration)
    }
    #expect(throws: NeuralNetError.self) {
      try neumann(rhs: b, damping: 0, step: 0, iterations: 10) { _, v in v }
    }
    #expect(throws: NeuralNetError.self) {
      try lissa(rhs: b, damping: 0, scale: -1, iterations: 10) { _, v in v }
    }
  }
}

@Suite struct SoftmaxRegressionTests {
  let pool = ThreadPool(threads: 2)

  @Test func agreesWithTheReferenceNet() throws {
    let data = try randomImages(600, height: 6, width: 6, classes: 3)
    let network = try Network.named("softmax", input: Shape(1, 6, 6), classes: 3)
    let parameters = randomVector(network.parameterCount, key: 4).map { 0.3 * $0 }
    let doubles = parameters.map(Double.init)
    let images = Array(10..<590)
    let model = try SoftmaxRegression(
      parameters: doubles, data: data, indices: images, weightDecay: 0.1, classes: 3, pool: pool)
    let v = randomVector(network.parameterCount, key: 5).map(Double.init)
    let gradient = referenceMean(network, parameters, data, images) { $0.gradient(label: $1) }
    let product = referenceMean(network, parameters, data, images) { pass, _ in pass.gaussNewtonProduct(v) }
    #expect(relativeDistance(model.gradient(), zip(gradient, doubles).map { $0 + 0.1 * $1 }) < 1e-10)
    #expect(relativeDistance(try model.hessianProduct(v), zip(product, v).map { $0 + 0.1 * $1 }) < 1e-10)
    let sum = try model.gradientSum(over: [5, 7])
    let expected = referenceMean(network, parameters, data, [5, 7]) { $0.gradient(label: $1) }
    #expect(relativeDistance(sum, expected.map { 2 * $0 }) < 1e-10)
    let losses = try model.losses(over: [5, 599])
    for (loss, index) in zip(losses, [5, 599]) {
      let pass = ReferencePass(network, doubles, image: ReferencePass.image(data, index))
      #expect(abs(loss - pass.loss(label: Int(data.labels[index]))) < 1e-10)
    }
    let mean = try model.losses(over: images).reduce(0, +) / Double(images.count)
    #expect(abs(model.loss - mean - 0.05 * dot(doubles, doubles)) < 1e-10)
  }

  @Test func fitReachesTheMinimumForAnyThreads() throws {
    let data = try randomImages(900, height: 6, width: 6, classes: 3)
    let fits = try [1, 2, 3].map { threads in
      try SoftmaxRegression.fit(
        data: data, indices: Array(0..<900), weightDecay: 1e-3, classes: 3,
        pool: ThreadPool(threads: threads))
    }
    #expect(Set(fits.map(\.parameters)).count == 1)
    let gradient = fits[0].gradient()
    #expect(dot(gradient, gradient).squareRoot() < 1e-8)
    let warm = try SoftmaxRegression.fit(
      data: data, indices: Array(0..<899), weightDecay: 1e-3, classes: 3, start: fits[0].parameters,
      pool: pool)
    let cold = try SoftmaxRegression.fit(
      data: data, indices: Array(0..<899), weightDecay: 1e-3, classes: 3, pool: pool)
    #expect(relativeDistance(warm.parameters, cold.parameters) < 1e-5)
    #expect(throws: NeuralNetError.self) {
      try SoftmaxRegression.fit(data: data, indices: [1, 2], weightDecay: 0, classes: 3, pool: pool)
    }
    #expect {
      _ = try SoftmaxRegression.fit(
        data: data, indices: Array(0..<900), weightDecay: 1e-3, classes: 3, maxSteps: 1, pool: pool)
    } throws: { error in
      guard case .notConverged(_, let residual) = error as? NeuralNetError else { return false }
      return residual > 1e-8
    }
  }
}
