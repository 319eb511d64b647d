// The columns of the table of rates: what the processor can do, and the same with both sides held to AVX2.

import Foundation
import NeuralNet

/// Instructions that ours, the peer and sgemm are held to, each in a process of its own, since each looks once.
struct Column {
  let title: String
  let environment: [String: String]

  /// The processor's own, and AVX2 where it has more.
  static var all: [Column] {
    let own = Column(title: "as it is (\(KernelVariant.current.name))", environment: [:])
    if KernelVariant.current.name != "avx512" { return [own] }
    let held = Column(
      title: "both sides held to AVX2",
      environment: [
        "PIPELINE_KERNELS": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
      ])
    return [own, held]
  }

  /// The processor's name, as Linux tells it.
  static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
  }

  /// Runs this program again as this column alone.
  func run() throws {
    // Not by print, whose buffer would be written after what the process below writes.
    FileHandle.standardOutput.write(Data("\n\(title), \(Self.processor)\n".utf8))
    let process = Process()
    process.executableURL = URL(filePath: CommandLine.arguments[0])
    process.arguments = ["column"] + CommandLine.arguments.dropFirst()
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 { exit(process.terminationStatus) }
  }
}
