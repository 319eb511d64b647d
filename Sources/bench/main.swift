// Measures the compute engine, and beside it a PyTorch peer where one is given.

import Foundation
import NeuralNet
import Tensor

// usage: bench [--python PYTHON --script TORCH_TRAIN.PY] [--repeats N] [--rows TEXT]
func option(_ name: String) -> String? {
  let arguments = CommandLine.arguments
  guard let at = arguments.firstIndex(of: name), at + 1 < arguments.count else { return nil }
  return arguments[at + 1]
}
let repeats = option("--repeats").flatMap(Int.init) ?? 5
let peer = Peer(python: option("--python"), script: option("--script"))
let benchmark = try Benchmark()

print("kernels: \(KernelVariant.current.name); medians of \(repeats); images/s")
print("\("work".padded(46)) \("ours".padded(10)) \("peer".padded(10)) ratio")
let wanted = option("--rows") ?? ""
for row in Benchmark.Row.all where wanted.isEmpty || row.title.contains(wanted) {
  var ours: [Double] = []
  var theirs: [Double] = []
  for _ in 0..<repeats {
    if let rate = peer?.rate(row.peerArguments, processes: row.processes, match: row.peerLine) {
      theirs.append(rate)
    }
    ours.append(try benchmark.rate(row))
  }
  let mine = median(ours)
  var line = "\(row.title.padded(46)) \(String(Int(mine)).padded(10))"
  if !theirs.isEmpty {
    let other = median(theirs)
    line += " \(String(Int(other)).padded(10)) \(String(format: "%.2f", mine / other))"
  }
  print(line)
}
let sgemm = median((0..<repeats).map { _ in benchmark.gemmRate() })
let training = median(try (0..<repeats).map { _ in try benchmark.rate(.all[0]) })
let reached = training * Benchmark.lenetTrainingFlops
print(
  String(
    format: "LeNet training: %.0f GFLOP/s, sgemm of 1024 on two threads: %.0f GFLOP/s, fraction %.2f",
    reached / 1e9, sgemm / 1e9, reached / sgemm))
