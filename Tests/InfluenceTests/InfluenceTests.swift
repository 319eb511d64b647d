// Influence and unlearning on least squares, where every removal has a closed form, in float64.

import Influence
import NeuralNet
import SampleData
import Tensor
import Testing

/// Least squares: losses ½ (xᵢ·θ − yᵢ)² with curvature xᵢ xᵢᵀ.
struct LeastSquares: InfluenceModel {
  var x: [Double]
  var y: [Double]
  let columns: Int
  /// A sign of −1 makes a concave loss, for the solver to refuse.
  var sign = 1.0
  /// What every selection chooses.
  var chosen: [Int] = []

  init(rows: Int, columns: Int, seed: UInt64) {
    x = normals(seed, rows * columns)
    y = normals(seed + 1, rows)
    self.columns = columns
  }

  func row(_ i: Int) -> ArraySlice<Double> { x[i * columns..<(i + 1) * columns] }

  func selected(
    _ selection: ParameterSelection, ratio: Double, at parameters: [Double], for group: [Int],
    stream: RandomStream
  ) -> [Int] { chosen }

  private func error(_ i: Int, _ parameters: [Double]) -> Double {
    zip(row(i), parameters).reduce(0) { $0 + $1.0 * $1.1 } - y[i]
  }

  func lossSum(at parameters: [Double], over images: [Int]) -> Double {
    images.reduce(0) { $0 + 0.5 * sign * error($1, parameters) * error($1, parameters) }
  }

  func gradientSum(at parameters: [Double], over images: [Int]) -> [Double] {
    var gradient = [Double](repeating: 0, count: columns)
    for i in images {
      let error = error(i, parameters)
      for (j, value) in row(i).enumerated() { gradient[j] += sign * error * value }
    }
    return gradient
  }

  func curvature(_ kind: CurvatureKind, at parameters: [Double], over images: [Int], once: Bool)
    -> ([Double]) throws -> [Double]
  {
    { v in
      var product = [Double](repeating: 0, count: columns)
      for i in images {
        let along = zip(row(i), v).reduce(0) { $0 + $1.0 * $1.1 }
        for (j, value) in row(i).enumerated() { product[j] += sign * along * value / Double(images.count) }
      }
      return product
    }
  }

  /// A + shift·I for the mean of xᵢ xᵢᵀ over `images`, and the mean of xᵢ yᵢ.
  func normalEquations(_ images: [Int], shift: Double) -> (matrix: [[Double]], right: [Double]) {
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: columns), count: columns)
    var right = [Double](repeating: 0, count: columns)
    for i in images {
      for (j, a) in row(i).enumerated() {
        right[j] += a * y[i] / Double(images.count)
        for (k, b) in row(i).enumerated() { matrix[j][k] += a * b / Double(images.count) }
      }
    }
    for j in 0..<columns { matrix[j][j] += shift }
    return (matrix, right)
  }

  /// The optimum of the mean loss over `images` with ½ λ ‖θ‖².
  func optimum(_ images: [Int], lambda: Double) -> [Double] {
    let (matrix, right) = normalEquations(images, shift: lambda)
    return solved(matrix, right)
  }
}

/// The solution of a dense system by elimination with pivots.
func solved(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
  var a = matrix
  var b = right
  let n = b.count
  for k in 0..<n {
    let pivot = (k..<n).max { abs(a[$0][k]) < abs(a[$1][k]) } ?? k
    a.swapAt(k, pivot)
    b.swapAt(k, pivot)
    for i in k + 1..<n {
      let factor = a[i][k] / a[k][k]
      for j in k..<n { a[i][j] -= factor * a[k][j] }
      b[i] -= factor * b[k]
    }
  }
  for i in stride(from: n - 1, through: 0, by: -1) {
    for j in i + 1..<n { b[i] -= a[i][j] * b[j] }
    b[i] /= a[i][i]
  }
  return b
}

func distance(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
}

@Suite struct InfluenceTests {
  static let model = LeastSquares(rows: 400, columns: 6, seed: 600)
  static let all = Array(0..<400)
  static let lambda = 0.125

