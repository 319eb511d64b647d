// Caches that travel by the commands: push, pull, run --pull, export --closure and import.

import Foundation
import Glibc
import Testing

@Suite struct TravelTests {
  @Test func resultsTravelByAFolderAndByAFile() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 3)
    #expect(try sandbox.pipeline("run", "fan").status == 0)
    let remote = sandbox.folder + "/remote"
    let pushed = try sandbox.pipeline("cache", "push", remote, "fan")
    #expect(pushed.status == 0 && pushed.errors.contains("pushed 4 results"), "\(pushed.errors)")
    #expect(try sandbox.pipeline("cache", "push", remote, "fan").errors.contains("pushed 0 results"))
    let other = sandbox.folder + "/other"
    let run = try sandbox.pipeline("run", "fan", "--cache", other, "--pull", remote)
    #expect(run.status == 0 && run.errors.contains("pulled 4 results") && run.errors.contains("0 nodes run"))
    #expect(sandbox.executions.values.allSatisfy { $0 == 1 })
    // A remote that can't be reached is a miss, said once.
    let alone = try sandbox.pipeline(
      "run", "fan", "--cache", sandbox.folder + "/alone", "--pull", sandbox.folder + "/ran/x")
    #expect(alone.status == 0 && alone.errors.components(separatedBy: "warning: ").count == 2)
    let third = sandbox.folder + "/third"
    #expect(
      try sandbox.pipeline("cache", "pull", remote, "--cache", third).errors.contains("pulled 4 results"))

    let file = sandbox.folder + "/fan.closure"
    let exported = try sandbox.pipeline("export", "fan", "--closure", file)
    #expect(exported.status == 0 && exported.output.hasPrefix("4 results in "), "\(exported.errors)")
    let digest = String(exported.output.split(separator: " ").last?.prefix(64) ?? "")
    let fourth = sandbox.folder + "/fourth"
    let imported = try sandbox.pipeline("import", file, "--cache", fourth, "--digest", digest)
    #expect(imported.status == 0 && imported.output.hasPrefix("fan: 4 results taken"), "\(imported.errors)")
    #expect(try sandbox.pipeline("run", "fan", "--cache", fourth).errors.contains("0 nodes run"))
    let wrong = String(repeating: "0", count: 64)
    #expect(try sandbox.pipeline("import", file, "--cache", fourth, "--digest", wrong).status == 66)
    #expect(try sandbox.pipeline("export", "fan").status == 64)
    #expect(
      try sandbox.pipeline("export", "fan", "--closure", file, "--cache", sandbox.folder + "/new").status == 1
    )
    #expect(try sandbox.pipeline("cache", "push", "ssh:nobody").status == 64)
  }

  /// A node whose key knows nothing of the file that it reads, and one that stands on it.
  private func writeDiffering(_ sandbox: Sandbox) throws {
    try sandbox.write(
      """
      stages:
        a: {stage: command, parameters: {argv: [sh, -c, "cat '\(sandbox.folder)/aside' > o"], outputs: [o]}}
        b: {stage: command, inputs: {of: a}, parameters: {argv: [sh, -c, "cat inputs/of/o > o"], outputs: [o]}}
      """, to: "pipelines/differing.yaml")
  }

  @Test func aKeyWithTwoResultsIsNamedAndNothingIsSpoilt() throws {
    let sandbox = try Sandbox()
    try writeDiffering(sandbox)
    let caches = ["one", "two"].map { "\(sandbox.folder)/\($0)" }
    for (cache, value) in zip(caches, ["1\n", "2\n"]) {
      try sandbox.write(value, to: "aside")
      #expect(try sandbox.pipeline("run", "differing", "--cache", cache).status == 0)
    }
    let remote = sandbox.folder + "/remote"
    #expect(try sandbox.pipeline("cache", "push", remote, "--cache", caches[0]).status == 0)
    let second = try sandbox.pipeline("cache", "push", remote, "--cache", caches[1])
    #expect(second.status == 1 && second.errors.contains("pushed 0 results"), "\(second.errors)")
    #expect(
      second.errors.contains("refused: a: the remote has another result under its key")
        && second.errors.contains("were not sent: b\n"), "\(second.errors)")
    #expect(try sandbox.pipeline("cache", "verify", "--cache", remote).status == 0)
    #expect(try sandbox.pipeline("cache", "push", remote, "--cache", caches[0]).status == 0)
    // The one that has only its own a does not take the b of the other.
    let third = sandbox.folder + "/three"
    #expect(try sandbox.pipeline("run", "differing", "a", "--cache", third).status == 0)
    let pulled = try sandbox.pipeline("cache", "pull", remote, "--cache", third)
    #expect(
      pulled.status == 1 && pulled.errors.contains("pulled 0 results")
        && pulled.errors.contains("were not taken: b\n"), "\(pulled.errors)")
    #expect(try sandbox.pipeline("run", "differing", "--cache", third).errors.contains("1 node run, 1 up to"))
    #expect(try sandbox.pipeline("cat", "differing", "b", "o", "--cache", third).output == "2\n")
    let file = sandbox.folder + "/closure"
    #expect(
      try sandbox.pipeline("export", "differing", "--closure", file, "--cache", caches[0]).status == 0)
    let imported = try sandbox.pipeline("import", file, "--cache", caches[1])
    #expect(
      imported.status == 66 && imported.errors.contains("it holds another result of a than"),
      "\(imported.errors)")
  }

  @Test func aRemoteThatIsNotThereIsNoExchangeThatGoesOn() throws {
    let sandbox = try Sandbox()
    let answer = try sandbox.pipeline("cache", "pull", "nope")
    #expect(answer.status == 66 && answer.errors.contains("there is no folder"), "\(answer.errors)")
    #expect(!answer.errors.contains("goes on"), "\(answer.errors)")
  }

  @Test func resultsTravelOverSshAndTar() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 3)
    #expect(try sandbox.pipeline("run", "fan").status == 0)
    try sandbox.write("#!/bin/sh\ncd / && exec sh -c \"$4\"\n", to: "bin/ssh")
    chmod(sandbox.folder + "/bin/ssh", 0o755)
    let path = "\(sandbox.folder)/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    func travel(_ arguments: String...) throws -> Answer {
      try sandbox.start("/usr/bin/env", ["PATH=\(path)", Sandbox.executable] + arguments).1()
    }
    let remote = "ssh:host:\(sandbox.folder)/it's there"
    let pushed = try travel("cache", "push", remote)
    #expect(pushed.status == 0 && pushed.errors.contains("pushed 4 results"), "\(pushed.errors)")
    #expect(try travel("cache", "push", remote).errors.contains("pushed 0 results"))
    let other = sandbox.folder + "/other"
    let pulled = try travel("cache", "pull", remote, "--cache", other)
    #expect(pulled.status == 0 && pulled.errors.contains("pulled 4 results"), "\(pulled.errors)")
    #expect(try sandbox.pipeline("run", "fan", "--cache", other).errors.contains("0 nodes run"))
    #expect(try sandbox.pipeline("cache", "verify", "--cache", other).status == 0)
    // One that can't be reached.
    try sandbox.write("#!/bin/sh\nexit 255\n", to: "bin/ssh")
    #expect(try travel("cache", "pull", remote, "--cache", other).status == 66)
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/rclone")))
  func resultsTravelByRclone() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 3)
    #expect(try sandbox.pipeline("run", "fan").status == 0)
    let remote = "rclone::local:\(sandbox.folder)/bucket"
    let pushed = try sandbox.pipeline("cache", "push", remote, "fan")
    #expect(pushed.status == 0 && pushed.errors.contains("pushed 4 results"), "\(pushed.errors)")
    let other = sandbox.folder + "/other"
    #expect(
      try sandbox.pipeline("cache", "pull", remote, "--cache", other).errors.contains("pulled 4 results"))
    #expect(try sandbox.pipeline("run", "fan", "--cache", other).errors.contains("0 nodes run"))
  }
}
