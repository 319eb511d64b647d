// Whole nets in every variant of the kernels, the definitions among them, against the float64 reference.

import CKernels
import NeuralNet
import Tensor
import Testing

@Suite struct VariantTests {
  private static let nets = [
    ("mixed", 11, 10, 2, 4), ("wide", 9, 8, 1, 5), ("strided", 9, 7, 1, 5), ("residual", 7, 6, 2, 4),
  ]

  private static func net(_ name: String) throws -> Network {
    switch name {
    case "mixed": try mixedNet()
    case "wide": try wideNet()
    case "strided": try stridedNet()
    default: try residualNet()
    }
  }

  /// The gradient, and the exact Hessian's product, which goes through every kernel but the optimiser's.
  @Test(arguments: variants.map(\.name), nets)
  func derivativesAreTheReferences(variant: String, shape: (String, Int, Int, Int, Int)) throws {
    let (name, height, width, channels, classes) = shape
    let network = try Self.net(name)
    let data = try randomImages(40, height: height, width: width, channels: channels, classes: classes)
    let images = Array(2..<37)
    let parameters = unevenParameters(network, key: 4)
    let v = randomVector(network.parameterCount, key: 3)
    let runner = ChunkRunner(
      network, pool: ThreadPool(threads: 2), products: true,
      variant: try #require(KernelVariant(named: variant)))
    let scale = 1 / Float(images.count)
    let (gradient, product) = parameters.withUnsafeBufferPointer { parameters in
      v.withUnsafeBufferPointer { v in
        let (theta, v) = (parameters.baseAddress!, v.baseAddress!)
        let sums = runner.accumulate(data, images[...]) { _, workspace, gradient in
          workspace.forward(theta, workspace.tape)
          workspace.loss(workspace.tape, scale: scale)
          workspace.backward(theta, workspace.tape, gradient: gradient)
        }
        let gradient = runner.total(sums, images: images.count)
        let products = runner.accumulate(data, images[...]) { _, workspace, gradient in
          workspace.forward(theta, workspace.tape)
          workspace.tangentForward(theta, v, workspace.tape)
          workspace.loss(workspace.tape, scale: scale)
          workspace.lossHessian(workspace.tape, scale: scale, curved: true)
          workspace.backward(theta, workspace.tape, gradient: gradient, direction: v)
        }
        return (gradient, runner.total(products, images: images.count))
      }
    }
    let expected = referenceMean(network, parameters, data, images) { $0.gradient(label: $1) }
    #expect(relativeDistance(gradient, expected) < 2e-6)
    let curved = referenceMean(network, parameters, data, images) {
      $0.hessianProduct(v.map(Double.init), label: $1)
    }
    #expect(relativeDistance(product, curved) < 1e-5)
  }
}
