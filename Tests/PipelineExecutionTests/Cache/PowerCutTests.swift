// After another boot, what was not synced is read whole before it is believed. The stress laboratory cuts the power itself.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct PowerCutTests {
  /// Lets the records say that another boot wrote their artifacts.
  private func reboot(_ lab: Lab) throws {
    for path in lab.files("actions") + lab.files("plans") {
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropLast()
      let body = lines.map { $0.hasPrefix("unsynced ") ? "unsynced \(Digest(of: "before".utf8).hex)" : $0 }
        .map { $0 + "\n" }.joined()
      try (body + "digest \(Digest(of: body.utf8).hex)\n").write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    for path in lab.files("experiments") where path.hasSuffix(".done") {
      try FileManager.default.removeItem(atPath: path)
    }
  }

  private func unsynced(_ lab: Lab, _ section: String) throws -> Int {
    try lab.files(section).filter { try String(contentsOfFile: $0, encoding: .utf8).contains("\nunsynced ") }
      .count
  }

  @Test func whatWasNotSyncedIsReadBeforeItIsBelieved() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let whole = try lab.artifacts()
    #expect(try unsynced(lab, "plans") == studyNodes.count)
    // One that others take, and one that nobody takes.
    for node in ["base", "total"] { try flipBit(lab.artifact(pipeline, node), at: 3) }
    #expect(try lab.run(pipeline).ran.isEmpty, "within one boot the kernel has the bytes")
    try reboot(lab)
    let before = lab.listing()
    let plan = try pipeline.plan()
    let resolution = Resolution(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    #expect(
      plan.ids.filter { resolution.artifact($0) == nil }.map { plan[$0].name }.sorted() == ["base", "total"])
    #expect(lab.listing() == before, "who only looks writes nothing")
    let summary = try lab.run(pipeline)
    #expect(summary.ran.map(\.node).sorted() == ["base", "total"])
    #expect(summary.ran.allSatisfy { $0.reasons == [.artifactDamaged] })
    #expect(try lab.artifacts() == whole)
    // The others are on the disk now, and say so.
    #expect(try unsynced(lab, "plans") == 2 && unsynced(lab, "actions") == 2)
    #expect(try lab.run(pipeline).ran.isEmpty && lab.cache.verify().damage.isEmpty)
  }

  @Test func whatWasSyncedIsBelievedBySize() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline, syncAfter: 0)
    #expect(try unsynced(lab, "plans") == 0 && unsynced(lab, "actions") == 0)
    try reboot(lab)
    #expect(try lab.run(pipeline).ran.isEmpty)
  }

  @Test func tornRecordsOfJoinsAreWrittenAnew() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    for path in lab.files("joins") { try Data().write(to: URL(fileURLWithPath: path)) }
    pipeline["total"].parameters["offset"] = .integer(5)
    try lab.run(pipeline)
    let torn = try lab.files("joins").filter { try Data(contentsOf: URL(fileURLWithPath: $0)).isEmpty }
    #expect(torn.count < lab.files("joins").count, "the join of the node that ran is whole")
  }
}
