// Measures the nets: beside a PyTorch peer, its memory, and what several directions at once are worth.

import Foundation
import NeuralNet
import Tensor

let usage = """
  usage: bench [column] [--python PYTHON --script TORCH_TRAIN.PY] [--repeats N] [--rows TEXT]
           where the processor has AVX-512 there are two tables: as it is, and with both sides held to AVX2;
           column prints the one of the kernels in force
         bench memory [--net NAME] [--width N] [--images N] [--ceiling MB] [--threads N]
         bench directions [--repeats N]
         bench convolutions
  """
let rateOptions = ["--python", "--script", "--repeats", "--rows"]
let options = [
  nil: rateOptions, "column": rateOptions, "directions": ["--repeats"],
  "convolutions": [], "memory": ["--net", "--width", "--images", "--ceiling", "--threads"],
]
var words = CommandLine.arguments.dropFirst()
let command = words.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
if command != nil { words = words.dropFirst() }
let named = stride(from: words.startIndex, to: words.endIndex, by: 2).map { words[$0] }
if named == ["--help"] {
  print(usage)
  exit(0)
}
// A run takes minutes, so that a word that nothing reads is refused before it.
guard let known = options[command], Set(named).isSubset(of: known), words.count % 2 == 0 else {
  FileHandle.standardError.write(Data((usage + "\n").utf8))
  exit(64)
}

func option(_ name: String) -> String? {
  let arguments = CommandLine.arguments
  guard let at = arguments.firstIndex(of: name), at + 1 < arguments.count else { return nil }
  return arguments[at + 1]
}
func number(_ name: String, _ standard: Int) -> Int { option(name).flatMap(Int.init) ?? standard }

do {
  switch command {
  case "memory":
    try measureMemory(
      net: option("--net") ?? "lenet", width: option("--width").flatMap(Int.init),
      images: number("--images", 60_000), ceiling: number("--ceiling", 384) << 20,
      threads: number("--threads", 2))
  case "directions": try measureDirections(repeats: number("--repeats", 5))
  case "convolutions": measureConvolutions()
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
