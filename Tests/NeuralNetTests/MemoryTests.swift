// Memory of curvature products, measured on a process of its own.

import Foundation
import NeuralNet
import Tensor
import Testing

@Suite struct MemoryTests {
  private struct Answer {
    let status: Int32
    let output: String
    let complaint: String
    /// Kilobytes.
    var peak: Int { Int(output.split(separator: " ").dropLast().last ?? "") ?? 0 }
  }

  /// `bench memory` beside the tests' own executable.
  private func memory(_ arguments: [String]) throws -> Answer {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    // The runner of the tests may be the toolchain's; the build folder is then in its arguments.
    let folders = [own] + CommandLine.arguments
    let bench = folders.lazy
      .map { URL(filePath: $0).deletingLastPathComponent().appending(path: "bench").path }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    process.executableURL = URL(filePath: try #require(bench, "no bench beside \(own)"))
    process.arguments = ["memory"] + arguments
    let (output, complaint) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = complaint
    try process.run()
    let told = output.fileHandleForReading.readDataToEndOfFile()
    let complained = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Answer(
      status: process.terminationStatus, output: String(decoding: told, as: UTF8.self),
      complaint: String(decoding: complained, as: UTF8.self))
  }

  /// Three times the images under the same ceiling: only the images' own bytes and their indices are added.
  @Test(.enabled(if: !isSanitized, "sanitizers take memory of their own")) func peakIsFlatInTheImages() throws
  {
    let few = try memory(["--images", "5000", "--ceiling", "32"])
    let many = try memory(["--images", "15000", "--ceiling", "32"])
    #expect(few.status == 0 && many.status == 0)
    let added = 10_000 * (784 + 1 + 8) / 1024
    #expect(few.peak > 32 << 10, "nothing was measured: \(few.output)")
    #expect(many.peak - few.peak < added + (6 << 10), "\(few.output) \(many.output)")
    // The ceiling, the images, and room for the process itself.
    #expect(many.peak < (32 + 12 + 48) << 10, "\(many.output)")
  }

  @Test func impossibleCeilingEndsBeforeWork() throws {
    let answer = try memory(["--net", "resnet18", "--width", "64", "--images", "64", "--ceiling", "256"])
    let network = try Network.named("resnet18", width: 64)
    let needed = Curvature.memoryNeeded(network, images: 64, threads: 2)
    #expect(answer.status == 1 && answer.output.isEmpty)
    #expect(
      answer.complaint
        == "bench: \(NeuralNetError.memoryCeilingTooLow(neededBytes: needed, ceilingBytes: 256 << 20))\n")
  }
}

/// Whether scripts/check/sanitize.sh runs the tests.
private let isSanitized = ProcessInfo.processInfo.environment["PIPELINE_SANITIZER"] != nil
