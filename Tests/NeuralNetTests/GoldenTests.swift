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
    let buffers: [Tensor]?
    let trainedBuffers: Sampled?
    let neurons: [String: Neurons]?
  }
  struct Neurons: Decodable {
    let output: [Double]
    let gradient: [Double]
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

/// The script's net of that name with its buffers, and its parameters.
private func goldenNet(_ name: String) throws -> (network: Network, parameters: [Float]) {
  guard name.hasPrefix("resnet18-"), let width = Int(name.dropFirst(9)) else {
    let network = try Network.named(name, widths: name == "mlp" ? [40, 24] : nil)
    var parameters = uniform(1, network.parameterCount)
    for layout in network.parameterLayouts {
      for i in layout.range { parameters[i] *= 1 / Float(layout.fanIn).squareRoot() }
    }
    return (network, parameters)
  }
  let network = try Network.named("resnet18", width: width, input: Shape(width == 4 ? 3 : 1, 28, 28))
  var parameters = uniform(1, network.parameterCount)
  for layout in network.parameterLayouts {
    let isNormalisation = layout.shape.count == 1 && layout.name != "fc.bias"
    let isWeight = layout.name.hasSuffix("weight")
    for i in layout.range {
      parameters[i] *= isNormalisation ? 0.5 : 1 / Float(layout.fanIn).squareRoot()
      if isNormalisation && isWeight { parameters[i] += 1 }
    }
  }
  var buffers = uniform(5, network.buffers.count)
  for layout in network.bufferLayouts {
    for i in layout.range {
      buffers[i] =
        layout.name.hasSuffix("mean")
        ? 0.2 * buffers[i]
        : layout.name.hasSuffix("var") ? 1 + 0.5 * buffers[i] : 0
    }
  }
  return (try network.with(buffers: buffers), parameters)
}

@Suite struct GoldenTests {
  @Test(arguments: ["lenet", "tinynet", "mlp", "softmax", "resnet18-4", "resnet18-16"])
  func agreesWithPyTorch(name: String) throws {
    let golden = try #require(try Golden.read().nets[name])
    let (network, parameters) = try goldenNet(name)
    #expect(network.parameterLayouts.map(\.name) == golden.layouts.map(\.name))
    #expect(network.parameterLayouts.map(\.shape) == golden.layouts.map(\.shape))
    #expect(network.bufferLayouts.map(\.name) == golden.buffers?.map(\.name) ?? [])
    #expect(network.bufferLayouts.map(\.shape) == golden.buffers?.map(\.shape) ?? [])
    let direction = uniform(2, network.parameterCount)
    let count = name.hasPrefix("resnet18") ? 16 : 64
    let data = try ImageSet(
      images: mix(3, count * network.input.count).map { $0 & 3 == 0 ? UInt8($0 >> 24) : 0 },
      labels: mix(4, count).map { UInt8($0 % 10) }, channels: network.input.channels)
    let images = Array(0..<count)
    let pool = ThreadPool(threads: 2)
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: images, pool: pool)
    let (loss, gradient) = try curvature.gradient()
    #expect(abs(loss - golden.loss) < 1e-5 * golden.loss)
    expectClose(gradient, golden.gradient, "gradient")
    expectClose(try curvature.hessianProduct(direction), golden.hessianProduct, "Hessian product")
    expectClose(
      try curvature.gaussNewtonProduct(direction), golden.gaussNewtonProduct, "Gauss-Newton product")
    if let neurons = golden.neurons {
      let scores = try neuronScores(network, parameters: parameters, data: data, indices: images, pool: pool)
      #expect(Set(scores.map(\.layer.name)) == Set(neurons.keys))
      for layer in scores {
        let expected = try #require(neurons[layer.layer.name])
        #expect(relativeDistance(layer.meanOutput, expected.output) < 1e-4, "\(layer.layer.name)")
        #expect(relativeDistance(layer.meanGradient, expected.gradient) < 1e-4, "\(layer.layer.name)")
      }
    }
    var options = TrainingOptions()
    options.epochs = 10
    options.batchSize = 64
    options.learningRate = name.hasPrefix("resnet18") ? 2e-4 : 0.05
    options.schedule = .constant
    options.nesterov = true
    let result = try train(
      network, parameters: parameters, data: data, indices: images, options: options,
      stream: RandomStream(key: 1), pool: pool)
    for (record, expected) in zip(result.history, golden.trainingLosses) {
      #expect(abs(record.loss - expected) < 1e-4 * expected)
    }
    if let trained = golden.trainedBuffers {
      expectClose(result.network.buffers, trained, "running statistics")
    }
  }
}
