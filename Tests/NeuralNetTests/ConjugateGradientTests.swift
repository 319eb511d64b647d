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

  /// A preconditioner that is a solve cut short is another matrix each time: only the flexible form copes with it.
  @Test func copesWithAPreconditionerThatChanges() throws {
    let values = (0..<59).reduce(into: [0.01]) { all, _ in all.append(all[all.count - 1] * 1.15) }
    let a = symmetric(values, key: 1)
    let near = symmetric(values.map { $0 * 1.5 }, key: 1)
    let b = randomVector(60, key: 2).map(Double.init)
    var damped = a
    for i in 0..<60 { damped[i][i] += 0.02 }
    func solve(isFlexible: Bool) throws -> Solution<Double> {
      try conjugateGradient(
        rhs: b, damping: 0.02, tolerance: 1e-10, maxIterations: 200,
        preconditioner: { r in
          try conjugateGradient(rhs: r, damping: 0.02, tolerance: 0.3) { multiply(near, $0) }.x
        }, isFlexible: isFlexible
      ) { multiply(a, $0) }
    }
    let flexible = try solve(isFlexible: true)
    #expect(flexible.converged)
    #expect(relativeDistance(flexible.x, denseSolve(damped, b)) < 1e-8)
    let plain = try conjugateGradient(rhs: b, damping: 0.02, tolerance: 1e-10) { multiply(a, $0) }
    #expect(flexible.iterations < plain.iterations / 2, "\(flexible.iterations), \(plain.iterations)")
    let stiff = try solve(isFlexible: false)
    #expect(flexible.iterations < stiff.iterations, "\(flexible.iterations), \(stiff.iterations)")
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

  /// After wrong products the recurrence believes in a residual that is not so; only another start from the true one
  /// reaches the tolerance.
  @Test func startsAgainWhereTheTrueResidualIsLarger() throws {
    let a = symmetric((0..<30).map { 0.5 + 0.1 * Double($0) }, key: 7)
    let b = randomVector(30, key: 8).map(Double.init)
    var made = 0
    let solution = try conjugateGradient(rhs: b, tolerance: 1e-9, maxIterations: 300) { v in
      made += 1
      let product = multiply(a, v)
      return made > 3 ? product : product.enumerated().map { $0 % 2 == 0 ? 1.01 * $1 : $1 }
    }
    let residual = zip(b, multiply(a, solution.x)).map { $0 - $1 }
    let relative = (dot(residual, residual) / dot(b, b)).squareRoot()
    #expect(solution.converged && relative <= 1.01e-9, "\(relative)")
    #expect(abs(solution.relativeResidual - relative) < 1e-12)
  }

  /// Jacobi's preconditioner on a badly scaled matrix: the same solution, sooner, and the true residual.
  @Test func preconditionerSavesIterationsAndKeepsTheNorm() throws {
    var a = symmetric((0..<50).map { 1 + 0.02 * Double($0) }, key: 8)
    let scales = (0..<50).map { exponential(0.16 * Double($0)) }
    for i in 0..<50 { for j in 0..<50 { a[i][j] *= scales[i] * scales[j] } }
    let b = randomVector(50, key: 9).map(Double.init)
    var damped = a
    for i in 0..<50 { damped[i][i] += 0.5 }
    let plain = try conjugateGradient(rhs: b, damping: 0.5, tolerance: 1e-9) { multiply(a, $0) }
    var applications = 0
    let solution = try conjugateGradient(
      rhs: b, damping: 0.5, tolerance: 1e-9,
      preconditioner: { r in
        applications += 1
        return r.indices.map { r[$0] / damped[$0][$0] }
      }
    ) { multiply(a, $0) }
    #expect(solution.converged && applications >= solution.iterations)
    #expect(2 * solution.iterations < plain.iterations)
    #expect(relativeDistance(solution.x, denseSolve(damped, b)) < 1e-6)
    let residual = zip(b, multiply(damped, solution.x)).map { $0 - $1 }
    #expect(abs(solution.relativeResidual - (dot(residual, residual) / dot(b, b)).squareRoot()) < 1e-13)
    #expect(solution.curvature == nil)
    // The inverse itself: one step.
    let exact = try conjugateGradient(
      rhs: b, damping: 0.5, tolerance: 1e-6, preconditioner: { denseSolve(damped, $0) }
    ) { multiply(a, $0) }
    #expect(exact.converged && exact.iterations == 1)
    let negative = symmetric([-1, 2, 3, 4], key: 3)
    let stopped = try conjugateGradient(
      rhs: [1.0, 2, 3, 4], preconditioner: { $0.map { 0.5 * $0 } }
    ) { multiply(negative, $0) }
    #expect(stopped.negativeCurvature && !stopped.converged)
    #expect(throws: NeuralNetError.self) {
      try conjugateGradient(rhs: b, preconditioner: { $0.map { -$0 } }) { multiply(a, $0) }
    }
  }

  /// Systems that end at different times: each is solved as it would be alone.
  @Test func severalSystemsAreSolvedAsAlone() throws {
    let a = symmetric((0..<40).map { 0.05 + Double($0) * 0.3 }, key: 1)
    // An eigenvector ends after one iteration, a zero at once.
    var power = randomVector(40, key: 2).map(Double.init)
    for _ in 0..<4000 {
      power = multiply(a, power)
      let size = dot(power, power).squareRoot()
      for i in 0..<40 { power[i] /= size }
    }
    let rhs = [
      randomVector(40, key: 3).map(Double.init), power, [Double](repeating: 0, count: 40),
      randomVector(40, key: 4).map(Double.init),
    ]
    let starts = [rhs[3], rhs[0], rhs[1], rhs[1]]
    for start in [nil, starts] {
      var asked: [Int] = []
      var reports = [0, 0, 0, 0]
      let together = try conjugateGradient(
        rhs: rhs, damping: 0.1, tolerance: 1e-9, start: start,
        progress: { (system: Int, report: SolverProgress) in
          reports[system] += 1
          #expect(report.iteration == reports[system])
        }
      ) { vectors in
        asked.append(vectors.count)
        return vectors.map { multiply(a, $0) }
      }
      for (j, solution) in together.enumerated() {
        let alone = try conjugateGradient(
          rhs: rhs[j], damping: 0.1, tolerance: 1e-9, start: start?[j]
        ) { multiply(a, $0) }
        #expect(solution.x == alone.x && solution.iterations == alone.iterations)
        #expect(solution.relativeResidual == alone.relativeResidual && solution.curvature == alone.curvature)
        #expect(solution.converged && reports[j] == solution.iterations)
      }
      #expect(asked.first == 3 && asked.contains(2) && asked == asked.sorted(by: >))
    }
    let none = try conjugateGradient(rhs: [[Double]]()) { $0 }
    #expect(none.isEmpty)
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
  @Test func severalGaussNewtonSystemsShareTheirPasses() throws {
    for (network, shape) in [(try smallNet(), (6, 6, 1, 3)), (try residualNet(), (7, 6, 2, 4))] {
      let data = try randomImages(
        70, height: shape.0, width: shape.1, channels: shape.2, classes: shape.3)
      let pool = ThreadPool(threads: 2)
      let parameters = unevenParameters(network, key: 2)
      func curvature(_ directions: Int, _ ceiling: Int) throws -> Curvature {
        try Curvature(
          network, parameters: parameters, data: data, indices: Array(0..<70), weightDecay: 0.1,
          memoryCeiling: ceiling, directions: directions, pool: pool)
      }
      let v = (0..<5).map { randomVector(network.parameterCount, key: UInt64($0)) }
      let one = try curvature(1, 64 << 20)
      let least = ChunkRunner.bytes(network, threads: 2, slots: 3, directions: 3)
      let three = try curvature(3, least)
      #expect(three.keptImages == 0 && one.keptImages == 70)
      #expect(try three.gaussNewtonProducts(v) == v.map { try one.gaussNewtonProduct($0) })
      #expect(try three.hessianProducts(v) == v.map { try one.hessianProduct($0) })
      #expect(throws: NeuralNetError.memoryCeilingTooLow(neededBytes: least, ceilingBytes: least - 1)) {
        try curvature(3, least - 1)
      }
      let solutions = try conjugateGradient(rhs: v, damping: 0.1, tolerance: 1e-4) {
        try three.gaussNewtonProducts($0)
      }
      for (j, solution) in solutions.enumerated() {
        let alone = try conjugateGradient(rhs: v[j], damping: 0.1, tolerance: 1e-4) {
          try one.gaussNewtonProduct($0)
        }
        #expect(solution.x == alone.x && solution.converged)
      }
    }
  }
}
