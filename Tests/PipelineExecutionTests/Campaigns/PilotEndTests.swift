// Pilots that are killed, asked to end, cancelled or late: the campaign goes on without a hand.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct PilotEndTests {
  @Test func killedPilotsCostOnlyWhatTheyWereAt() throws {
    let alone = try Lab()
    try alone.run(.fan(width: 16, seconds: 0, log: ""))
    let lab = try Lab()
    let (campaign, _) = try lab.submit(.fan(width: 16, seconds: 0.03, log: lab.log))
    var random = SeededGenerator(state: 7)
    var pilots = try (0..<3).map { _ in try lab.startPilot(campaign) }
    var kills = 0
    while campaign.ending == nil, kills < 12 {
      usleep(UInt32.random(in: 30_000...150_000, using: &random))
      let victim = Int.random(in: 0..<3, using: &random)
      kill(pilots[victim].id, SIGKILL)
      pilots[victim].wait()
      kills += 1
      pilots[victim] = try lab.startPilot(campaign)
      #expect(try lab.cache.verify().damage.isEmpty)
    }
    for pilot in pilots { #expect(pilot.wait() == 0, "\(pilot.errors)") }
    #expect(campaign.ending == "done")
    #expect(try lab.artifacts() == alone.artifacts())
    // A kill costs the one node that its pilot was at.
    #expect(lab.executions().values.reduce(0, +) <= 34 + kills)
    // The marks of the dead stay, and count for nothing.
    #expect(campaign.pilots().filter(\.isAlive).isEmpty)
  }

  @Test func onTerminationWhatCanEndEndsAndTheRestIsGivenBack() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("ends")
    pipeline.add("node", "random", axes: [("i", [0, 1, 2])])
    pipeline.setAll("log", .string(lab.log))
    pipeline.setAll("seconds", .number(0.8))
    let (campaign, _) = try lab.submit(pipeline)
    // Within its grace the node at work ends, and is there; no other starts.
    let patient = try lab.startPilot(campaign, grace: 10)
    #expect(eventually { lab.executions().count == 1 })
    kill(patient.id, SIGTERM)
    #expect(patient.wait() == 130)
    #expect(lab.files("artifacts").count == 1 && lab.executions().count == 1)
    // Without grace it is given back at once: another makes it, although the lease would have lasted long.
    let hasty = try lab.startPilot(campaign, lease: 1000, grace: 0)
    #expect(eventually { lab.executions().values.reduce(0, +) == 2 })
    kill(hasty.id, SIGTERM)
    #expect(hasty.wait() == 130)
    #expect(lab.files("leases").isEmpty && campaign.pilots().isEmpty)
    #expect(try lab.startPilot(campaign, lease: 1000).wait() == 0)
    #expect(campaign.ending == "done")
    #expect(lab.executions().values.reduce(0, +) == 4)
  }

  @Test func cancelledPilotsEndAndASubmitGoesOn() throws {
    let lab = try Lab()
    let pipeline = ToyPipeline.fan(width: 6, seconds: 0.4, log: lab.log)
    let (campaign, _) = try lab.submit(pipeline)
    let pilots = try (0..<2).map { _ in try lab.startPilot(campaign) }
    #expect(eventually { lab.executions().count >= 2 })
    try campaign.cancel()
    for pilot in pilots { #expect(pilot.wait() == 130) }
    #expect(lab.files("leases").isEmpty && campaign.ending == nil && campaign.isCancelled)
    _ = try lab.submit(pipeline)
    #expect(!campaign.isCancelled)
    #expect(try lab.startPilot(campaign, jobs: 4).wait() == 0)
    #expect(campaign.ending == "done")
  }

  @Test func idlePilotsEndAndAnotherFindsAllWithoutTheirNews() throws {
    let lab = try Lab()
    let pipeline = ToyPipeline.fan(width: 5, seconds: 0, log: lab.log)
    let (campaign, _) = try lab.submit(pipeline)
    #expect(try lab.pilot(campaign).ran.count == 12)
    #expect(try lab.pilot(campaign).ran.isEmpty)
    // News that are damaged or lost cost looks at records, and no work.
    for path in lab.files("campaigns/\(campaign.id)/results") {
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for position in stride(from: 5, to: bytes.count, by: 100) { bytes[position] ^= 1 }
      try bytes.write(to: URL(fileURLWithPath: path))
    }
    try FileManager.default.removeItem(atPath: campaign.folder + "/ended")
    let plans = lab.files("plans").map { lab.facts($0) }
    let late = try lab.pilot(campaign)
    #expect(late.ran.isEmpty && late.cutOff == 12)
    #expect(campaign.ending == "done")
    // A plan record that says what it should is not written anew.
    #expect(lab.files("plans").map { lab.facts($0) } == plans)
    #expect(try lab.cache.verify().damage.contains { $0.path.contains("/results/") })
  }

  @Test func collectionsKeepWhatACampaignHasMade() throws {
    let lab = try Lab()
    let (campaign, _) = try lab.submit(.fan(width: 4, seconds: 0.2, log: lab.log))
    let pilot = try lab.startPilot(campaign)
    #expect(eventually { lab.files("artifacts").count >= 3 })
    kill(pilot.id, SIGKILL)
    pilot.wait()
    // The pipeline's log has none of these keys yet; the campaign has. What the kill met half recorded may go.
    let made = lab.files("artifacts").count
    #expect(lab.cache.remove(lab.cache.garbage()))
    #expect(lab.files("artifacts").count >= made - 1)
    #expect(FileManager.default.fileExists(atPath: campaign.folder + "/plan"))
    #expect(try lab.startPilot(campaign).wait() == 0)
    #expect(lab.executions().values.reduce(0, +) <= 12)
    // A week later it goes, and what another question did not keep.
    let old = Date(timeIntervalSinceNow: -8 * 86400)
    let names = FileManager.default.subpaths(atPath: campaign.folder) ?? []
    for path in names.map({ campaign.folder + "/" + $0 }) + [campaign.folder] {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
    }
    #expect(lab.cache.remove(lab.cache.garbage()))
    #expect(!FileManager.default.fileExists(atPath: campaign.folder))
    #expect(try lab.run(.fan(width: 4, seconds: 0, log: "")).fresh == 10)
  }
}

extension Lab {
  /// Which file stands under a path: its inode and its time.
  func facts(_ path: String) -> String {
    var info = stat()
    stat(path, &info)
    return "\(path) \(info.st_ino) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
  }
}
