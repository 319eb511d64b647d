// What a solve says of itself is true where the arithmetic is not: residuals are recomputed, and none is left out.

import Influence
import NeuralNet
import Tensor
import Testing

/// Least squares of which curvature products are not exact.
private struct Unsteady: InfluenceModel {
  final class Count { var made = 0 }
  var model: LeastSquares
  /// Spoils a product, given what it is of and its number.
  let spoil: (_ product: inout [Double], _ v: [Double], _ number: Int) -> Void
  let products = Count()

  func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) -> [Int] { model.chosen }
  func lossSum(at parameters: [Double], over images: [Int]) -> Double {
    model.lossSum(at: parameters, over: images)
  }
  func gradientSum(at parameters: [Double], over images: [Int]) -> [Double] {
    model.gradientSum(at: parameters, over: images)
  }
  func curvature(
    _ kind: CurvatureKind, at parameters: [Double], over images: [Int], once: Bool
  ) throws -> ([Double]) throws -> [Double] {
    let exact = model.curvature(kind, at: parameters, over: images, once: once)
    return { v in
      var product = try exact(v)
      defer { products.made += 1 }
      spoil(&product, v, products.made)
      return product
    }
  }
}

@Suite struct HonestSolveTests {
  private static let group = Array(40..<120)

  /// ‖Cᵀ(b − H x)‖ / ‖Cᵀb‖ of the change, C being H or, for the equation itself, 1.
  private static func residual(_ change: [Double], normal: Bool) throws -> Double {
    let model = SchemeTests.model
    let shift = SchemeTests.lambda
    let (h, _) = model.normalEquations(SchemeTests.all, shift: shift)
    var b = model.gradientSum(at: SchemeTests.theta, over: group)
    for i in b.indices { b[i] = b[i] / 320 + SchemeTests.theta[i] * shift * 80 / 320 }
    func times(_ v: [Double]) -> [Double] { h.map { dot($0, v) } }
    let r = zip(b, times(change)).map { $0 - $1 }
    let (top, bottom) = normal ? (times(r), times(b)) : (r, b)
    return (dot(top, top) / dot(bottom, bottom)).squareRoot()
  }

  /// The recurrence goes on from wrong products as if they were right: only a fresh product tells, and only another
  /// start from there reaches the tolerance.
  @Test(arguments: [InfluenceScheme.firstOrder, .gif]) func residualsAreRecomputed(scheme: InfluenceScheme)
    throws
  {
    var exact = SchemeTests.model
    exact.chosen = Array(0..<6)
    // After those for the eigenvalues and the target of the least squares.
    let wrong = scheme == .gif ? 9..<13 : 1..<4
    let model = Unsteady(model: exact) { product, _, number in
      if wrong.contains(number) {
        for i in product.indices where i % 2 == 0 { product[i] *= 1.01 }
      }
    }
    let options = SchemeTests.options(scheme) {
      $0.tolerance = 1e-9
      $0.maxIterations = 200
    }
    let result = try Influence.influence(
      model, parameters: SchemeTests.theta, trainingSet: SchemeTests.all, group: Self.group, options: options,
      stream: RandomStream(key: 1))
    let truth = try Self.residual(result.change, normal: scheme == .gif)
    #expect(result.influence.converged && truth <= 1.01e-9, "\(truth)")
    #expect(abs(result.influence.residual - truth) < 1e-12)
    #expect(model.products.made > wrong.upperBound + 6, "the solve went on after the wrong products")
  }

  /// Products in float32 have noise. A tolerance below it is never met, and the recurrence must not run away for that: the
  /// solve ends at the noise, and says that it has not converged.
  @Test func aToleranceBelowTheNoiseEndsAtTheNoise() throws {
    var exact = SchemeTests.model
    exact.chosen = [0, 2, 3]
    let noise = 1e-7
    let model = Unsteady(model: exact) { product, v, number in
      let size = noise * dot(v, v).squareRoot()
      for i in product.indices { product[i] += (number * 7 + i * 3) % 5 < 2 ? size : -size }
    }
    func solved(_ model: some InfluenceModel, _ tolerance: Double) throws -> (GroupInfluence, [Double]) {
      let options = SchemeTests.options(.gif) {
        $0.tolerance = tolerance
        $0.maxIterations = 2000
      }
      let result = try Influence.influence(
        model, parameters: SchemeTests.theta, trainingSet: SchemeTests.all, group: Self.group,
        options: options, stream: RandomStream(key: 1))
      return (result.influence, result.change)
    }
    let (truth, exactChange) = try solved(exact, 1e-11)
    let (found, change) = try solved(model, 1e-11)
    #expect(truth.converged && !found.converged)
    #expect(distance(change, exactChange) < 1e-4 * distance(exactChange, exactChange.map { _ in 0 }))
    #expect(found.residual < 1e-4, "\(found.residual)")
  }

  /// The normal equations are met long before the directions of little curvature are: a small residual of theirs is
  /// no solution yet.
  @Test func aCappedLeastSquaresSolveHasNotConverged() throws {
    var model = LeastSquares(rows: 400, columns: 6, seed: 640)
    for i in 0..<400 { model.x[i * 6] *= 30 }
    model.chosen = Array(0..<6)
    let theta = model.optimum(SchemeTests.all, lambda: SchemeTests.lambda)
    func solved(_ iterations: Int) throws -> GroupInfluence {
      let options = SchemeTests.options(.gif) {
        $0.tolerance = 0.01
        $0.maxIterations = iterations
      }
      return try SchemeTests.change(Self.group, at: theta, of: model, options).influence
    }
    let capped = try solved(2)
    #expect(capped.residual <= 0.01, "the normal equations are met: \(capped.residual)")
    #expect(
      try #require(capped.misfit) > 0.02, "and the equation is not: \(String(describing: capped.misfit))")
    #expect(!capped.converged)
    let whole = try solved(100)
    #expect(try whole.converged && #require(whole.misfit) < 0.01)
  }

  /// Of two solves the worse residual is told, whichever it is.
  @Test func theResidualOfTheFirstSolveIsNotForgotten() throws {
    var worse = 0
    for start in stride(from: 0, to: 320, by: 20) {
      let group = Array(start..<start + 40)
      let change: (inout InfluenceOptions) -> Void = { $0.maxIterations = 3 }
      let first = try SchemeTests.change(group, SchemeTests.options(.firstOrder, change)).influence
      let both = try SchemeTests.change(group, SchemeTests.options(.secondOrder, change)).influence
      #expect(both.residual >= first.residual && !both.converged)
      if both.residual > first.residual { worse += 1 }
    }
    #expect(worse > 0 && worse < 16, "either solve is the worse one in some group: \(worse) of 16")
  }
}
