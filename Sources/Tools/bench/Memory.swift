// Memory of curvature products, and what sharing a pass among directions saves.

import Foundation
import NeuralNet
import Tensor

/// Random images of MNIST's shape.
func randomImages(_ count: Int) throws -> ImageSet {
  var draws = RandomStream(key: 1)
  return try ImageSet(
    images: (0..<count * 784).map { _ in UInt8(truncatingIfNeeded: draws.nextWord()) },
    labels: (0..<count).map { _ in UInt8(draws.below(10)) })
}

/// Makes a Gauss-Newton and an exact Hessian product over all of `images` images and prints the process's peak
/// resident set.
func measureMemory(net: String, width: Int?, images: Int, ceiling: Int, threads: Int) throws {
  let network = try Network.named(net, width: width)
  let parameters = network.initialParameters(stream: RandomStream(key: 2))
  let data = try randomImages(images)
  let curvature = try Curvature(
    network, parameters: parameters, data: data, indices: Array(0..<images), memoryCeiling: ceiling,
    pool: ThreadPool(threads: threads))
  _ = try curvature.gaussNewtonProduct(parameters)
  _ = try curvature.hessianProduct(parameters)
  print("kept \(curvature.keptImages) of \(images) images; peak resident set \(peakResidentSet() / 1024) kB")
}

/// The process's VmHWM in bytes; 0 where the system does not tell.
func peakResidentSet() -> Int {
  guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
    let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
    let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
  else { return 0 }
  return (Int(kilobytes) ?? 0) * 1024
}

/// Prints the time of a Gauss-Newton product a direction, alone and with others in the same pass, with activations
/// kept and recomputed.
func measureDirections(repeats: Int) throws {
  let counts = [1, 2, 4, 8]
  print("milliseconds a Gauss-Newton product and direction; medians of \(repeats)")
  print(
    "\("net, images, activations".padded(40)) \(counts.map { "\($0) at once".padded(10) }.joined(separator: " "))"
  )
  for (net, width, images) in [("lenet", nil, 8192), ("tinynet", nil, 2048), ("resnet18", 16, 256)]
    as [(String, Int?, Int)]
  {
    let network = try Network.named(net, width: width)
    let parameters = network.initialParameters(stream: RandomStream(key: 2))
    let data = try randomImages(images)
    let pool = ThreadPool(threads: 2)
    let workspace = Curvature.memoryNeeded(network, images: images, directions: 8, threads: 2)
    for keeps in [true, false] {
      let ceiling = keeps ? 2 << 30 : workspace
      let times = try counts.map { count in
        let curvature = try Curvature(
          network, parameters: parameters, data: data, indices: Array(0..<images), memoryCeiling: ceiling,
          directions: count, pool: pool)
        let v = (0..<count).map { _ in parameters }
        return median(
          try (0..<repeats).map { _ in
            let began = Date()
            _ = try curvature.gaussNewtonProducts(v)
            return Date().timeIntervalSince(began) * 1000 / Double(count)
          })
      }
      let title = "\(net), \(images), \(keeps ? "kept" : "recomputed")"
      print(
        "\(title.padded(40)) \(times.map { String(format: "%.1f", $0).padded(10) }.joined(separator: " "))")
    }
  }
}
