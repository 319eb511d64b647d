// Campaigns: several pilots share a frozen plan, each key once, whoever of them lives.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct CampaignTests {
  /// Three numbers of which one fails, a sum over all, and one over the good ones.
  private func troubled(_ lab: Lab) -> ToyPipeline {
    var pipeline = ToyPipeline("troubled")
    pipeline.add("good", "number", ["value": .integer(2)], axes: [("i", [0, 1, 2, 3, 4, 5])])
    pipeline.add("bad", "trouble", ["until": .string(lab.folder + "/mended")], from: [("terms", ["good"])])
    pipeline.add("total", "sum", from: [("terms", ["good", "bad"])])
    pipeline.add("rest", "sum", from: [("terms", ["good"])])
    pipeline.setAll("log", .string(lab.log))
    return pipeline
  }

  @Test func pilotsShareTheWorkAndComeToTheBytesOfOneRun() throws {
    let alone = try Lab()
    try alone.run(.fan(width: 30, seconds: 0, log: ""))
    let lab = try Lab()
    let (campaign, open) = try lab.submit(.fan(width: 30, seconds: 0.01, log: lab.log))
    #expect(open.count == 62)
    let pilots = try (0..<4).map { _ in try lab.startPilot(campaign) }
    for pilot in pilots { #expect(pilot.wait() == 0, "\(pilot.errors)") }
    #expect(lab.executions().count == 62 && lab.executions().values.allSatisfy { $0 == 1 })
    #expect(try lab.artifacts() == alone.artifacts())
    #expect(campaign.ending == "done")
    // None of them did all: the slowest start takes less than the work does.
    #expect(pilots.allSatisfy { !$0.text.hasPrefix("ran 62 ") })
    // What they leave is what a run leaves: another finds all up to date, and an audit nothing.
    #expect(try lab.run(.fan(width: 30, seconds: 0, log: "")).fresh == 62)
    #expect(try lab.cache.verify().damage.isEmpty)
    #expect(lab.files("leases").isEmpty && lab.files("tmp").isEmpty)
    #expect(campaign.pilots().isEmpty)
  }

  /// Of many pilots one gathers the news; when it dies the others go on.
  @Test func manyPilotsHearOfEachOtherByARelay() throws {
    let lab = try Lab()
    let (campaign, _) = try lab.submit(.fan(width: 80, seconds: 0.15, log: lab.log))
    var pilots = try (0..<8).map { _ in try lab.startPilot(campaign) }
    #expect(eventually(within: 30) { !lab.files("campaigns/\(campaign.id)/relay").isEmpty })
    let relay = try #require(lab.files("campaigns/\(campaign.id)/relay").first)
    let gatherer = try #require(pilots.firstIndex { relay.contains("-\($0.id)-") })
    kill(pilots[gatherer].id, SIGKILL)
    pilots.remove(at: gatherer).wait()
    for pilot in pilots { #expect(pilot.wait() == 0, "\(pilot.errors)") }
    #expect(campaign.ending == "done")
    #expect(lab.executions().values.reduce(0, +) <= lab.executions().count + 1)
    #expect(lab.executions().count == 162)
  }

  @Test func theSameQuestionIsTheSameCampaign() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline.fan(width: 3, seconds: 0, log: lab.log)
    let first = try lab.submit(pipeline).campaign
    #expect(try lab.submit(pipeline).campaign.id == first.id)
    #expect(try lab.submit(pipeline, ["source"]).campaign.id != first.id)
    try lab.pilot(first)
    let again = try lab.submit(pipeline)
    #expect(again.campaign.id == first.id && again.open.isEmpty)
    pipeline["source"].parameters["value"] = .integer(6)
    #expect(try lab.submit(pipeline).campaign.id != first.id)
    // The plan of the first is what it was.
    #expect(try first.assignment(toyStages).plan.nodes.count == 8)
    #expect(lab.executions().values.allSatisfy { $0 == 1 })
  }

  @Test func aFailingNodeRunsOnceForAllPilots() throws {
    let lab = try Lab()
    let pipeline = troubled(lab)
    let (campaign, _) = try lab.submit(pipeline)
    let pilots = try (0..<3).map { _ in try lab.startPilot(campaign) }
    #expect(pilots.map { $0.wait() }.sorted() == [0, 0, 1])
    #expect(lab.executions()["bad"] == 1)
    #expect(campaign.ending == "failed")
    #expect(campaign.failures().map(\.node) == ["bad"])
    #expect(campaign.failures()[0].message.contains("it was told to fail"))
    #expect(campaign.failures()[0].message.contains("on \(hostName())"))
    // All that did not need it is there.
    #expect(try lab.value(pipeline, "rest") == 12)
    // A late pilot does not try it again either; a submit does.
    #expect(try lab.startPilot(campaign).wait() == 0)
    #expect(lab.executions()["bad"] == 1)
    _ = FileManager.default.createFile(atPath: lab.folder + "/mended", contents: nil)
    let again = try lab.submit(pipeline)
    #expect(again.open.count == 2 && again.campaign.id == campaign.id)
    #expect(try lab.startPilot(campaign).wait() == 0)
    #expect(campaign.ending == "done" && lab.executions()["bad"] == 2)
    #expect(try lab.value(pipeline, "total") == 24)
  }

  @Test func aNodeTooLargeForAPilotIsLeftToOthers() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("sizes")
    pipeline.add("small", "random", axes: [("i", [0, 1, 2])])
    pipeline.add("large", "number", ["value": .integer(5), "memory": .integer(8 << 20)])
    pipeline.add("total", "sum", from: [("terms", ["small", "large"])])
    pipeline.setAll("log", .string(lab.log))
    pipeline["large"].parameters["memory"] = .integer(8 << 20)
    let (campaign, _) = try lab.submit(pipeline)
    // Alone, the small one does what fits and ends: what is left stands on what does not fit, and nobody makes that.
    let alone = try lab.pilot(campaign, memory: 4 << 20, manners: PilotOptions(idle: 0.3))
    #expect(Set(alone.ran.map(\.node)) == ["small[i=0]", "small[i=1]", "small[i=2]"])
    #expect(alone.failures.isEmpty && alone.notStarted == 2 && campaign.ending == nil)
    // One that takes only large nodes leaves the sum.
    var manners = PilotOptions(idle: 0.3)
    manners.beyond = 4 << 20
    #expect(try lab.pilot(campaign, manners: manners).ran.map(\.node) == ["large"])
    #expect(try lab.pilot(campaign, memory: 4 << 20).ran.map(\.node) == ["total"])
    #expect(campaign.ending == "done")
  }

  @Test func nothingStartsThatWouldOutlastThePilot() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("times")
    pipeline.add("quick", "random", axes: [("i", [3, 4, 5])])
    pipeline.add("slow", "random", axes: [("i", [0, 1, 2])])
    pipeline.setAll("log", .string(lab.log))
    pipeline["slow"].parameters["seconds"] = .number(1.2)
    // The past: one slow node took 1.2 s.
    try lab.run(pipeline, ["slow[i=0]"])
    let (campaign, open) = try lab.submit(pipeline)
    #expect(open.count == 5)
    // 1.2 s and a quarter, and 2 s to spare, are more than 3.4 s.
    let summary = try lab.pilot(campaign, manners: PilotOptions(idle: 60, time: 3.4, grace: 0))
    #expect(Set(summary.ran.map(\.node)) == ["quick[i=3]", "quick[i=4]", "quick[i=5]"])
    // It does not wait for anything either.
    #expect(summary.seconds < 30 && summary.notStarted == 2)
    #expect(try lab.pilot(campaign).ran.count == 2)
  }

  @Test func anotherProgramRefusesThePlan() throws {
    let lab = try Lab()
    let (campaign, _) = try lab.submit(.fan(width: 2, seconds: 0, log: lab.log))
    #expect(throws: Campaign.Problem.self) { try campaign.assignment(toyStagesVersion2) }
    let plan = campaign.folder + "/plan"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: plan))
    for position in stride(from: 0, to: bytes.count, by: 97) {
      var damaged = bytes
      damaged[position] ^= 4
      try damaged.write(to: URL(fileURLWithPath: plan))
      #expect(throws: Campaign.Problem.self, "byte \(position)") { try campaign.assignment(toyStages) }
    }
    try bytes.dropLast().write(to: URL(fileURLWithPath: plan))
    #expect(throws: Campaign.Problem.self) { try campaign.assignment(toyStages) }
    // A submit writes it anew.
    _ = try lab.submit(.fan(width: 2, seconds: 0, log: lab.log))
    #expect(try Data(contentsOf: URL(fileURLWithPath: plan)) == bytes)
  }

  @Test func aFileThatChangesAfterTheSubmitFailsItsNode() throws {
    let lab = try Lab()
    let file = lab.folder + "/input"
    try "7\n".write(toFile: file, atomically: true, encoding: .utf8)
    var pipeline = ToyPipeline("outside", folder: lab.folder)
    pipeline.add("read", "read", ["path": .string("input"), "log": .string(lab.log)])
    let (campaign, _) = try lab.submit(pipeline)
    try "8\n".write(toFile: file, atomically: true, encoding: .utf8)
    let summary = try lab.pilot(campaign)
    #expect(
      summary.failures.count == 1 && summary.failures[0].failure.message.contains("changed during the run"))
    // The question of today is another one.
    let today = try lab.submit(pipeline)
    #expect(today.campaign.id != campaign.id)
    try lab.pilot(today.campaign)
    #expect(try lab.value(pipeline, "read") == 8)
  }

  private func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, 255)
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}
