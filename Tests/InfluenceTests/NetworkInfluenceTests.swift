// Influence and unlearning of LeNet on small synthetic images.

import Influence
import NeuralNet
import SampleData
import Tensor
import Testing

@Suite struct NetworkInfluenceTests {
  /// 400 noisy images of 10 classes, each class a bright bar at its own row.
  static func images() throws -> ImageSet {
    var pixels = uniforms(70, 400 * 784).map { UInt8(64 * $0) }
    let labels = (0..<400).map { UInt8($0 % 10) }
    for i in 0..<400 {
      for column in 4..<24 { pixels[i * 784 + (4 + 2 * Int(labels[i])) * 28 + column] = 230 }
    }
    return try ImageSet(images: pixels, labels: labels)
  }

  static let all = Array(0..<400)

  static func trained(_ data: ImageSet) throws -> (Network, [Float]) {
    let network = try Network.named("lenet")
    let stream = RandomStream(key: 3)
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = 20
    let start = network.initialParameters(stream: stream.substream("init"))
    let result = try train(
      network, parameters: start, data: data, indices: all, options: options, stream: stream,
      pool: ThreadPool(threads: 1))
    return (network, result.parameters)
  }

  static var options: InfluenceOptions {
    var options = InfluenceOptions()
    options.hessianImages = 200
    options.damping = 0.05
    return options
  }

  /// Apart from the solver: how far (H + damping) · change is from (m/(n − m)) · gradient, relative to that, over all images.
  static func misfit(
    of result: GroupInfluence, for group: [Int], _ network: Network, _ theta: [Float], _ data: ImageSet,
    _ options: InfluenceOptions
  ) throws -> Double {
    let curvature = try Curvature(
      network, parameters: theta, data: data, indices: all, weightDecay: options.weightDecay,
      pool: ThreadPool(threads: 1))
    let product = try curvature.gaussNewtonProduct(result.change)
    let gradient = try curvature.gradient(over: group).gradient
    let factor = Double(group.count) / Double(all.count - group.count)
    var (error, size) = (0.0, 0.0)
    for i in 0..<theta.count {
      let right = Double(gradient[i]) * factor
      let left = Double(product[i]) + options.damping * Double(result.change[i])
      error += (left - right) * (left - right)
      size += right * right
      #expect(abs(gradient[i] - result.gradient[i]) < 1e-6)
    }
    return (error / size).squareRoot()
  }

