// A changed result needs a new version: each stage's small runs are compared with what stands under its version.

import Foundation
import Stages
import Testing

@Suite struct ResultTests {
  /// The lines of `results.txt`, and of what the program beside this test prints: `STAGE VERSION DIGEST`.
  private struct Results {
    var environment = ""
    var digests: [String: String] = [:]

    init(_ text: String) {
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        if words[0] == "#" {
          environment = line.dropFirst(2).description
        } else if words.count == 3 {
          digests["\(words[0]) \(words[1])"] = words[2]
        }
      }
    }
  }

  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("results.txt")

  /// What the stages make on a processor with nothing but what all x86-64 processors have: kernels, OpenBLAS and the
  /// mathematical functions of the C library each choose their code by the processor, and give other last bits.
  private static func made(environment more: [String: String] = [:]) throws -> String {
    let own =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent()
      .appendingPathComponent("StageResults")
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PIPELINE_KERNELS": "baseline", "OPENBLAS_CORETYPE": "Prescott",
      "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F",
    ]) { $1 }.merging(more) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "the program of small runs failed")
    return String(decoding: output, as: UTF8.self)
  }

  @Test func aChangedResultHasAChangedVersion() throws {
    let text = try Self.made()
    let (made, stored) = (Results(text), Results(try String(contentsOf: Self.file, encoding: .utf8)))
    let stages = Set(made.digests.keys.map { $0.split(separator: " ")[0] })
    #expect(stages == Set(allStages.names.map { Substring($0) }))
    var note = ""
    if made.environment != stored.environment {
      note = " (stored with \(stored.environment), made with \(made.environment): that may be why)"
    }
    for (version, digest) in made.digests.sorted(by: { $0.key < $1.key }) {
      guard let known = stored.digests[version] else {
        // Another gnuplot draws other pictures; nothing is known of them.
        if version.hasPrefix("picture"), stored.digests.keys.contains(where: { sameStage($0, version) }) {
          continue
        }
        Issue.record("\(version) is not in \(Self.file.path): add the line '\(version) \(digest)'\(note)")
        continue
      }
      #expect(
        known == digest,
        """
        the results of \(version) have changed\(note): artifacts in users' caches would be believed that this program \
        would not make. Raise the stage's version and add its line to \(Self.file.path), or find what changed them.
        """)
    }
    for version in stored.digests.keys where made.digests[version] == nil {
      #expect(
        made.digests.keys.contains { sameStage($0, version) },
        "\(version) is made by no stage any more: take its line out of \(Self.file.path)")
    }
  }

  /// Whether two names of results are of one stage at one version, whatever else drew them.
  private func sameStage(_ a: String, _ b: String) -> Bool {
    a.split(separator: "/")[0] == b.split(separator: "/")[0]
  }
}
