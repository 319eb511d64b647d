// Measures the compute engine on random images of MNIST's shape.

import Foundation
import NeuralNet
import Tensor

var draws = RandomStream(key: 1)
let count = 60000
let data = try ImageSet(
  images: (0..<count * 784).map { _ in UInt8(truncatingIfNeeded: draws.nextWord()) },
  labels: (0..<count).map { _ in UInt8(draws.below(10)) })
let network = try Network.named("lenet")
let start = network.initialParameters(stream: draws)

func rate(_ images: Int, _ work: () throws -> Void) rethrows -> Int {
  let rates = try (0..<5).map { _ in
    let began = Date()
    try work()
    return Double(images) / Date().timeIntervalSince(began)
  }
  return Int(rates.sorted()[2])
}

for threads in [1, 2] {
  let pool = ThreadPool(threads: threads)
  var options = TrainingOptions()
  options.epochs = 1
  let training = try rate(count) {
    _ = try train(
      network, parameters: start, data: data, indices: Array(0..<count), options: options, stream: draws,
      pool: pool)
  }
  let curvature = try Curvature(network, parameters: start, data: data, indices: Array(0..<2048), pool: pool)
  let product = try rate(2048) { _ = try curvature.gaussNewtonProduct(start) }
  print("lenet, \(threads) threads: training \(training), Gauss-Newton product \(product) images/s")
}
