// Eigenpairs of a curvature against dense algebra, and solves that are preconditioned with them.

import Influence
import NeuralNet
import SampleData
import Tensor
import Testing

@Suite struct SpectrumTests {
  /// Columns of very different sizes, so that plain conjugate gradients need many iterations.
  static let model: LeastSquares = {
    var model = LeastSquares(rows: 300, columns: 40, seed: 640)
    for i in model.x.indices { model.x[i] *= i % 40 < 12 ? 10 / Double(1 + i % 40) : 0.1 }
    return model
  }()
  static let all = Array(0..<300)

  static func options(_ scheme: InfluenceScheme = .firstOrder) -> InfluenceOptions {
    var options = InfluenceOptions()
    options.scheme = scheme
    options.weightDecay = 0.001953125
    options.damping = 0.0078125
    options.tolerance = 1e-6
    options.hessianImages = 300
    options.maxIterations = 4000
    return options
  }

  static func spectrum(_ pairs: Int, images: Int = 300) throws -> CurvatureSpectrum {
    var options = Self.options()
    options.hessianImages = images
    return try curvatureSpectrum(
      model, parameters: theta, trainingSet: all, pairs: pairs, options: options, stream: RandomStream(key: 2)
    )
  }

  static let theta = model.optimum(all, lambda: 0.001953125)

  @Test func pairsAreEigenpairs() throws {
    let spectrum = try Self.spectrum(20)
    let (h, _) = Self.model.normalEquations(Self.all, shift: 0.001953125)
    #expect(spectrum.values.count == 20 && spectrum.products == 40 && spectrum.images == Self.all)
    #expect(spectrum.values == spectrum.values.sorted(by: >))
    for (k, value) in spectrum.values.enumerated() {
      let v = spectrum.vectors[k * 40..<(k + 1) * 40].map(Double.init)
      #expect(abs(dot(v, v) - 1) < 1e-5)
      let off = distance(h.map { dot($0, v) }, v.map { value * $0 })
      #expect(off < 1e-4 * spectrum.values[0], "\(k): \(off)")
    }
    // The trace is the sum of all eigenvalues.
    let trace = h.indices.reduce(0) { $0 + h[$1][$1] }
    let full = try Self.spectrum(40)
    #expect(abs(full.values.reduce(0, +) - trace) < 1e-4 * trace)
    #expect(abs(full.range.lowerBound - full.values[39]) < 1e-12)
  }

  @Test(arguments: [InfluenceScheme.firstOrder, .newton, .secondOrder, .fif, .pif, .gif])
  func preconditionedSolvesGiveTheSameInFewerIterations(scheme: InfluenceScheme) throws {
    var model = Self.model
    model.chosen = Array(stride(from: 0, to: 40, by: 2))
    func change(_ spectrum: CurvatureSpectrum?) throws -> InfluenceResult {
      try Influence.influence(
        model, parameters: Self.theta, trainingSet: Self.all, group: Array(0..<30),
        options: Self.options(scheme), spectrum: spectrum, stream: RandomStream(key: 1))
    }
    let plain = try change(nil)
    let fast = try change(try Self.spectrum(14))
    #expect(plain.influence.converged && fast.influence.converged)
    let size = dot(plain.change, plain.change).squareRoot()
    #expect(distance(plain.change, fast.change) < 1e-3 * size)
    #expect(
      fast.influence.iterations * 3 < plain.influence.iterations * 2,
      "\(fast.influence.iterations) of \(plain.influence.iterations)")
    // A spectrum of other images still leads to the same solution of its own system.
    #expect(try change(try Self.spectrum(14, images: 100)).influence.converged)
  }

  @Test func theImagesOfTheSpectrumAreUsedAsLongAsTheyAreLeft() throws {
    let spectrum = try Self.spectrum(14, images: 100)
    let parts = [Array(0..<60), Array(60..<150)]
    let result = try unlearn(
      Self.model, parameters: Self.theta, trainingSet: Self.all, parts: parts, options: Self.options(),
      spectrum: spectrum, stream: RandomStream(key: 1))
    #expect(result.steps[0].curvatureImages == spectrum.images)
    #expect(result.steps[1].curvatureImages == spectrum.images.filter { $0 >= 60 })
    #expect(result.steps[0].gradientNorm == spectrum.gradientNorm)
    let range = try #require(result.steps[0].curvature)
    #expect(range == spectrum.range)
    let newton = try Influence.influence(
      Self.model, parameters: Self.theta, trainingSet: Self.all, group: parts[0],
      options: Self.options(.newton),
      spectrum: spectrum, stream: RandomStream(key: 1))
    #expect(newton.influence.curvatureImages == spectrum.images.filter { $0 >= 60 })
  }

  @Test func tridiagonalEigenpairsSolveTheirEquation() {
    let diagonal = normals(5, 30)
    let beside = normals(6, 29)
    let (values, vectors) = tridiagonalEigenpairs(diagonal: diagonal, offDiagonal: beside)
    #expect(values == values.sorted())
    for (value, v) in zip(values, vectors) {
      for i in 0..<30 {
        var sum = diagonal[i] * v[i]
        if i > 0 { sum += beside[i - 1] * v[i - 1] }
        if i < 29 { sum += beside[i] * v[i + 1] }
        #expect(abs(sum - value * v[i]) < 1e-13)
      }
    }
    #expect(tridiagonalEigenpairs(diagonal: [3], offDiagonal: []).values == [3])
  }
}
