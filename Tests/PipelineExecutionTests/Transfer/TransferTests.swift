// Results that travel between caches: only what is missing, only what is whole, and what was interrupted goes on.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct TransferTests {
  private func pipeline(_ lab: Lab) -> ToyPipeline { .fan(width: 5, seconds: 0, log: lab.log) }

  private func transfer(_ lab: Lab, _ other: String, sends: Bool = true) throws -> CacheTransfer {
    try CacheTransfer(lab.cache, RemoteAddress(other)!, sends: sends)
  }

  private func keys(_ pipeline: ToyPipeline) throws -> [Digest] { try pipeline.plan().planKeys().nodes }

  @Test func pushedAndPulledResultsAreTheSame() throws {
    let (here, there) = (try Lab(), try Lab())
    let remote = here.folder + "/remote"
    try here.run(pipeline(here))
    var push = try transfer(here, remote)
    try push.push(keys(pipeline(here)))
    #expect(push.summary.copied == 12 && push.summary.present == 0 && push.summary.refused.isEmpty)
    // A second time nothing is sent.
    var again = try transfer(here, remote)
    try again.push(keys(pipeline(here)))
    #expect(again.summary.copied == 0 && again.summary.present == 12)
    var pull = try transfer(there, remote)
    #expect(try pull.pull(pull.remoteKeys).count == 12)
    #expect(try there.artifacts() == here.artifacts())
    #expect(try there.run(pipeline(there)).fresh == 12)
    #expect(there.executions().isEmpty)
    #expect(try there.cache.verify().damage.isEmpty)
    // The remote is a cache as any other.
    #expect(try CacheStore(root: remote).verify().damage.isEmpty)
    // With results of before, explanations have what they compare with.
    var changed = pipeline(there)
    changed["source"].parameters["value"] = .integer(6)
    #expect(
      try there.run(changed).ran.contains {
        $0.reasons == [.parameterChanged(name: "value", old: "5", new: "6")]
      })
  }

  @Test func aRunTakesTheNearestResultsAndNothingBeforeThem() throws {
    let (here, there) = (try Lab(), try Lab())
    let remote = here.folder + "/remote"
    try here.run(pipeline(here))
    var push = try transfer(here, remote)
    try push.push(keys(pipeline(here)))
    let plan = try pipeline(there).plan()
    var whole = try transfer(there, remote)
    try whole.pull(for: plan.nodes(named: "total"), of: plan, plan.planKeys())
    #expect(whole.summary.copied == 1)
    // Where that one is damaged, what it is made of comes instead.
    let other = try Lab()
    let total = try remote + here.artifact(pipeline(here), "total").dropFirst(here.cache.root.count)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: total)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: total))
    bytes[0] ^= 1
    try bytes.write(to: URL(fileURLWithPath: total))
    var partial = try transfer(other, remote)
    try partial.pull(for: plan.nodes(named: "total"), of: plan, plan.planKeys())
    #expect(partial.summary.copied == 5 && partial.summary.refused.count == 1)
    #expect(try other.run(pipeline(other), ["total"]).ran.map(\.node) == ["total"])
    #expect(try other.value(pipeline(other), "total") == here.value(pipeline(here), "total"))
  }

  @Test func aFlippedByteOnTheRemoteIsFound() throws {
    let here = try Lab()
    let remote = here.folder + "/remote"
    try here.run(pipeline(here))
    var push = try transfer(here, remote)
    try push.push(keys(pipeline(here)))
    let names = (FileManager.default.subpaths(atPath: remote) ?? []).filter {
      $0.hasSuffix(".txt") || $0.hasPrefix("actions/") || $0.hasPrefix("plans/")
    }.filter { $0.utf8.count > 40 }
    #expect(names.count == 36)
    for name in names {
      let path = remote + "/" + name
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
      var damaged = whole
      damaged[whole.count / 2] ^= 8
      try damaged.write(to: URL(fileURLWithPath: path))
      let there = try Lab()
      var pull = try transfer(there, remote)
      #expect(try pull.pull(pull.remoteKeys).count < 12, "\(name)")
      #expect(try there.cache.verify().damage.isEmpty, "\(name)")
      for (file, bytes) in try there.artifacts() { #expect(try here.artifacts()[file] == bytes) }
      try whole.write(to: URL(fileURLWithPath: path))
    }
  }

  @Test func anInterruptedExchangeGoesOn() throws {
    let (here, there) = (try Lab(), try Lab())
    let remote = here.folder + "/remote"
    try here.run(pipeline(here))
    let all = try keys(pipeline(here))
    // Each round sends and fetches a part; what a killed one has left on its way is in nobody's way.
    for count in [1, 4, 7, 12] {
      var push = try transfer(here, remote)
      try push.push(Array(all.prefix(count)))
      #expect(push.summary.present == [1: 0, 4: 1, 7: 4, 12: 7][count])
      try FileManager.default.createDirectory(
        atPath: remote + "/tmp/0123456789ab-1-x-sent", withIntermediateDirectories: true)
      var pull = try transfer(there, remote)
      try pull.pull(pull.remoteKeys)
      #expect(try there.cache.verify().damage.isEmpty)
    }
    #expect(try there.artifacts() == here.artifacts())
  }

  @Test func aRemoteThatIsNotThereIsSaid() throws {
    let lab = try Lab()
    try Data("x".utf8).write(to: URL(fileURLWithPath: lab.folder + "/file"))
    #expect(throws: RemoteError.self) { try self.transfer(lab, lab.folder + "/none", sends: false) }
    var transfer = try transfer(lab, lab.folder + "/none")
    #expect(transfer.remoteKeys.isEmpty)
    try lab.run(pipeline(lab))
    #expect(throws: (any Error).self) {
      var push = try self.transfer(lab, lab.folder + "/file/below")
      try push.push(keys(pipeline(lab)))
    }
    #expect(try transfer.pull(keys(pipeline(lab))).count == 12)
    for text in ["", "-x", "ssh:host", "ssh:-o:x", "s3:", "rclone:x"] {
      #expect(RemoteAddress(text) == nil, "\(text)")
    }
  }
}