  @Test func solvesItsEquation() throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    let pool = ThreadPool(threads: 1)
    let group = Array(stride(from: 0, to: 200, by: 10))
    var options = Self.options
    options.hessianImages = 400
    options.tolerance = 1e-4
    let result = try groupInfluence(
      network, parameters: theta, data: data, trainingSet: Self.all, group: group, options: options,
      stream: RandomStream(key: 9), pool: pool)
    #expect(result.converged && result.residual <= 1e-4 && result.hessianImages == 400)
    #expect(try Self.misfit(of: result, for: group, network, theta, data, options) < 2e-4)
    let range = try #require(result.curvature)
    #expect(range.lowerBound > -1e-3 && range.upperBound > range.lowerBound)
  }

  @Test func unlearningRaisesTheGroupsLossMost() throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    let pool = ThreadPool(threads: 1)
    let group = Array(stride(from: 0, to: 300, by: 10))
    let parts = [Array(group[..<10]), Array(group[10..<20]), Array(group[20...])]
    let result = try unlearn(
      network, parameters: theta, data: data, trainingSet: Self.all, parts: parts, options: Self.options,
      stream: RandomStream(key: 9), pool: pool)
    func loss(_ parameters: [Float], _ images: [Int]) throws -> Double {
      try evaluate(network, parameters: parameters, data: data, indices: images, pool: pool).loss
    }
    let retained = Self.all.filter { !group.contains($0) }
    let rise = try loss(result.parameters, group) - loss(theta, group)
    #expect(rise > 0)
    #expect(try abs(loss(result.parameters, retained) - loss(theta, retained)) < rise)
    #expect(result.steps.count == 3 && result.converged)
  }

  @Test func resultsDependOnTheSeedAndNotOnTheThreads() throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    func change(_ key: UInt64, threads: Int) throws -> [Float] {
      try groupInfluence(
        network, parameters: theta, data: data, trainingSet: Self.all, group: [0, 10, 20],
        options: Self.options, stream: RandomStream(key: key), pool: ThreadPool(threads: threads)
      ).change
    }
    let one = try change(1, threads: 1)
    #expect(try change(1, threads: 2) == one)
    #expect(try change(2, threads: 1) != one)
  }

  @Test(arguments: InfluenceScheme.allCases) func everySchemeIsTheSameForAnyNumberOfThreads(
    scheme: InfluenceScheme
  ) throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    func changes(_ threads: Int) throws -> [[Float]] {
      let pool = ThreadPool(threads: threads)
      var options = Self.options
      options.scheme = scheme
      let spectrum = try curvatureSpectrum(
        network, parameters: theta, data: data, trainingSet: Self.all, pairs: 8, options: options,
        stream: RandomStream(key: 2), pool: pool)
      return try [nil, spectrum].map { spectrum in
        try groupInfluence(
          network, parameters: theta, data: data, trainingSet: Self.all,
          group: Array(stride(from: 0, to: 200, by: 10)), options: options, spectrum: spectrum,
          stream: RandomStream(key: 3), pool: pool
        ).change
      }
    }
    #expect(try changes(1) == changes(2))
  }

  /// With a tight tolerance the exact Hessian's solve obeys its own equation.
  @Test func theHessianIsAnotherCurvature() throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    let pool = ThreadPool(threads: 1)
    let group = Array(stride(from: 0, to: 200, by: 10))
    var options = Self.options
    options.curvature = .hessian
    options.hessianImages = 400
    options.damping = 2
    options.tolerance = 1e-4
    let result = try groupInfluence(
      network, parameters: theta, data: data, trainingSet: Self.all, group: group, options: options,
      stream: RandomStream(key: 9), pool: pool)
    #expect(result.converged)
    let curvature = try Curvature(
      network, parameters: theta, data: data, indices: Self.all, weightDecay: options.weightDecay, pool: pool)
    let product = try curvature.hessianProduct(result.change)
    var (error, size) = (0.0, 0.0)
    for i in 0..<theta.count {
      let right = Double(result.gradient[i]) * 20 / 380
      let off = Double(product[i]) + 2 * Double(result.change[i]) - right
      error += off * off
      size += right * right
    }
    #expect((error / size).squareRoot() < 2e-4)
  }

  @Test func theFirstStepIsOneStepInfluence() throws {
    let data = try Self.images()
    let (network, theta) = try Self.trained(data)
    let pool = ThreadPool(threads: 1)
    let stream = RandomStream(key: 4)
    let result = try unlearn(
      network, parameters: theta, data: data, trainingSet: Self.all, parts: [[5, 15], []],
      options: Self.options, stream: stream, pool: pool)
    let influence = try groupInfluence(
      network, parameters: theta, data: data, trainingSet: Self.all, group: [5, 15], options: Self.options,
      stream: stream.substream(0), pool: pool)
    #expect(result.steps[0].change == influence.change)
    #expect(result.steps[1].change.allSatisfy { $0 == 0 })
    for i in 0..<theta.count { #expect(abs(result.parameters[i] - (theta[i] + influence.change[i])) < 1e-6) }
  }

  @Test func anImpossibleCeilingIsRefusedBeforeWork() throws {
    let data = try Self.images()
    let network = try Network.named("lenet")
    let theta = network.initialParameters(stream: RandomStream(key: 1))
    let pool = ThreadPool(threads: 2)
    let least = InfluenceMemory.leastCeiling(network, threads: 2)
    let refusal = NeuralNetError.memoryCeilingTooLow(neededBytes: least, ceilingBytes: least - 1)
    var work = 0
    #expect(throws: refusal) {
      try groupInfluence(
        network, parameters: theta, data: data, trainingSet: Self.all, group: [1], options: Self.options,
        stream: RandomStream(key: 1), memoryCeiling: least - 1, pool: pool
      ) { _ in work += 1 }
    }
    #expect(throws: refusal) {
      try unlearn(
        network, parameters: theta, data: data, trainingSet: Self.all, parts: [[1]], options: Self.options,
        stream: RandomStream(key: 1), memoryCeiling: least - 1, pool: pool
      ) { _, _ in work += 1 }
    }
    #expect(throws: refusal) {
      try curvatureSpectrum(
        network, parameters: theta, data: data, trainingSet: Self.all, pairs: 2, options: Self.options,
        stream: RandomStream(key: 1), memoryCeiling: least - 1, pool: pool
      ) { _, _ in work += 1 }
    }
    #expect(work == 0)
    // The least is enough, and changes no bit.
    let influences = try [least, least << 3].map { ceiling in
      try groupInfluence(
        network, parameters: theta, data: data, trainingSet: Self.all, group: [1, 2], options: Self.options,
        stream: RandomStream(key: 1), memoryCeiling: ceiling, pool: pool
      ).change
    }
    #expect(influences[0] == influences[1])
  }

  @Test func whatTheProgressThrowsEndsTheWork() throws {
    struct Stop: Error {}
    let data = try Self.images()
    let network = try Network.named("lenet")
    let theta = network.initialParameters(stream: RandomStream(key: 1))
    var calls = 0
    #expect(throws: Stop.self) {
      try groupInfluence(
        network, parameters: theta, data: data, trainingSet: Self.all, group: [1], options: Self.options,
        stream: RandomStream(key: 1), pool: ThreadPool(threads: 1)
      ) { _ in
        calls += 1
        if calls == 2 { throw Stop() }
      }
    }
    #expect(calls == 2)
  }
}
