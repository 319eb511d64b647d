// What a node reads outside the cache is what its key says, whatever happens to the user's files during the run.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ExternalFileTests {
  private func write(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private func pipeline(_ lab: Lab) -> ToyPipeline {
    var pipeline = ToyPipeline("outside", folder: lab.folder)
    pipeline.add("use", "read", ["path": .string("v.txt")])
    return pipeline
  }

  /// Runs a plan that was made of the files as they were before `change`.
  private func run(_ lab: Lab, _ pipeline: ToyPipeline, after change: () throws -> Void) throws -> RunSummary
  {
    let plan = try pipeline.plan()
    try change()
    var run = Run(
      plan: plan, keys: plan.planKeys(), cache: lab.cache, options: RunOptions(jobs: 1, memory: 1 << 30),
      executor: InlineExecutor(registry: toyStages), progress: NoProgress())
    return try run.execute(Array(plan.ids))
  }

  /// A result of the new bytes under the key of the old ones would be believed for ever.
  @Test func aFileThatChangesDuringTheRunFailsItsNode() throws {
    let lab = try Lab()
    let file = lab.folder + "/v.txt"
    try write("1", file)
    let summary = try run(lab, pipeline(lab)) { try write("2", file) }
    let message = try #require(summary.failures.first).failure.message
    #expect(message.hasPrefix("v.txt changed during the run"))
    #expect(lab.files("artifacts").isEmpty && lab.files("tmp").isEmpty)
    try write("1", file)
    #expect(try lab.run(pipeline(lab)).ran.count == 1)
    #expect(try lab.value(pipeline(lab), "use") == 1)
    try write("2", file)
    #expect(try lab.run(pipeline(lab)).ran.count == 1)
    #expect(try lab.value(pipeline(lab), "use") == 2)
  }

  @Test func aFileThatIsGoneFailsItsNode() throws {
    let lab = try Lab()
    try write("1", lab.folder + "/v.txt")
    let summary = try run(lab, pipeline(lab)) {
      try FileManager.default.removeItem(atPath: lab.folder + "/v.txt")
    }
    #expect(summary.failures.first?.failure.message.contains("v.txt: No such file") == true)
  }

  /// In a folder, any file counts: changed, added, removed, renamed, or reached through a link.
  @Test(arguments: ["change", "add", "remove", "rename", "link"])
  func aFolderThatChangesDuringTheRunFailsItsNode(_ edit: String) throws {
    let lab = try Lab()
    let folder = lab.folder + "/data"
    try FileManager.default.createDirectory(atPath: folder + "/deep", withIntermediateDirectories: true)
    try write("3\n", folder + "/number")
    try write("a", folder + "/deep/a")
    try write("b", lab.folder + "/elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/deep/link", withDestinationPath: "../../elsewhere")
    var pipeline = ToyPipeline("folder", folder: lab.folder)
    pipeline.add("use", "read", ["path": .string("data"), "inside": .string("number")])
    #expect(try lab.run(pipeline).failures.isEmpty)
    #expect(try lab.value(pipeline, "use") == 3)
    pipeline["use"].parameters["label"] = .string("again")
    let summary = try run(lab, pipeline) {
      switch edit {
      case "change": try write("c", folder + "/deep/a")
      case "add": try write("c", folder + "/deep/c")
      case "remove": try FileManager.default.removeItem(atPath: folder + "/deep/a")
      case "rename": try FileManager.default.moveItem(atPath: folder + "/deep/a", toPath: folder + "/deep/b")
      default: try write("c", lab.folder + "/elsewhere")
      }
    }
    #expect(summary.failures.first?.failure.message.hasPrefix("data changed during the run") == true)
  }

  /// A stage can write to its copy as much as it likes.
  @Test func theUsersFileCannotBeReached() throws {
    let lab = try Lab()
    let file = lab.folder + "/v.txt"
    try write("1", file)
    try FileManager.default.moveItem(atPath: file, toPath: lab.folder + "/target")
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: lab.folder + "/target")
    var pipeline = pipeline(lab)
    pipeline["use"].parameters["scribble"] = .boolean(true)
    #expect(try lab.run(pipeline).ran.count == 1)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "1")
    #expect(lab.files("tmp").isEmpty)
  }

  @Test func whatIsNoFileIsRefused() throws {
    let lab = try Lab()
    try write("1", lab.folder + "/v.txt")
    let summary = try run(lab, pipeline(lab)) {
      try FileManager.default.removeItem(atPath: lab.folder + "/v.txt")
      #expect(mkfifo(lab.folder + "/v.txt", 0o644) == 0)
    }
    #expect(summary.failures.first?.failure.message.contains("named pipe") == true)
  }

  /// A stage that damages what it reads is no success, and what it damaged is made again.
  @Test func aStageThatWritesToItsInputFails() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("scribble")
    pipeline.add("a", "number", ["value": .integer(4)])
    pipeline.add("b", "trouble", ["mode": .string("scribble")], from: [("terms", ["a"])])
    let summary = try lab.run(pipeline, executor: lab.workers())
    #expect(summary.failures.map(\.node) == ["b"])
    #expect(summary.failures.first?.failure.message.contains("artifact of a is damaged") == true)
  }

  /// One worker, one input, two tasks: what was whole for the first is looked at again for the second.
  @Test func damageBetweenTwoTasksOfAWorkerIsFound() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("between")
    pipeline.add("a", "number", ["value": .integer(4)])
    pipeline.add("first", "sum", ["offset": .integer(1)], from: [("terms", ["a"])])
    pipeline.add("second", "sum", ["offset": .integer(2)], from: [("terms", ["a"]), ("more", ["first"])])
    let damager = Damager(lab, pipeline)
    let summary = try lab.run(pipeline, jobs: 1, executor: lab.workers(), progress: damager)
    #expect(damager.damaged)
    #expect(summary.failures.isEmpty)
    #expect(summary.ran.map(\.node) == ["a", "first", "a", "second"])
    #expect(try lab.value(pipeline, "second") == 4 + 5 + 2)
  }
}

/// Flips a bit of `a` once `first` has run.
private final class Damager: ProgressDisplay {
  private let lab: Lab
  private let pipeline: ToyPipeline
  private var plan: Plan?
  private(set) var damaged = false

  init(_ lab: Lab, _ pipeline: ToyPipeline) {
    self.lab = lab
    self.pipeline = pipeline
  }

  func begin(plan: Plan, unfinished: [NodeID]) { self.plan = plan }
  func started(_ id: NodeID, reasons: [RunReason], threads: Int) {}
  func progress(_ id: NodeID, fraction: Double, message: String) {}
  func log(_ id: NodeID, _ text: String) {}
  func waits(for id: NodeID, owner: String) {}
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) {
    guard plan?[id].name == "first", let artifact = try? lab.artifact(pipeline, "a") else { return }
    damaged = (try? flipBit(artifact)) != nil
  }
  func cutOff(_ id: NodeID) {}
  func failed(_ id: NodeID, _ message: String) {}
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {}
  func end() {}
}