  static var options: InfluenceOptions {
    var options = InfluenceOptions()
    options.hessianImages = 400
    options.damping = 0
    options.weightDecay = Float(lambda)
    options.tolerance = 1e-13
    return options
  }

  static func influence(_ group: [Int], options: InfluenceOptions = options) throws -> InfluenceResult {
    try Influence.influence(
      model, parameters: model.optimum(all, lambda: lambda), trainingSet: all, group: group, options: options,
      stream: RandomStream(key: 1))
  }

  @Test func changeIsTheDenseSolution() throws {
    let group = Array(50..<90)
    let theta = Self.model.optimum(Self.all, lambda: Self.lambda)
    for damping in [0.0, 0.5] {
      let (matrix, _) = Self.model.normalEquations(Self.all, shift: Self.lambda + damping)
      let sum = Self.model.gradientSum(at: theta, over: group)
      var options = Self.options
      options.damping = damping
      let mean = solved(matrix, zip(sum, theta).map { ($0 + 40 * Self.lambda * $1) / 360 })
      #expect(try distance(Self.influence(group, options: options).change, mean) < 1e-12)
      options.scale = .koh
      let koh = solved(matrix, sum.map { $0 / 400 })
      #expect(try distance(Self.influence(group, options: options).change, koh) < 1e-12)
    }
  }

  /// For one image the error is of the order of 1/n of the effect, for the retraining that the scale stands
  /// for; with the other's regulariser, here a strong one, it is of the order of the effect.
  @Test(arguments: InfluenceScale.allCases) func predictsItsOwnRetraining(scale: InfluenceScale) throws {
    let lambda = 2.0
    let theta = Self.model.optimum(Self.all, lambda: lambda)
    var options = Self.options
    options.scale = scale
    options.weightDecay = Float(lambda)
    let result = try Influence.influence(
      Self.model, parameters: theta, trainingSet: Self.all, group: [7], options: options,
      stream: RandomStream(key: 1))
    let predicted = zip(theta, result.change).map { $0 + $1 }
    let left = Self.all.filter { $0 != 7 }
    func error(_ scale: InfluenceScale) -> Double {
      let retrained = Self.model.optimum(left, lambda: scale == .mean ? lambda : lambda * 400 / 399)
      return distance(predicted, retrained) / distance(theta, retrained)
    }
    let own = error(scale)
    let other = error(scale == .mean ? .koh : .mean)
    #expect(own < 0.02 && other > 3 * own, "\(own) \(other)")
  }

  @Test func kohIsAdditiveOverDisjointGroups() throws {
    var options = Self.options
    options.scale = .koh
    let a = Array(10..<35)
    let b = Array(200..<230)
    let sum = zip(
      try Self.influence(a, options: options).change, try Self.influence(b, options: options).change
    ).map { $0 + $1 }
    #expect(try distance(Self.influence(a + b, options: options).change, sum) < 1e-12)
    // In the mean scale (n − m) · change is.
    let scaled = zip(try Self.influence(a).change, try Self.influence(b).change).map { 375 * $0 + 370 * $1 }
    let both = try Self.influence(a + b).change.map { 345 * $0 }
    #expect(distance(both, scaled) < 1e-9)
  }

  @Test func nothingRemovedChangesNothing() throws {
    let result = try Self.influence([])
    #expect(result.change.allSatisfy { $0 == 0 } && result.influence.converged)
    let theta = Self.model.optimum(Self.all, lambda: Self.lambda)
    let unlearned = try unlearn(
      Self.model, parameters: theta, trainingSet: Self.all, parts: [[], []], options: Self.options,
      stream: RandomStream(key: 1))
    #expect(unlearned.parameters == theta && unlearned.steps.count == 2)
  }

