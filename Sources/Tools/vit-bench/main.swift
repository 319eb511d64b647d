// Measures the vision transformer in images a second at three sizes, beside peers in turn.

import Foundation
import Tensor
import VisionTransformer

let usage = """
  usage: vit-bench WEIGHTS [--threads N] [--rounds N] [--python PYTHON --torch SCRIPT --onnxruntime SCRIPT]

  Each round times ours, then each peer, all with the same number of threads; the table has medians.
  SCRIPT prints lines like 'name 56px (17 tokens): 203.4 images/s'. The one for PyTorch is called with the number of
  threads, the one for onnxruntime with WEIGHTS and the number of threads.
  """

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  exit(64)
}

var arguments = CommandLine.arguments.dropFirst()
guard let weights = arguments.popFirst(), !weights.hasPrefix("-") else { fail(usage) }
var options = ["--threads": "2", "--rounds": "5"]
while let name = arguments.popFirst() {
  guard ["--threads", "--rounds", "--python", "--torch", "--onnxruntime"].contains(name),
    let value = arguments.popFirst()
  else { fail(usage) }
  options[name] = value
}
guard let threads = Int(options["--threads"]!), let rounds = Int(options["--rounds"]!), threads > 0,
  rounds > 0
else { fail(usage) }

var peers: [Peer] = []
if let python = options["--python"] {
  if let script = options["--torch"] {
    peers.append(Peer(name: "PyTorch", command: [python, script, String(threads)]))
  }
  if let script = options["--onnxruntime"] {
    peers.append(Peer(name: "onnxruntime", command: [python, script, weights, String(threads)]))
  }
}

let model = try VisionTransformer(contentsOf: weights)
let work = [(56, 480), (112, 160), (224, 48)].filter { $0.0 % model.shape.patch == 0 }
let images = (0..<512 * 784).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
let pool = ThreadPool(threads: threads)
var rates: [String: [Int: [Double]]] = [:]
var arithmetic = ""
for round in 1...rounds {
  for (pixels, count) in work {
    let extractor = try FeatureExtractor(model, pixels: pixels, pooling: .class)
    arithmetic = extractor.arithmetic
    // Like the peers, without the first batch.
    _ = try extractor.features(of: images, indices: Array(0..<count / 4), pool: pool)
    let start = Date()
    _ = try extractor.features(of: images, indices: Array(0..<count), pool: pool)
    rates["ours", default: [:]][pixels, default: []].append(
      Double(count) / Date().timeIntervalSince(start))
  }
  for peer in peers {
    for (pixels, rate) in peer.measure() {
      rates[peer.name, default: [:]][pixels, default: []].append(rate)
    }
  }
  FileHandle.standardError.write(Data("round \(round) of \(rounds)\n".utf8))
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

print(
  "Images/s, \(threads) threads, medians of \(rounds) rounds in turn (least to greatest); kernels \(arithmetic)\n"
)
print("| pixels | tokens | ours |" + peers.map { " \($0.name) | ratio |" }.joined())
print("|---|---|---|" + peers.map { _ in "---|---|" }.joined())
for (pixels, _) in work {
  let side = pixels / model.shape.patch
  var cells = ["\(pixels)", "\(side * side + 1)"]
  let ours = rates["ours"]?[pixels] ?? []
  func cell(_ values: [Double]) -> String {
    String(format: "%.1f (%.1f to %.1f)", median(values), values.min() ?? 0, values.max() ?? 0)
  }
  cells.append(cell(ours))
  for peer in peers {
    let theirs = rates[peer.name]?[pixels] ?? []
    cells +=
      theirs.isEmpty ? ["", ""] : [cell(theirs), String(format: "%.2f", median(ours) / median(theirs))]
  }
  print("| " + cells.joined(separator: " | ") + " |")
}
