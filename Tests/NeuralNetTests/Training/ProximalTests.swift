// Training near its start, held to the gradients of its objectives.

import Foundation
import NeuralNet
import Tensor
import Testing

@Suite struct ProximalTests {
  private let pool = ThreadPool(threads: 1)
  private let data: ImageSet
  private let network: Network
  private let start: [Float]
  private let removed: Set<Int> = [1, 4, 5, 11, 20, 33]
  private let strength = 0.05

  init() throws { try self.init(smallNet()) }

  private init(_ network: Network) throws {
    data = try randomImages(40, height: 6, width: 6, classes: 3)
    self.network = network
    start = try train(
      network, parameters: network.initialParameters(stream: RandomStream(key: 3)), data: data,
      indices: Array(0..<40), options: Self.options(epochs: 6), stream: RandomStream(key: 4), pool: pool
    ).parameters
  }

  /// Full batches, without a regulariser of their own: gradient descent that can reach an optimum.
  private static func options(epochs: Int, rate: Float = 0.1) -> TrainingOptions {
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.momentum, options.weightDecay) = (epochs, 40, 0.9, 0)
    (options.learningRate, options.schedule) = (rate, .constant)
    return options
  }

  /// Log-probabilities [40, 3] in double precision, straight from the definitions.
  private func logProbabilities(_ theta: [Double]) -> [[Double]] {
    (0..<40).map { image in
      let pixels = data.images[image * 36..<(image + 1) * 36].map {
        (Double($0) / 255 - Double(data.mean)) / Double(data.deviation)
      }
      let logits = ReferencePass(network, theta, image: pixels).activations.last ?? []
      let normaliser = log(logits.reduce(0) { $0 + exp($1) })
      return logits.map { $0 - normaliser }
    }
  }

  /// The proximal Bregman objective at parameters, by its definition.
  private func bregman(_ theta: [Double]) -> Double {
    let now = logProbabilities(theta)
    let before = logProbabilities(start.map(Double.init))
    var sum = 0.0
    for image in 0..<40 {
      for output in 0..<3 {
        sum += exp(before[image][output]) * (before[image][output] - now[image][output]) / 40
      }
      if removed.contains(image) { sum += now[image][Int(data.labels[image])] / 40 }
    }
    return sum + strength / 2 * zip(theta, start).reduce(0) { $0 + pow($1.0 - Double($1.1), 2) }
  }

  /// The mean cross-entropy of some images with a proximal term.
  private func proximal(_ theta: [Double], _ images: [Int]) -> Double {
    let logs = logProbabilities(theta)
    return images.reduce(0) { $0 - logs[$1][Int(data.labels[$1])] } / Double(images.count)
      + strength / 2 * zip(theta, start).reduce(0) { $0 + pow($1.0 - Double($1.1), 2) }
  }

  private func slope(_ objective: ([Double]) -> Double, at theta: [Float], along direction: [Float]) -> Double
  {
    func value(_ step: Double) -> Double {
      objective(zip(theta, direction).map { Double($0) + step * Double($1) })
    }
    return (value(1e-5) - value(-1e-5)) / 2e-5
  }

  private var outputs: ProximalObjective.Outputs {
    ProximalObjective.Outputs(
      probabilities: logProbabilities(start.map(Double.init)).flatMap { $0.map { Float(exp($0)) } },
      removed: removed)
  }

  /// One step of plain gradient descent goes along minus the objective's gradient, which finite differences of the
  /// definition find, at a point that is not the start.
  @Test func aStepFollowsTheObjective() throws {
    for isBregman in [true, false] {
      let indices = isBregman ? Array(0..<40) : (0..<40).filter { !removed.contains($0) }
      let objective = ProximalObjective(strength: Float(strength), outputs: isBregman ? outputs : nil)
      func after(_ epochs: Int) throws -> [Float] {
        var options = Self.options(epochs: epochs, rate: 0.02)
        options.momentum = 0
        return try train(
          network, parameters: start, data: data, indices: indices, options: options, proximal: objective,
          stream: RandomStream(key: 9), pool: pool
        ).parameters
      }
      let (here, next) = (try after(30), try after(31))
      let step = zip(next, here).map { ($0 - $1) / 0.02 }
      let size = step.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(size > 1e-3, "there is a slope to follow")
      let value = { (theta: [Double]) in isBregman ? self.bregman(theta) : self.proximal(theta, indices) }
      for key in 1...4 {
        let direction = randomVector(start.count, key: UInt64(key))
        let predicted = -zip(step, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let actual = slope(value, at: here, along: direction)
        #expect(abs(predicted - actual) < 2e-3 * size * sqrt(Double(start.count)), "\(isBregman) \(key)")
      }
    }
  }

  /// The optimum is flat in every direction, and forgets: the removed images' loss has risen.
  @Test func trainingEndsAtTheOptimum() throws {
    // Without ReLU the objective is convex and smooth: it has one optimum, and descent comes there.
    let linear = try Self(
      Network(name: "linear", input: Shape(1, 6, 6), layers: [.linear(name: "c", outputs: 3)]))
    let start = linear.start
    let trained = try train(
      linear.network, parameters: start, data: data, indices: Array(0..<40),
      options: Self.options(epochs: 4000, rate: 0.01),
      proximal: ProximalObjective(strength: Float(strength), outputs: linear.outputs),
      stream: RandomStream(key: 9), pool: pool
    ).parameters
    #expect(linear.bregman(trained.map(Double.init)) < linear.bregman(start.map(Double.init)) - 1e-4)
    for key in 1...6 {
      let direction = randomVector(start.count, key: UInt64(key))
      #expect(abs(slope(linear.bregman, at: trained, along: direction)) < 1e-4)
    }
    func loss(_ theta: [Float]) -> Double {
      let logs = linear.logProbabilities(theta.map(Double.init))
      return removed.reduce(0) { $0 - logs[$1][Int(data.labels[$1])] }
    }
    #expect(loss(trained) > loss(start))
  }

  /// The optimum of the proximal Bregman objective of a linear model: Newton's method with the dense Hessian, in double
  /// precision. An image's two terms are linear in its logits together if it is removed, so that it has no curvature.
  private func denseOptimum() throws -> [Double] {
    let count = start.count
    let inputs = (0..<40).map { image in
      data.images[image * 36..<(image + 1) * 36].map {
        (Double($0) / 255 - Double(data.mean)) / Double(data.deviation)
      } + [1]
    }
    func place(_ output: Int, _ input: Int) -> Int { input < 36 ? output * 36 + input : 108 + output }
    let before = logProbabilities(start.map(Double.init)).map { $0.map(exp) }
    var theta = start.map(Double.init)
    for _ in 0..<20 {
      let now = logProbabilities(theta).map { $0.map(exp) }
      var gradient = zip(theta, start).map { strength * ($0 - Double($1)) }
      var hessian = (0..<count).map { row in (0..<count).map { $0 == row ? strength : 0 } }
      for image in 0..<40 {
        for a in 0..<3 {
          let toward = removed.contains(image) ? (Int(data.labels[image]) == a ? 1 : 0) : now[image][a]
          for (i, x) in inputs[image].enumerated() {
            gradient[place(a, i)] += (toward - before[image][a]) * x / 40
            if removed.contains(image) { continue }
            for b in 0..<3 {
              let curvature = now[image][a] * ((a == b ? 1 : 0) - now[image][b]) / 40
              for (j, y) in inputs[image].enumerated() {
                hessian[place(a, i)][place(b, j)] += curvature * x * y
              }
            }
          }
        }
      }
      let step = denseSolve(hessian, gradient)
      theta = zip(theta, step).map { $0 - $1 }
    }
    return theta
  }

  /// For a linear model the objective's only optimum is found by dense algebra, and training comes to it.
  @Test func theOptimumIsThatOfDenseAlgebra() throws {
    let linear = try Self(
      Network(name: "linear", input: Shape(1, 6, 6), layers: [.linear(name: "c", outputs: 3)]))
    let solution = try linear.denseOptimum()
    for key in 1...6 {
      let direction = randomVector(solution.count, key: UInt64(key))
      let flat = slope(linear.bregman, at: solution.map(Float.init), along: direction)
      #expect(abs(flat) < 1e-5, "the solution is the optimum of the definition")
    }
    let trained = try train(
      linear.network, parameters: linear.start, data: data, indices: Array(0..<40),
      options: Self.options(epochs: 4000, rate: 0.01),
      proximal: ProximalObjective(strength: Float(strength), outputs: linear.outputs),
      stream: RandomStream(key: 9), pool: pool
    ).parameters
    func norm(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    let change = norm(solution, linear.start.map(Double.init))
    #expect(change > 0.05 && norm(trained.map(Double.init), solution) < 1e-3 * change)
  }

  @Test func whatHasNoObjectiveIsRefused() throws {
    func error(_ objective: ProximalObjective, _ network: Network) -> String {
      do {
        let theta = network.initialParameters(stream: RandomStream(key: 1))
        _ = try train(
          network, parameters: theta, data: network.buffers.isEmpty ? data : try randomImages(4),
          indices: [0, 1], proximal: objective, stream: RandomStream(key: 1), pool: pool)
        return ""
      } catch { return "\(error)" }
    }
    #expect(error(ProximalObjective(strength: -1), network).contains("proximity: must be finite"))
    let short = ProximalObjective.Outputs(probabilities: [1], removed: [])
    #expect(
      error(ProximalObjective(strength: 1, outputs: short), network).contains(
        "3 probabilities for each image"))
    let forty = ProximalObjective.Outputs(probabilities: [Float](repeating: 0.1, count: 40), removed: [])
    #expect(
      error(ProximalObjective(strength: 1, outputs: forty), try Network.named("resnet18", width: 8)).contains(
        "batch normalisation"))
  }
}
