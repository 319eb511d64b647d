// Measures the nets: beside a PyTorch peer, its memory, and what several directions at once are worth.

import Foundation
import NeuralNet
import Tensor

// usage: bench [--python PYTHON --script TORCH_TRAIN.PY] [--repeats N] [--rows TEXT]
//          where the processor has AVX-512 there are two tables: as it is, and with both sides held to AVX2
//        bench memory [--net NAME] [--width N] [--images N] [--ceiling MB] [--threads N]
//        bench directions [--repeats N]
func option(_ name: String) -> String? {
  let arguments = CommandLine.arguments
  guard let at = arguments.firstIndex(of: name), at + 1 < arguments.count else { return nil }
  return arguments[at + 1]
}
func number(_ name: String, _ standard: Int) -> Int { option(name).flatMap(Int.init) ?? standard }

do {
  switch CommandLine.arguments.dropFirst().first {
  case "memory":
    try measureMemory(
      net: option("--net") ?? "lenet", width: option("--width").flatMap(Int.init),
      images: number("--images", 60_000), ceiling: number("--ceiling", 384) << 20,
      threads: number("--threads", 2))
  case "directions": try measureDirections(repeats: number("--repeats", 5))
  case "column":
    try measureRates(
      peer: Peer(python: option("--python"), script: option("--script")), repeats: number("--repeats", 5),
      rows: option("--rows") ?? "")
  default: for column in Column.all { try column.run() }
  }
} catch {
  FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
  exit(1)
}
