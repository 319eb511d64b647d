// Every scheme against dense algebra and exact removals on ridge regression, in float64.

import Foundation
import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct SchemeTests {
  static let model = LeastSquares(rows: 400, columns: 6, seed: 610)
  static let all = Array(0..<400)
  static let lambda = 0.125
  static let theta = model.optimum(all, lambda: lambda)

  static func options(_ scheme: InfluenceScheme, _ change: (inout InfluenceOptions) -> Void = { _ in })
    -> InfluenceOptions
  {
    var options = InfluenceTests.options
    options.scheme = scheme
    change(&options)
    return options
  }

  static func change(
    _ group: [Int], at theta: [Double] = theta, of model: LeastSquares = model, _ options: InfluenceOptions
  ) throws -> InfluenceResult {
    try Influence.influence(
      model, parameters: theta, trainingSet: all, group: group, options: options,
      stream: RandomStream(key: 1))
  }

  /// The optimum of the retained images in a convention of weight decay.
  static func retrained(without group: [Int], scale: InfluenceScale, model: LeastSquares = model) -> [Double]
  {
    let left = all.filter { !group.contains($0) }
    return model.optimum(
      left, lambda: scale == .mean ? lambda : lambda * Double(all.count) / Double(left.count))
  }

  static func error(_ change: [Double], _ retrained: [Double], from theta: [Double] = theta) -> Double {
    distance(zip(theta, change).map { $0 + $1 }, retrained) / distance(theta, retrained)
  }

  // MARK: - Exact removals

  @Test(arguments: InfluenceScale.allCases, [1, 20, 160, 380]) func newtonRemovesExactly(
    scale: InfluenceScale, size: Int
  ) throws {
    let group = Array(0..<size)
    let retrained = Self.retrained(without: group, scale: scale)
    for gradient in NewtonGradient.allCases {
      let options = Self.options(.newton) {
        $0.scale = scale
        $0.gradient = gradient
      }
      #expect(try Self.error(Self.change(group, options).change, retrained) < 1e-10)
    }
  }

  @Test func newtonOnTheRetainedGradientIsExactAnywhere() throws {
    let group = Array(100..<250)
    let somewhere = Self.theta.map { $0 + 3 }
    let retrained = Self.retrained(without: group, scale: .mean)
    let retained = Self.options(.newton) { $0.gradient = .retained }
    let result = try Self.change(group, at: somewhere, retained)
    #expect(Self.error(result.change, retrained, from: somewhere) < 1e-10)
    // The group's gradient alone does not see that the point is no optimum.
    let blind = try Self.change(group, at: somewhere, Self.options(.newton))
    #expect(Self.error(blind.change, retrained, from: somewhere) > 0.1)
    let norm = try #require(result.influence.gradientNorm)
    let gradient = zip(Self.model.gradientSum(at: somewhere, over: Self.all), somewhere).map {
      $0 / 400 + Self.lambda * $1
    }
    #expect(abs(norm - dot(gradient, gradient).squareRoot()) < 1e-12 * norm)
    #expect(try #require(Self.change(group, retained).influence.gradientNorm) < 1e-12)
  }

  /// 40 copies of ten rows, of which groups of some copies of the first five are removed: the group's curvature stays
  /// the same while its share p grows, so that powers of p show.
  @Test(arguments: InfluenceScale.allCases) func secondOrderErrorFallsAsTheSquare(scale: InfluenceScale)
    throws
  {
    let rows = LeastSquares(rows: 10, columns: 4, seed: 620)
    var copies = rows
    copies.x = (0..<40).flatMap { _ in rows.x }
    copies.y = (0..<40).flatMap { _ in rows.y }
    let theta = copies.optimum(Self.all, lambda: Self.lambda)
    var logs: [(p: Double, first: Double, second: Double)] = []
    for count in [1, 2, 4, 8, 16, 24] {
      let group = Self.all.filter { $0 % 10 < 5 && $0 / 10 < count }
      let p = Double(group.count) / 400
      let retrained = Self.retrained(without: group, scale: scale, model: copies)
      func error(_ scheme: InfluenceScheme) throws -> Double {
        let options = Self.options(scheme) { $0.scale = scale }
        return Self.error(
          try Self.change(group, at: theta, of: copies, options).change, retrained, from: theta)
      }
      let (first, second) = (try error(.firstOrder), try error(.secondOrder))
      #expect(second < first, "p \(p): \(second) \(first)")
      logs.append((log(p), log(first), log(second)))
    }
    // Slopes between the smallest two, where higher powers are small.
    let step = logs[1].p - logs[0].p
    #expect(abs((logs[1].first - logs[0].first) / step - 1) < 0.1)
    #expect(abs((logs[1].second - logs[0].second) / step - 2) < 0.1)
  }

  /// In one direction the group holds a share s of the curvature, regulariser included, and q (1 − H⁻¹H_U) is
  /// (p − s)/(1 − p): each term of the series is that many times the one before, whatever the size of the group.
  @Test func theSeriesContractsByTheGroupsShareOfTheCurvature() throws {
    var model = LeastSquares(rows: 400, columns: 1, seed: 630)
    // The last 40 images hold nearly all of the curvature, as a label's do in its own directions.
    for i in 360..<400 { model.x[i] *= 30 }
    let theta = model.optimum(Self.all, lambda: Self.lambda)
    var ratios: [Double] = []
    for group in [Array(0..<40), Array(380..<400), Array(360..<400), Array(0..<380)] {
      let p = Double(group.count) / 400
      func curvature(_ images: [Int]) -> Double {
        images.reduce(0) { $0 + model.x[$1] * model.x[$1] + Self.lambda }
      }
      let share = curvature(group) / curvature(Self.all)
      let retrained = Self.retrained(without: group, scale: .mean, model: model)
      func error(_ scheme: InfluenceScheme) throws -> Double {
        Self.error(
          try Self.change(group, at: theta, of: model, Self.options(scheme)).change, retrained, from: theta)
      }
      let ratio = try error(.secondOrder) / error(.firstOrder)
      #expect(abs(ratio - abs(share - p) / (1 - p)) < 1e-8, "\(ratio) \(share) \(p)")
      ratios.append(ratio)
    }
    #expect(ratios[0] < 0.12 && ratios[2] > 0.95)
  }

  @Test func secondOrderIsTheFormula() throws {
    let group = Array(30..<130)
    let options = Self.options(.secondOrder) { $0.damping = 0.25 }
    let result = try Self.change(group, options)
    let shift = Self.lambda + 0.25
    let (h, _) = Self.model.normalEquations(Self.all, shift: shift)
    let (own, _) = Self.model.normalEquations(group, shift: shift)
    let first = try Self.change(group, Self.options(.firstOrder) { $0.damping = 0.25 }).change
    let q = 100.0 / 300
    let mapped = solved(h, own.map { dot($0, first) })
    let expected = zip(first, mapped).map { $0 - q * ($0 - $1) }
    #expect(distance(result.change, expected) < 1e-12)
    #expect(distance(try #require(result.influence.firstOrder).map(Double.init), first) < 1e-6)
  }

  // MARK: - Some of the parameters

  /// H of the least squares and b of a group, dense.
  static func system(_ group: [Int], damping: Double) -> (h: [[Double]], b: [Double]) {
    let (h, _) = model.normalEquations(all, shift: lambda + damping)
    let sum = model.gradientSum(at: theta, over: group)
    let m = Double(group.count)
    return (h, zip(sum, theta).map { ($0 + m * lambda * $1) / (400 - m) })
  }

  @Test func partialSchemesAreTheDenseSolutions() throws {
    let group = Array(200..<260)
    let (h, b) = Self.system(group, damping: 0.5)
    var model = Self.model
    for chosen in [[0, 2, 5], [4], [0, 1, 2, 3, 4, 5]] {
      model.chosen = chosen
      func result(_ scheme: InfluenceScheme) throws -> [Double] {
        let found = try Self.change(group, of: model, Self.options(scheme) { $0.damping = 0.5 })
        #expect(found.influence.selected == chosen && found.influence.converged)
        return found.change
      }
      func scattered(_ values: [Double]) -> [Double] {
        var x = [Double](repeating: 0, count: 6)
        for (value, place) in zip(values, chosen) { x[place] = value }
        return x
      }
      // FIF: H_JJ⁻¹ b_J.
      let block = chosen.map { i in chosen.map { h[i][$0] } }
      #expect(distance(try result(.fif), scattered(solved(block, chosen.map { b[$0] }))) < 1e-12)
      // PIF: (H⁻¹ b)_J.
      let whole = solved(h, b)
      #expect(distance(try result(.pif), scattered(chosen.map { whole[$0] })) < 1e-12)
      // GIF: H[:, J]⁺ b by the normal equations.
      let columns = chosen.map { j in h.map { $0[j] } }
      let normal = columns.map { a in columns.map { dot(a, $0) } }
      #expect(distance(try result(.gif), scattered(solved(normal, columns.map { dot($0, b) }))) < 1e-11)
    }
    // With every parameter all of them are H⁻¹ b.
    let all = try Self.change(group, of: model, Self.options(.gif) { $0.damping = 0.5 })
    #expect(distance(all.change, solved(h, b)) < 1e-11)
    #expect(try #require(all.influence.misfit) < 1e-10)
  }

  @Test func leastSquaresMeetsTheEquationBest() throws {
    var model = Self.model
    model.chosen = [1, 3]
    let group = Array(0..<50)
    let (h, b) = Self.system(group, damping: 0)
    func misfit(_ x: [Double]) -> Double {
      distance(h.map { dot($0, x) }, b) / dot(b, b).squareRoot()
    }
    let gif = try Self.change(group, of: model, Self.options(.gif))
    let fif = try Self.change(group, of: model, Self.options(.fif))
    let pif = try Self.change(group, of: model, Self.options(.pif))
    #expect(misfit(gif.change) < misfit(fif.change) && misfit(gif.change) < misfit(pif.change))
    #expect(abs(try #require(gif.influence.misfit) - misfit(gif.change)) < 1e-12)
  }

  @Test func selectingNothingIsRefused() {
    var model = Self.model
    model.chosen = []
    #expect(throws: InfluenceError.nothingSelected(ratio: 0.1)) {
      try Self.change([1, 2], of: model, Self.options(.fif))
    }
    for ratio in [0, -0.1, 1.5, .nan] {
      #expect(throws: InfluenceError.self) { try Self.change([1], Self.options(.gif) { $0.ratio = ratio }) }
    }
  }

  // MARK: - Losses

  @Test func theSecondOrderPredictionOfAQuadraticLossIsExact() throws {
    let group = Array(0..<100)
    for scheme in [InfluenceScheme.firstOrder, .newton, .secondOrder] {
      let influence = try Self.change(group, Self.options(scheme)).influence
      for loss in [influence.groupLoss, influence.retainedLoss] {
        let loss = try #require(loss)
        #expect(abs(loss.secondOrder - loss.actual) < 1e-12 && loss.firstOrder != loss.secondOrder)
      }
      #expect(try #require(influence.groupLoss).actual > 0)
    }
  }

  @Test(arguments: InfluenceScheme.allCases) func anEmptyGroupChangesNothing(scheme: InfluenceScheme) throws {
    let somewhere = Self.theta.map { $0 + 1 }
    let options = Self.options(scheme) { $0.gradient = .retained }
    #expect(try Self.change([], at: somewhere, options).change.allSatisfy { $0 == 0 })
  }

  @Test(arguments: InfluenceScheme.allCases) func theOrderOfTheGroupDoesNotMatter(scheme: InfluenceScheme)
    throws
  {
    var model = Self.model
    model.chosen = [0, 3, 4]
    let group = Array(20..<90)
    let one = try Self.change(group, of: model, Self.options(scheme)).change
    let other = try Self.change(group.reversed(), of: model, Self.options(scheme)).change
    #expect(distance(one, other) < 1e-12)
  }

  @Test(arguments: InfluenceScheme.allCases) func everySchemeUnlearnsInSteps(scheme: InfluenceScheme) throws {
    var model = Self.model
    model.chosen = [0, 2, 3]
    let parts = [Array(0..<60), [], Array(60..<180)]
    let stream = RandomStream(key: 1)
    let options = Self.options(scheme)
    let result = try unlearn(
      model, parameters: Self.theta, trainingSet: Self.all, parts: parts, options: options, stream: stream)
    // By hand: the second part from the moved parameters and from the images that are left.
    let first = try Self.change(parts[0], of: model, options).change
    let moved = zip(Self.theta, first).map { $0 + $1 }
    let second = try Influence.influence(
      model, parameters: moved, trainingSet: Array(60..<400), group: parts[2], options: options,
      stream: stream)
    #expect(distance(result.parameters, zip(moved, second.change).map { $0 + $1 }) < 1e-12)
    #expect(result.steps.count == 3 && result.steps.allSatisfy(\.converged))
    #expect(result.steps[1].change.allSatisfy { $0 == 0 })
  }

  /// Newton from the retained gradient makes up at each step for what the steps before missed.
  @Test func newtonInStepsIsExact() throws {
    let parts = [Array(0..<60), Array(60..<120), Array(120..<180)]
    let result = try unlearn(
      Self.model, parameters: Self.theta.map { $0 + 1 }, trainingSet: Self.all, parts: parts,
      options: Self.options(.newton) { $0.gradient = .retained }, stream: RandomStream(key: 1))
    let retrained = Self.retrained(without: Array(0..<180), scale: .mean)
    #expect(distance(result.parameters, retrained) < 1e-10 * distance(Self.theta, retrained))
  }
}
