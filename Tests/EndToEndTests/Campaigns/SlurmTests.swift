// Campaigns on a real SLURM of two nodes, which each test starts and stops by scripts/slurm/cluster.sh.

import Foundation
import Glibc
import Testing

/// A SLURM of a test's own; it goes with the last reference.
private final class Cluster {
  private static let script = Sandbox.root + "/scripts/slurm/cluster.sh"
  private let folder: String
  private let port: Int

  static let isHere =
    getuid() == 0
    && ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: $0)
    }

  init(_ sandbox: Sandbox, port: Int) throws {
    // A socket's path is short.
    folder = "/tmp/slurm-\(getpid())-\(port)"
    self.port = port
    try control(sandbox, "start")
  }

  deinit {
    _ = try? Process.run(URL(fileURLWithPath: Self.script), arguments: ["stop", folder]).waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func control(_ sandbox: Sandbox, _ words: String...) throws {
    let arguments =
      ["PORT=\(port)", "KILL_WAIT=5", "SLURMD_TIMEOUT=5", Self.script, words[0], folder] + words.dropFirst()
    let answer = try sandbox.start("/usr/bin/env", arguments).1()
    #expect(answer.status == 0, "\(answer.errors)")
  }

  /// A program that finds this SLURM.
  func run(_ sandbox: Sandbox, _ program: String, _ arguments: String...) throws -> Answer {
    let words = ["SLURM_CONF=\(folder)/slurm.conf", program] + arguments
    return try sandbox.start("/usr/bin/env", words).1()
  }
}

@Suite(.serialized, .enabled(if: Cluster.isHere)) struct SlurmTests {
  @Test func arrayTasksAreThePilots() throws {
    let sandbox = try Sandbox()
    let cluster = try Cluster(sandbox, port: 17817)
    try sandbox.writeFan(count: 12, seconds: 0.5)
    let answer = try cluster.run(
      sandbox, Sandbox.executable, "submit", "fan", "--pilots", "4", "--cpus", "1", "--memory", "700M",
      "--time", "10m",
      "--wait")
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.errors.contains("4 pilots of 700 MB for 13 nodes"))
    #expect(sandbox.executions.count == 13 && sandbox.executions.values.allSatisfy { $0 == 1 })
    let state = try sandbox.campaign()
    #expect(state.state == "done" && state.jobs.count == 1)
    // What was made says by whom: the job's tasks write a file each, named after them.
    let outputs = try FileManager.default.contentsOfDirectory(
      atPath: "\(sandbox.cache)/campaigns/\(state.campaign)/output")
    #expect(outputs.contains("\(state.jobs[0])_1.log"), "\(outputs)")
    // A second submit starts no job.
    let again = try cluster.run(sandbox, Sandbox.executable, "submit", "fan", "--wait")
    #expect(again.status == 0 && again.errors.contains("nothing is left to do"))
  }

  @Test func cancelledAndRequeuedTasksLoseNothing() throws {
    let sandbox = try Sandbox()
    let cluster = try Cluster(sandbox, port: 17827)
    try sandbox.writeFan(count: 10, seconds: 1)
    let submitted = try cluster.run(
      sandbox, Sandbox.executable, "submit", "fan", "--pilots", "3", "--cpus", "1", "--memory", "700M")
    #expect(submitted.status == 0, "\(submitted.errors)")
    let start = Date()
    while sandbox.executions.count < 3, Date().timeIntervalSince(start) < 20 { usleep(100_000) }
    let job = try #require(try sandbox.campaign().jobs.first)
    // One is taken away, one starts again; the marks name the job's tasks.
    #expect(try sandbox.campaign().pilots.contains { $0.job == "\(job)_1" })
    #expect(try cluster.run(sandbox, "scancel", "\(job)_1").status == 0)
    #expect(try cluster.run(sandbox, "scontrol", "requeue", "\(job)_2").status == 0)
    let done = try sandbox.campaign(in: ["done", "failed", "left"], within: 90)
    #expect(done.state == "done" && done.failed.isEmpty)
    #expect(sandbox.executions.values.allSatisfy { $0 <= 2 })
    #expect(sandbox.executions.values.reduce(0, +) <= 13)
    #expect(try sandbox.run("fan").isEmpty)
  }

  @Test func daemonsThatGoDownAndComeBackCostNothing() throws {
    let sandbox = try Sandbox()
    let cluster = try Cluster(sandbox, port: 17837)
    try sandbox.writeFan(count: 12, seconds: 1)
    let submitted = try cluster.run(
      sandbox, Sandbox.executable, "submit", "fan", "--pilots", "4", "--cpus", "1", "--memory", "700M")
    #expect(submitted.status == 0, "\(submitted.errors)")
    let start = Date()
    while sandbox.executions.count < 2, Date().timeIntervalSince(start) < 20 { usleep(100_000) }
    try cluster.control(sandbox, "restart", "slurmd-n1")
    try cluster.control(sandbox, "down", "slurmctld")
    usleep(500_000)
    try cluster.control(sandbox, "restart", "slurmctld")
    let done = try sandbox.campaign(in: ["done", "failed"], within: 90)
    #expect(done.state == "done" && done.failed.isEmpty)
    #expect(sandbox.executions.count == 13 && sandbox.executions.values.allSatisfy { $0 <= 2 })
    #expect(try sandbox.run("fan").isEmpty)
  }
}
