// Gradients and Gauss-Newton products against float64 references, dense matrices and differences.

import NeuralNet
import Tensor
import Testing

private func nets() throws -> [(Network, ImageSet)] {
  [
    (try Network.named("lenet"), try randomImages(50)),
    (try wideNet(), try randomImages(50, height: 9, width: 8, classes: 5)),
    (try stridedNet(), try randomImages(50, height: 9, width: 7, classes: 5)),
    (try mixedNet(), try randomImages(50, height: 11, width: 10, channels: 2, classes: 4)),
    (try smallNet(), try randomImages(50, height: 6, width: 6, classes: 3)),
    (try residualNet(), try randomImages(50, height: 7, width: 6, channels: 2, classes: 4)),
  ]
}

@Suite struct DerivativeTests {
  let pool = ThreadPool(threads: 2)

  /// The oracle itself: its gradient is the slope of its loss.
  @Test func referenceGradientIsTheSlopeOfTheLoss() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4).map(Double.init)
      let image = ReferencePass.image(data, 0)
      let label = Int(data.labels[0])
      let gradient = ReferencePass(network, parameters, image: image).gradient(label: label)
      var stream = RandomStream(key: 8)
      for _ in 0..<5 {
        let direction = parameters.map { _ in stream.normal() }
        func loss(_ step: Double) -> Double {
          ReferencePass(network, zip(parameters, direction).map { $0 + step * $1 }, image: image)
            .loss(label: label)
        }
        // A step small enough that no ReLU or pooling changes its branch.
        let slope = (loss(1e-8) - loss(-1e-8)) / 2e-8
        let expected = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(slope - expected) < 1e-5 * max(abs(expected), 1))
      }
    }
  }

  @Test func lossesAndGradientsAgreeWithTheReference() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4)
      for images in [Array(0..<50), [3], Array(7..<23), Array(7..<24)] {
        let curvature = try Curvature(
          network, parameters: parameters, data: data, indices: images, weightDecay: 0.01, pool: pool)
        let (loss, gradient) = try curvature.gradient()
        var expectedLoss = 0.0
        let expected = referenceMean(network, parameters, data, images) { pass, label in
          expectedLoss += pass.loss(label: label) / Double(images.count)
          return pass.gradient(label: label)
        }
        let regularised = zip(expected, parameters).map { $0 + 0.01 * Double($1) }
        #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
        #expect(relativeDistance(gradient, regularised) < 2e-6)
        let sum = try curvature.gradientSum(over: images)
        #expect(relativeDistance(sum.gradient, expected.map { $0 * Double(images.count) }) < 2e-6)
      }
    }
  }

  @Test func evaluationAgreesWithTheReference() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4)
      let images = Array(stride(from: 49, through: 0, by: -3))
      let result = try evaluate(network, parameters: parameters, data: data, indices: images, pool: pool)
      let rows = try features(network, parameters: parameters, data: data, indices: images, pool: pool)
      for (place, index) in images.enumerated() {
        let pass = ReferencePass(
          network, parameters.map(Double.init), image: ReferencePass.image(data, index))
        let expected = pass.loss(label: Int(data.labels[index]))
        #expect(abs(Double(result.losses[place]) - expected) < 1e-5 * max(expected, 1))
        let best = pass.logits.indices.max { pass.logits[$0] < pass.logits[$1] }
        #expect(Int(result.predictions[place]) == best)
        #expect(result.correct[place] == (best == Int(data.labels[index])))
        let own = rows[place * network.featureCount..<(place + 1) * network.featureCount]
        #expect(relativeDistance(Array(own), pass.activations[pass.activations.count - 2]) < 1e-5)
      }
    }
  }

  @Test func smallLossesKeepTheirDigits() throws {
    // Logits are the biases alone: 30 against 0 gives a loss of 2·exp(−30), far below float's 1 + x.
    let network = try smallNet()
    var parameters = [Float](repeating: 0, count: network.parameterCount)
    parameters[network.parameterCount - 3] = 30
    let data = try ImageSet(images: [UInt8](repeating: 9, count: 36), labels: [0], height: 6, width: 6)
    let result = try evaluate(network, parameters: parameters, data: data, indices: [0], pool: pool)
    #expect(abs(Double(result.losses[0]) / (2 * exponential(-30)) - 1) < 1e-5)
  }

  @Test func gaussNewtonProductAgreesWithTheReference() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4)
      let images = Array(2..<45)
      let v = randomVector(network.parameterCount, key: 3)
      let curvature = try Curvature(
        network, parameters: parameters, data: data, indices: images, weightDecay: 0.1, pool: pool)
      let expected = referenceMean(network, parameters, data, images) { pass, _ in
        pass.gaussNewtonProduct(v.map(Double.init))
      }
      let product = try curvature.gaussNewtonProduct(v)
      #expect(relativeDistance(product, zip(expected, v).map { $0 + 0.1 * Double($1) }) < 1e-5)
    }
  }

  @Test func hessianProductAgreesWithTheReference() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4)
      let images = Array(2..<45)
      let v = randomVector(network.parameterCount, key: 3)
      let curvature = try Curvature(
        network, parameters: parameters, data: data, indices: images, weightDecay: 0.1, pool: pool)
      let expected = referenceMean(network, parameters, data, images) { pass, label in
        pass.hessianProduct(v.map(Double.init), label: label)
      }
      let product = try curvature.hessianProduct(v)
      #expect(relativeDistance(product, zip(expected, v).map { $0 + 0.1 * Double($1) }) < 1e-5)
    }
  }

  /// The reference's Hessian product in float64: central differences of the gradient, symmetry, and the dense
  /// Hessian by columns.
  @Test func referenceHessianIsTheGradientsSlope() throws {
    let network = try smallNet()
    let data = try randomImages(3, height: 6, width: 6, classes: 3)
    let parameters = network.initialParameters(stream: RandomStream(key: 2)).map(Double.init)
    let n = network.parameterCount
    let image = ReferencePass.image(data, 0)
    let label = Int(data.labels[0])
    let pass = ReferencePass(network, parameters, image: image)
    let dense = (0..<n).map { column in
      pass.hessianProduct((0..<n).map { $0 == column ? 1 : 0 }, label: label)
    }
    let u = randomVector(n, key: 5).map(Double.init)
    let v = randomVector(n, key: 6).map(Double.init)
    let hv = pass.hessianProduct(v, label: label)
    #expect(relativeDistance((0..<n).map { dot(dense[$0], v) }, hv) < 1e-8)
    let hu = pass.hessianProduct(u, label: label)
    #expect(abs(dot(u, hv) - dot(v, hu)) < 1e-8 * abs(dot(u, hv)))
    func gradient(_ step: Double) -> [Double] {
      ReferencePass(network, zip(parameters, v).map { $0 + step * $1 }, image: image).gradient(label: label)
    }
    let slope = zip(gradient(1e-6), gradient(-1e-6)).map { ($0 - $1) / 2e-6 }
    #expect(relativeDistance(slope, hv) < 1e-5)
  }

  @Test func jacobianProductsAndGradientNormsAgreeWithTheReference() throws {
    for (network, data) in try nets() {
      let parameters = unevenParameters(network, key: 4)
      let images = Array((1..<40).reversed())
      let v = randomVector(network.parameterCount, key: 3)
      let curvature = try Curvature(
        network, parameters: parameters, data: data, indices: [0, 1], weightDecay: 0.1, pool: pool)
      let rows = try curvature.jacobianProduct(v, over: images)
      let norms = try curvature.gradientNorms(over: images)
      for (place, index) in images.enumerated() {
        let pass = ReferencePass(
          network, parameters.map(Double.init), image: ReferencePass.image(data, index))
        let t = pass.tangents(v.map(Double.init))
        let own = rows[place * network.classes..<(place + 1) * network.classes]
        #expect(relativeDistance(Array(own), t[t.count - 1]) < 1e-5)
        let gradient = pass.gradient(label: Int(data.labels[index]))
        let expected = dot(gradient, gradient).squareRoot()
        #expect(abs(Double(norms[place]) - expected) < 1e-5 * expected)
      }
    }
  }

  /// JᵀH_L J assembled densely from the logits' gradients.
  @Test func gaussNewtonProductIsTheDenseMatrix() throws {
    let network = try smallNet()
    let data = try randomImages(20, height: 6, width: 6, classes: 3)
    let parameters = network.initialParameters(stream: RandomStream(key: 2))
    let n = network.parameterCount
    var dense = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for index in 0..<20 {
      let pass = ReferencePass(network, parameters.map(Double.init), image: ReferencePass.image(data, index))
      let p = pass.probabilities
      let jacobian = (0..<3).map { k in pass.backward((0..<3).map { $0 == k ? 1 : 0 }) }
      for k in 0..<3 {
        for l in 0..<3 {
          let h = (k == l ? p[k] : 0) - p[k] * p[l]
          for i in 0..<n {
            let f = h * jacobian[k][i] / 20
            if f != 0 { for j in 0..<n { dense[i][j] += f * jacobian[l][j] } }
          }
        }
      }
    }
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: Array(0..<20), pool: pool)
    for column in 0..<n {
      let unit = (0..<n).map { Float($0 == column ? 1 : 0) }
      let product = try curvature.gaussNewtonProduct(unit)
      for row in 0..<n { #expect(abs(Double(product[row]) - dense[row][column]) < 1e-6) }
    }
  }

  @Test func productsAreSymmetricAndLinear() throws {
    let network = try Network.named("lenet")
    let data = try randomImages(200)
    let parameters = unevenParameters(network, key: 4)
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: Array(0..<200), pool: pool)
    let u = randomVector(network.parameterCount, key: 5)
    let v = randomVector(network.parameterCount, key: 6)
    let au = try curvature.gaussNewtonProduct(u)
    let av = try curvature.gaussNewtonProduct(v)
    #expect(abs(dot(u, av) - dot(v, au)) < 1e-5 * (dot(u, au) * dot(v, av)).squareRoot())
    #expect(dot(u, au) > 0)
    let combined = try curvature.gaussNewtonProduct(zip(u, v).map { 2 * $0 - $1 })
    #expect(relativeDistance(combined, zip(au, av).map { 2 * Double($0) - Double($1) }) < 1e-5)
  }

  @Test func resultsDoNotDependOnThreadsOrCeiling() throws {
    let network = try Network.named("lenet")
    let data = try randomImages(700)
    let parameters = unevenParameters(network, key: 4)
    let v = randomVector(network.parameterCount, key: 5)
    var products: [[Float]] = []
    var gradients: [[Float]] = []
    var hessians: [[Float]] = []
    var kept: [Int] = []
    for threads in [1, 2, 3] {
      for ceiling in [10 << 20, 12 << 20, 400 << 20] {
        let curvature = try Curvature(
          network, parameters: parameters, data: data, indices: Array(0..<700), memoryCeiling: ceiling,
          pool: ThreadPool(threads: threads))
        kept.append(curvature.keptImages)
        products.append(try curvature.gaussNewtonProduct(v))
        // The first product leaves adjoints that the others use; another direction comes between.
        hessians.append(try curvature.hessianProduct(v))
        products.append(try curvature.gaussNewtonProduct(v))
        #expect(try curvature.hessianProduct(v.reversed()) != hessians[0])
        hessians.append(try curvature.hessianProduct(v))
        gradients.append(try curvature.gradient().gradient)
      }
    }
    #expect(Set(kept).count > 1 && kept.contains(700) && kept.contains { $0 < 700 })
    #expect(Set(products).count == 1)
    #expect(Set(gradients).count == 1)
    #expect(Set(hessians).count == 1)
  }

  @Test func badInputIsNamed() throws {
    let network = try smallNet()
    let data = try randomImages(4, height: 6, width: 6, classes: 4, key: 3)
    let good = network.initialParameters(stream: RandomStream(key: 2))
    var bad = good
    bad[25] = .nan
    let bias = try #require(network.parameterLayouts.first { $0.range.contains(25) })
    func curvature(_ parameters: [Float], _ indices: [Int], _ ceiling: Int = 1 << 30) throws(NeuralNetError) {
      _ = try Curvature(
        network, parameters: parameters, data: data, indices: indices, memoryCeiling: ceiling, pool: pool)
    }
    let valid = (0..<4).filter { data.labels[$0] < 3 }
    let wrong = try #require((0..<4).first { data.labels[$0] == 3 })
    #expect(throws: NeuralNetError.nonFiniteParameter(name: bias.name, index: 25 - bias.offset)) {
      try curvature(bad, valid)
    }
    #expect(throws: NeuralNetError.wrongParameterCount(expected: good.count, found: 3)) {
      try curvature([1, 2, 3], valid)
    }
    #expect(throws: NeuralNetError.emptyIndexSet) { try curvature(good, []) }
    #expect(throws: NeuralNetError.indexOutOfRange(index: 4, count: 4)) { try curvature(good, [4]) }
    #expect(throws: NeuralNetError.labelOutOfRange(image: wrong, label: 3, classes: 3)) {
      try curvature(good, [wrong])
    }
    #expect { try curvature(good, valid, 1000) } throws: { error in
      guard case .memoryCeilingTooLow(let needed, 1000) = error as? NeuralNetError else { return false }
      return needed > 1000
    }
    let lenet = try Network.named("lenet")
    #expect(throws: NeuralNetError.wrongImageShape(expected: [1, 28, 28], found: [1, 6, 6])) {
      try evaluate(
        lenet, parameters: lenet.initialParameters(stream: RandomStream(key: 1)), data: data, indices: [0],
        pool: pool)
    }
    #expect(throws: NeuralNetError.unknownNetwork("lenett", known: Network.names)) {
      try Network.named("lenett")
    }
    #expect(throws: NeuralNetError.wrongImageShape(expected: [1, 1, 28, 28], found: [3])) {
      try ImageSet(images: [1, 2, 3], labels: [0])
    }
  }
}
