// The solvers of the schemes: series, budgets, the ends of the spectrum and an indefinite curvature.

import Influence
import NeuralNet
import Tensor
import Testing

@Suite struct SolveTests {
  @Test func aLongSeriesIsTheSolutionAndAShortOneIsDamped() throws {
    let group = Array(0..<40)
    let exact = try SchemeTests.change(group, SchemeTests.options(.firstOrder)).change
    func neumann(_ terms: Int, _ scheme: InfluenceScheme = .firstOrder) throws -> InfluenceResult {
      var model = SchemeTests.model
      model.chosen = [0, 1, 2, 3, 4, 5]
      return try SchemeTests.change(
        group, of: model,
        SchemeTests.options(scheme) {
          $0.solver = .neumann
          $0.seriesTerms = terms
          $0.seriesScale = 4
          $0.tolerance = 1e-5
        })
    }
    // Its vectors are of float32.
    let long = try neumann(200)
    let size = dot(exact, exact).squareRoot()
    #expect(distance(long.change, exact) < 1e-5 * size && long.influence.converged)
    #expect(distance(try neumann(800, .gif).change, exact) < 1e-4 * size)
    // J steps of 1/σ: H⁻¹ (1 − (1 − H/σ)ᴶ) b, here for one term b/σ.
    let short = try neumann(1)
    let b = SchemeTests.system(group, damping: 0).b
    #expect(distance(short.change, b.map { $0 / 4 }) < 1e-6 * size)
    #expect(!short.influence.converged && short.influence.impliedDamping == 4)
    #expect(long.influence.impliedDamping == 4.0 / 200)
    #expect(abs(try neumann(100, .gif).influence.impliedDamping - 0.4) < 1e-12)
  }

  @Test func lissaComesNearAndSaysHowNear() throws {
    let group = Array(0..<40)
    let options = SchemeTests.options(.firstOrder) {
      $0.solver = .lissa
      $0.seriesTerms = 4000
      $0.seriesScale = 100
      $0.seriesBatch = 20
      $0.damping = 0.5
    }
    let result = try SchemeTests.change(group, options)
    let (h, b) = SchemeTests.system(group, damping: 0.5)
    let exact = solved(h, b)
    #expect(distance(result.change, exact) < 0.1 * dot(exact, exact).squareRoot())
    // The stored residual is the true one over all curvature images.
    let residual = distance(h.map { dot($0, result.change) }, b) / dot(b, b).squareRoot()
    #expect(abs(result.influence.residual - residual) < 1e-5)
    #expect(!result.influence.converged)
    // A step that is too long is told.
    #expect(throws: NeuralNetError.self) {
      try SchemeTests.change(
        group,
        SchemeTests.options(.firstOrder) {
          $0.solver = .lissa; $0.seriesScale = 0.1
        })
    }
  }

  @Test func aBudgetIsSpentToItsEnd() throws {
    var model = SchemeTests.model
    model.chosen = [0, 1, 2]
    for (scheme, budget) in [(InfluenceScheme.firstOrder, 4), (.newton, 5), (.pif, 4)] {
      let result = try SchemeTests.change(
        Array(0..<40), of: model,
        SchemeTests.options(scheme) {
          $0.productBudget = budget
          $0.tolerance = 0.5
        })
      #expect(result.influence.products == budget && result.influence.iterations == budget - 1)
      #expect(result.influence.converged)
    }
  }

  @Test func theRangeOfTheCurvatureIsThatOfTheDenseMatrix() throws {
    let (h, _) = SchemeTests.model.normalEquations(SchemeTests.all, shift: SchemeTests.lambda)
    let result = try SchemeTests.change(Array(0..<40), SchemeTests.options(.firstOrder) { $0.damping = 0.5 })
    let range = try #require(result.influence.curvature)
    // An eigenvalue makes H − μ singular: its smallest pivot vanishes.
    for end in [range.lowerBound, range.upperBound] {
      #expect(abs(determinant(h, shift: -end)) < 1e-9)
    }
    #expect(range.lowerBound < range.upperBound)
    // From a Lanczos iteration of its own where the solver's vectors are of another space.
    var model = SchemeTests.model
    model.chosen = [0, 1]
    let gif = try SchemeTests.change(Array(0..<40), of: model, SchemeTests.options(.gif) { $0.damping = 0.5 })
    let own = try #require(gif.influence.curvature)
    #expect(abs(own.lowerBound - range.lowerBound) < 1e-2 && abs(own.upperBound - range.upperBound) < 1e-2)
  }

  private func determinant(_ matrix: [[Double]], shift: Double) -> Double {
    var a = matrix
    for i in a.indices { a[i][i] += shift }
    var product = 1.0
    for k in a.indices {
      let pivot = (k..<a.count).max { abs(a[$0][k]) < abs(a[$1][k]) } ?? k
      a.swapAt(k, pivot)
      product *= a[k][k]
      if a[k][k] == 0 { return 0 }
      for i in k + 1..<a.count {
        let factor = a[i][k] / a[k][k]
        for j in k..<a.count { a[i][j] -= factor * a[k][j] }
      }
    }
    return product
  }

  @Test func anIndefiniteHessianIsRefusedBeforeTheSolve() throws {
    var concave = SchemeTests.model
    concave.sign = -1
    let options = SchemeTests.options(.firstOrder) {
      $0.curvature = .hessian
      $0.damping = 0.01
    }
    #expect {
      try SchemeTests.change([1, 2], of: concave, options)
    } throws: { error in
      guard case .indefinite(let least, 0.01)? = error as? InfluenceError else { return false }
      return least < -0.3
    }
    // Damping that lifts the spectrum above 0 makes it a system again.
    let lifted = SchemeTests.options(.firstOrder) {
      $0.curvature = .hessian
      $0.damping = 5
    }
    #expect(try SchemeTests.change([1, 2], of: concave, lifted).influence.converged)
    #expect(throws: InfluenceError.self) {
      try SchemeTests.change([1], SchemeTests.options(.firstOrder) { $0.curvature = .hessian })
    }
  }
}
