// Measures the vision transformer in images a second at three sizes. usage: vit-bench WEIGHTS [THREADS]

import Foundation
import Tensor
import VisionTransformer

guard CommandLine.arguments.count > 1 else {
  print("usage: vit-bench WEIGHTS [THREADS]")
  exit(64)
}
let threads = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 2 : 2
let started = Date()
let model = try VisionTransformer(contentsOf: CommandLine.arguments[1])
print(String(format: "weights loaded in %.2f s", Date().timeIntervalSince(started)))
let images = (0..<256 * 784).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
let pool = ThreadPool(threads: max(threads, 1))
// The best of four runs; the first warms up.
for (pixels, count) in [(56, 240), (112, 120), (224, 32)] where pixels % model.shape.patch == 0 {
  let extractor = try FeatureExtractor(model, pixels: pixels, pooling: .class)
  var best = Double.infinity
  for _ in 0..<4 {
    let start = Date()
    _ = try extractor.features(of: images, indices: Array(0..<count), pool: pool)
    best = min(best, Date().timeIntervalSince(start))
  }
  print(
    String(
      format: "vit %dpx (%d tokens): %.1f images/s (%@, %d threads)", pixels, extractor.tokens,
      Double(count) / best, extractor.arithmetic, threads))
}