  @Test func moreStepsComeCloserToRetraining() throws {
    let theta = Self.model.optimum(Self.all, lambda: Self.lambda)
    let group = Array(0..<180)
    let retrained = Self.model.optimum(Array(180..<400), lambda: Self.lambda)
    var errors: [Double] = []
    for k in [1, 3, 9] {
      let parts = (0..<k).map { step in group.filter { $0 * k / 180 == step } }
      let result = try unlearn(
        Self.model, parameters: theta, trainingSet: Self.all, parts: parts, options: Self.options,
        stream: RandomStream(key: 1))
      #expect(result.steps.allSatisfy(\.converged) && result.steps.count == k)
      errors.append(distance(result.parameters, retrained))
    }
    #expect(errors[1] < errors[0] && errors[2] < errors[1], "\(errors)")
  }

  @Test func aStepUsesTheImagesThatAreLeft() throws {
    // Two steps by hand: the second at the moved θ with the normal equations of those left.
    let theta = Self.model.optimum(Self.all, lambda: Self.lambda)
    let parts = [Array(0..<100), Array(100..<150)]
    let first = try Self.influence(parts[0]).change
    let moved = zip(theta, first).map { $0 + $1 }
    let (matrix, _) = Self.model.normalEquations(Array(100..<400), shift: Self.lambda)
    let sum = Self.model.gradientSum(at: moved, over: parts[1])
    let second = solved(matrix, zip(sum, moved).map { ($0 + 50 * Self.lambda * $1) / 250 })
    let result = try unlearn(
      Self.model, parameters: theta, trainingSet: Self.all, parts: parts, options: Self.options,
      stream: RandomStream(key: 1))
    #expect(distance(result.parameters, zip(moved, second).map { $0 + $1 }) < 1e-11)
  }

  @Test func missedToleranceAndNegativeCurvatureAreReported() throws {
    var options = Self.options
    options.maxIterations = 2
    let short = try Self.influence(Array(0..<40), options: options).influence
    #expect(!short.converged && short.iterations == 2 && short.residual > 1e-13)

    var concave = Self.model
    concave.sign = -1
    let theta = [Double](repeating: 1, count: 6)
    let result = try Influence.influence(
      concave, parameters: theta, trainingSet: Self.all, group: [1, 2], options: Self.options,
      stream: RandomStream(key: 1))
    #expect(result.influence.negativeCurvature && !result.influence.converged)
    #expect(throws: InfluenceError.negativeCurvature(step: 0, iteration: result.influence.iterations)) {
      try unlearn(
        concave, parameters: theta, trainingSet: Self.all, parts: [[1, 2]], options: Self.options,
        stream: RandomStream(key: 1))
    }
  }

  @Test func refuseGroupsThatCannotBeRemoved() {
    #expect(throws: InfluenceError.notInTrainingSet(index: 400)) { try Self.influence([3, 400]) }
    #expect(throws: InfluenceError.duplicate(index: 3)) { try Self.influence([3, 4, 3]) }
    #expect(throws: InfluenceError.nothingRetained) { try Self.influence(Self.all) }
    #expect(throws: InfluenceError.notInTrainingSet(index: -1)) { try Self.influence([-1]) }
    for (name, change) in [
      ("damping", { (options: inout InfluenceOptions) in options.damping = -1 }),
      ("damping", { $0.damping = .nan }),
      ("tolerance", { $0.tolerance = 0 }),
      ("hessianImages", { $0.hessianImages = 0 }),
      ("maxIterations", { $0.maxIterations = 0 }),
      ("weightDecay", { $0.weightDecay = -.infinity }),
    ] {
      var options = Self.options
      change(&options)
      #expect {
        try Self.influence([1], options: options)
      } throws: { error in
        if case .invalidOption(let actual, _)? = error as? InfluenceError { return actual == name }
        return false
      }
    }
  }

  @Test func aNaNParameterIsNamed() throws {
    var theta = Self.model.optimum(Self.all, lambda: Self.lambda)
    theta[2] = .nan
    #expect(throws: InfluenceError.notFinite(what: "the group's gradient")) {
      try Influence.influence(
        Self.model, parameters: theta, trainingSet: Self.all, group: [1], options: Self.options,
        stream: RandomStream(key: 1))
    }
  }
}
