// Cores and memory in use at any time, by the intervals that the stages themselves write down.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct BudgetTests {
  /// The most cores and memory in use at once, by the stages' own log.
  private func peak(_ lab: Lab) throws -> (cores: Int, memory: Int, nodes: Int) {
    let lines = try String(contentsOfFile: lab.log, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: " ")
    }.sorted { (Double($0[3]) ?? 0) < (Double($1[3]) ?? 0) }
    var now = (cores: 0, memory: 0, nodes: 0)
    var most = now
    for line in lines {
      let sign = line[0] == "start" ? 1 : -1
      now.cores += sign * (Int(line[4]) ?? 0)
      now.memory += sign * (Int(line[5]) ?? 0)
      now.nodes += sign
      most = (max(most.cores, now.cores), max(most.memory, now.memory), max(most.nodes, now.nodes))
    }
    return most
  }

  @Test func coresAndMemoryStayWithinTheBudgets() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("budgets")
    for (index, (cores, memory)) in [(1, 10), (2, 30), (4, 60), (3, 20), (1, 100)].enumerated() {
      pipeline.add(
        "s\(index)", "random",
        [
          "cores": .integer(cores), "memory": .integer(memory), "seed": .integer(index),
          "seconds": .number(0.02),
        ],
        axes: [("i", Array(0..<6))])
    }
    pipeline.setAll("log", .string(lab.log))
    let summary = try lab.run(pipeline, jobs: 4, memory: 100, executor: lab.workers())
    #expect(summary.ran.count == 30)
    let peak = try peak(lab)
    #expect(peak.cores <= 4 && peak.memory <= 100)
    #expect(peak.nodes >= 2, "they did run side by side")
  }

  @Test func aLoneNodeGetsAllTheCoresThatItCanUse() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("lone")
    pipeline.add("a", "number", ["cores": .integer(64), "log": .string(lab.log)])
    try lab.run(pipeline, jobs: 6)
    #expect(try peak(lab).cores == 6)
    pipeline["a"].parameters = ["value": .integer(1), "cores": .integer(3), "log": .string(lab.log)]
    try FileManager.default.removeItem(atPath: lab.log)
    try lab.run(pipeline, jobs: 6)
    #expect(try peak(lab).cores == 3)
  }

  @Test func readyNodesShareTheCores() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("share")
    pipeline.add("a", "random", ["cores": .integer(64), "seconds": .number(0.2)], axes: [("i", [0, 1])])
    pipeline.setAll("log", .string(lab.log))
    try lab.run(pipeline, jobs: 4, executor: lab.workers())
    let threads = try String(contentsOfFile: lab.log, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: " ")[4]
    }
    #expect(threads.allSatisfy { $0 == "2" })
  }

  @Test func whatNeverFitsIsRefusedBeforeAnythingRuns() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("big")
    pipeline.add("a", "number", ["log": .string(lab.log)])
    pipeline.add("b", "sum", ["memory": .integer(1 << 20)], from: [("terms", ["a"])])
    let error = #expect(throws: BudgetError.self) { try lab.run(pipeline, memory: (1 << 20) - 1) }
    #expect(error?.description.contains("a needs") == true || error?.description.contains("b needs") == true)
    #expect(lab.executions().isEmpty)
  }

  /// The node that healing needs was not looked at when the run started.
  @Test func healingThatNeedsTooMuchMemoryFails() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("heal")
    pipeline.add("big", "number", ["memory": .integer(1000)])
    pipeline.add("next", "sum", from: [("terms", ["big"])])
    pipeline["next"].parameters["memory"] = .integer(1)
    try lab.run(pipeline)
    try flipBit(lab.artifact(pipeline, "big"))
    pipeline["next"].parameters["offset"] = .integer(1)
    let summary = try lab.run(pipeline, memory: 10)
    #expect(summary.failures.map(\.node) == ["big"] && summary.blocked == ["next"])
  }

  @Test(arguments: [1, 2, 5])
  func artifactsDoNotDependOnTheNumberOfJobs(_ jobs: Int) throws {
    let (one, many) = (try Lab(), try Lab())
    try one.run(.fan(width: 8, seconds: 0, log: ""), jobs: 1)
    try many.run(.fan(width: 8, seconds: 0, log: ""), jobs: jobs, executor: many.workers())
    #expect(try one.artifacts() == many.artifacts())
  }
}
