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
