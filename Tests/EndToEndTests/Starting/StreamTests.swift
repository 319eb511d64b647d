// What a command prints arrives or is missed, whatever stands at the other end.

import Foundation
import Testing

@Suite struct StreamTests {
  private func shell(_ sandbox: Sandbox, _ script: String) throws -> Answer {
    try sandbox.start("/bin/bash", ["-c", "set -o pipefail; \(script)"]).1()
  }

  /// A full disk must not turn half an answer into a whole one.
  @Test(arguments: ["stages", "--help", "plan tiny", "graph tiny --format dot"])
  func aFullDiskIsAnError(_ command: String) throws {
    let answer = try shell(Sandbox(), "\(Sandbox.executable) \(command) > /dev/full")
    #expect(answer.status == 1, "\(answer.errors)")
    #expect(answer.errors == "error: can't write standard output: No space left on device\n")
  }

  @Test(arguments: ["stages", "plan tiny", "graph tiny --format dot"])
  func aReaderThatGoesIsNone(_ command: String) throws {
    for _ in 0..<5 {
      let answer = try shell(Sandbox(), "\(Sandbox.executable) \(command) | true")
      #expect(answer.status == 0 && answer.errors == "")
    }
  }

  /// Without Graphviz, and with one that doesn't read: always the same word and status.
  @Test(arguments: [nil, "exit 1", "exec <&-; sleep 0.05; exit 1"])
  func aDrawingThatFailsSaysSo(_ dot: String?) throws {
    let sandbox = try Sandbox()
    if let dot {
      try sandbox.write("#!/bin/sh\n\(dot)\n", to: "bin/dot")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: sandbox.folder + "/bin/dot")
    }
    try sandbox.write("", to: "bin/empty")
    for _ in 0..<10 {
      let path = "PATH=\(sandbox.folder)/bin:/bin"
      let answer = try shell(sandbox, "\(path) \(Sandbox.executable) graph tiny --format svg")
      guard dot != nil || !FileManager.default.isExecutableFile(atPath: "/bin/dot") else { return }
      #expect(answer.status == 66 && answer.errors.contains("needs Graphviz"), "\(answer)")
    }
  }

  /// A terminal that nobody has sized knows neither; one that was given a width alone has no height.
  @Test func aWidthHoldsWithoutAHeight() throws {
    let sandbox = try Sandbox()
    let command = "{stage: command, parameters: {argv: [sh, -c, 'sleep 0.5; touch o'], outputs: [o]}}"
    try sandbox.write("stages: {a: \(command)}\n", to: "wide.yaml")
    let run = "\(Sandbox.executable) run wide.yaml --cache"
    for (size, hasBar) in [("cols 100", true), ("cols 20", false), ("rows 0", true)] {
      let answer = try shell(
        sandbox, "script -qec 'stty \(size); \(run) \(sandbox.folder)/\(UUID())' /dev/null")
      #expect(answer.status == 0 && answer.output.contains("0/1 node "), "\(answer)")
      #expect(answer.output.contains("▕") == hasBar, "\(size): \(answer.output)")
    }
  }
}
