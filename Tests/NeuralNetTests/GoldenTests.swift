// The nets against golden vectors that PyTorch made (scripts/golden/make_golden.py).

import Foundation
import NeuralNet
import Tensor
import Testing

private struct Golden: Decodable {
  struct Tensor: Decodable {
    let name: String
    let shape: [Int]
  }
  struct Sampled: Decodable {
    let norm: Double
    let step: Int
    let values: [Double]
  }
  struct Net: Decodable {
    let layouts: [Tensor]
    let loss: Double
    let gradient: Sampled
    let hessianProduct: Sampled
    let gaussNewtonProduct: Sampled
    let trainingLosses: [Double]
  }
  let nets: [String: Net]

  static func read() throws -> Golden {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: folder.appending(path: "Golden/pytorch.json")))
  }
}

/// The script's hash.
private func mix(_ salt: UInt32, _ count: Int) -> [UInt32] {
  (0..<count).map { i in
    var h = UInt32(i) &+ salt << 24 &+ 1
    for (multiplier, shift) in [(2_654_435_761, 16), (2_246_822_519, 13), (3_266_489_917, 16)] {
      h = h &* UInt32(multiplier)
      h ^= h >> UInt32(shift)
    }
    return h
  }
}

private func uniform(_ salt: UInt32, _ count: Int) -> [Float] {
  mix(salt, count).map { Float($0 >> 8) / 0x1p23 - 1 }
}

private func expectClose(_ found: [Float], _ golden: Golden.Sampled, _ what: String) {
  let norm = dot(found, found).squareRoot()
  #expect(abs(norm - golden.norm) < 1e-4 * golden.norm, "norm of \(what)")
  let samples = stride(from: 0, to: found.count, by: golden.step).map { found[$0] }
  #expect(samples.count == golden.values.count)
  #expect(relativeDistance(samples, golden.values) < 1e-4, "\(what)")
}

@Suite struct GoldenTests {
  @Test(arguments: ["lenet", "tinynet", "mlp", "softmax"])
  func agreesWithPyTorch(name: String) throws {
    let golden = try #require(try Golden.read().nets[name])
    let network = try Network.named(name, widths: name == "mlp" ? [40, 24] : nil)
    #expect(network.parameterLayouts.map(\.name) == golden.layouts.map(\.name))
    #expect(network.parameterLayouts.map(\.shape) == golden.layouts.map(\.shape))
    var parameters = uniform(1, network.parameterCount)
    for layout in network.parameterLayouts {
      for i in layout.range { parameters[i] *= 1 / Float(layout.fanIn).squareRoot() }
    }
    let direction = uniform(2, network.parameterCount)
    let data = try ImageSet(
      images: mix(3, 64 * 784).map { $0 & 3 == 0 ? UInt8($0 >> 24) : 0 },
      labels: mix(4, 64).map { UInt8($0 % 10) })
    let pool = ThreadPool(threads: 2)
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: Array(0..<64), pool: pool)
    let (loss, gradient) = try curvature.gradient()
    #expect(abs(loss - golden.loss) < 1e-5 * golden.loss)
    expectClose(gradient, golden.gradient, "gradient")
    expectClose(try curvature.hessianProduct(direction), golden.hessianProduct, "Hessian product")
    expectClose(
      try curvature.gaussNewtonProduct(direction), golden.gaussNewtonProduct, "Gauss-Newton product")
    var options = TrainingOptions()
    options.epochs = 10
    options.batchSize = 64
    options.learningRate = 0.05
    options.schedule = .constant
    options.nesterov = true
    let result = try train(
      network, parameters: parameters, data: data, indices: Array(0..<64), options: options,
      stream: RandomStream(key: 1), pool: pool)
    for (record, expected) in zip(result.history, golden.trainingLosses) {
      #expect(abs(record.loss - expected) < 1e-4 * expected)
    }
  }
}
