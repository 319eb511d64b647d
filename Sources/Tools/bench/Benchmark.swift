// The work that is timed.

import Foundation
import NeuralNet
import Tensor

/// Times training and curvature products on random images of MNIST's shape.
struct Benchmark {
  /// One line of the table.
  struct Row {
    enum Work { case training, hessian, gaussNewton }
    let title: String
    let net: String
    let work: Work
    let images: Int
    var width: Int?
    var batch = 64
    var threads = 2
    var processes = 1
    let peerArguments: [String]
    let peerLine: String

    static let all = [
      Row(
        title: "LeNet SGD, batch 64, 2 threads", net: "lenet", work: .training, images: 60000,
        peerArguments: ["--net", "lenet"], peerLine: "torch lenet batch"),
      Row(
        title: "two LeNet SGD side by side, 1 thread each", net: "lenet", work: .training, images: 60000,
        threads: 1, processes: 2, peerArguments: ["--threads", "1"], peerLine: "torch lenet batch"),
      Row(
        title: "TinyNet SGD, batch 64, 2 threads", net: "tinynet", work: .training, images: 6400,
        peerArguments: ["--net", "tinynet", "--images", "6400"], peerLine: "torch tinynet batch"),
      Row(
        title: "ResNet-18 width 16 SGD, batch 128, 2 threads", net: "resnet18", work: .training, images: 2560,
        width: 16, batch: 128,
        peerArguments: ["--net", "resnet18", "--width", "16", "--batch", "128", "--images", "2560"],
        peerLine: "torch resnet18 batch"),
      Row(
        title: "ResNet-18 width 64 SGD, batch 128, 2 threads", net: "resnet18", work: .training, images: 256,
        width: 64, batch: 128,
        peerArguments: ["--net", "resnet18", "--width", "64", "--batch", "128", "--images", "256"],
        peerLine: "torch resnet18 batch"),
      Row(
        title: "LeNet Hessian product, 2048 images", net: "lenet", work: .hessian, images: 2048,
        peerArguments: ["--images", "64", "--hvp", "2048"], peerLine: "torch lenet hvp"),
      Row(
        title: "LeNet Gauss-Newton product, 2048 images", net: "lenet", work: .gaussNewton, images: 2048,
        peerArguments: ["--images", "64", "--hvp", "2048"], peerLine: "torch lenet hvp"),
      Row(
        title: "TinyNet Hessian product, 2048 images", net: "tinynet", work: .hessian, images: 2048,
        peerArguments: ["--net", "tinynet", "--images", "64", "--hvp", "2048"],
        peerLine: "torch tinynet hvp"),
    ]
  }

  /// Multiplications and additions of LeNet's forward pass and both backward products, without the first layer's
  /// input gradient.
  static let lenetTrainingFlops = 2.0 * (3 * (117_600 + 240_000 + 48_000 + 10_080 + 840) - 117_600)

  let data: ImageSet

  init() throws {
    data = try randomImages(60_000)
  }

  func rate(_ row: Row) throws -> Double {
    let network = try Network.named(row.net, width: row.width)
    let stream = RandomStream(key: 2)
    let start = network.initialParameters(stream: stream)
    let images = Array(0..<row.images)
    if row.work == .training {
      var options = TrainingOptions()
      options.epochs = 1
      options.batchSize = row.batch
      let failures = NSLock()
      nonisolated(unsafe) var failure: (any Error)?
      let began = Date()
      DispatchQueue.concurrentPerform(iterations: row.processes) { [options] _ in
        do {
          _ = try train(
            network, parameters: start, data: data, indices: images, options: options, stream: stream,
            pool: ThreadPool(threads: row.threads))
        } catch {
          failures.withLock { failure = error }
        }
      }
      if let failure { throw failure }
      return Double(row.images * row.processes) / Date().timeIntervalSince(began)
    }
    let curvature = try Curvature(
      network, parameters: start, data: data, indices: images, pool: ThreadPool(threads: row.threads))
    let began = Date()
    for _ in 0..<3 {
      _ = row.work == .hessian ? try curvature.hessianProduct(start) : try curvature.gaussNewtonProduct(start)
    }
    return 3 * Double(row.images) / Date().timeIntervalSince(began)
  }

  /// FLOP/s of n×n products on two threads.
  func gemmRate(_ n: Int) -> Double {
    let rounds = max(4, 20 << 30 / (n * n * n))
    let a = Buffer<Float>(count: n * n)
    let c = Buffer<Float>(count: 2 * n * n)
    for i in 0..<n * n { a.pointer[i] = Float(i % 7) }
    let pool = ThreadPool(threads: 2)
    let began = Date()
    pool.run(rounds) { _, worker in
      Gemm.multiply(
        m: n, n: n, k: n, a: a.pointer, lda: n, b: a.pointer, ldb: n, c: c.pointer + worker * n * n, ldc: n)
    }
    return Double(rounds) * 2 * Double(n * n * n) / Date().timeIntervalSince(began)
  }
}
