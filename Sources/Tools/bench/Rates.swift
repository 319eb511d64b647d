// The table of rates beside the peer's.

import Foundation
import NeuralNet

/// Prints medians of `repeats` runs of each row whose title contains `rows`, ours and the peer's in turn, and the
/// share of sgemm's rate that LeNet's training reaches.
func measureRates(peer: Peer?, repeats: Int, rows: String) throws {
  let benchmark = try Benchmark()
  print("kernels: \(KernelVariant.current.name); medians of \(repeats); images/s")
  print("\("work".padded(46)) \("ours".padded(10)) \("peer".padded(10)) ratio")
  for row in Benchmark.Row.all where rows.isEmpty || row.title.contains(rows) {
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
  guard rows.isEmpty || "LeNet training against sgemm".contains(rows) else { return }
  // In turn, so that both see the same machine; sgemm at its best size.
  let sizes = [512, 1024, 2048]
  var gemm = sizes.map { _ in [Double]() }
  var training: [Double] = []
  for _ in 0..<repeats {
    for (place, size) in sizes.enumerated() { gemm[place].append(benchmark.gemmRate(size)) }
    training.append(try benchmark.rate(.all[0]))
  }
  let peak = gemm.map(median).max() ?? .nan
  let reached = median(training) * Benchmark.lenetTrainingFlops
  print(
    String(
      format:
        "LeNet training: %.0f GFLOP/s, sgemm's best of 512, 1024 and 2048 on two threads: %.0f GFLOP/s, "
        + "fraction %.2f", reached / 1e9, peak / 1e9, reached / peak))
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle])
}

extension String {
  func padded(_ width: Int) -> String { padding(toLength: width, withPad: " ", startingAt: 0) }
}
