// Verification finds every flipped bit and cut file; collection takes only what nothing refers to.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct MaintenanceTests {
  /// A cache with every kind of file in it.
  private func populated() throws -> (Lab, ToyPipeline) {
    let lab = try Lab()
    var pipeline = try study(lab)
    pipeline.add("bad", "trouble", from: [("terms", ["total"])])
    try lab.run(pipeline)
    // A run that brings everything up to date leaves a seal as well.
    var other = ToyPipeline("other", folder: lab.folder)
    other.add("a", "number", ["value": .integer(77)])
    try lab.run(other)
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30)
    _ = try keeper.acquire(Digest(of: "a key".utf8))
    return (lab, pipeline)
  }

  private let sections = [
    "artifacts", "actions", "plans", "joins", "failures", "experiments", "runs", "leases",
  ]

  @Test func everyFlippedBitIsFound() throws {
    let (lab, _) = try populated()
    #expect(try lab.cache.verify().damage.isEmpty)
    var random = SeededGenerator(state: 7)
    for section in sections {
      let files = lab.files(section)
      #expect(!files.isEmpty, "\(section)")
      for _ in 0..<40 {
        let path = files.randomElement(using: &random)!
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        let bit = Int.random(in: 0..<(size * 8), using: &random)
        try flipBit(path, at: bit)
        let damage = try lab.cache.verify().damage
        #expect(damage.contains { $0.path == path }, "bit \(bit) of \(path)")
        if ["artifacts", "actions"].contains(section) {
          #expect(damage.contains { $0.nodes.contains { $0.hasPrefix("study/") || $0.hasPrefix("other/") } })
        }
        try flipBit(path, at: bit)
      }
    }
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  /// A log without its last lines, or with a cut last line, is by nature the log of a killed writer.
  @Test func everyCutFileIsFound() throws {
    let (lab, _) = try populated()
    var random = SeededGenerator(state: 8)
    for section in sections where section != "runs" {
      for path in lab.files(section) where !path.hasSuffix(".log") {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)).write(
          to: URL(fileURLWithPath: path))
        #expect(try lab.cache.verify().damage.contains { $0.path == path }, "\(path)")
        try bytes.write(to: URL(fileURLWithPath: path))
      }
    }
  }

  @Test func missingForeignAndSwappedFilesAreFound() throws {
    let (lab, pipeline) = try populated()
    let artifact = try lab.artifact(pipeline, "total")
    try FileManager.default.moveItem(atPath: artifact, toPath: lab.folder + "/aside")
    let missing = try lab.cache.verify().damage
    #expect(missing.map(\.path) == [artifact] && missing[0].nodes == ["study/total"])
    try FileManager.default.moveItem(atPath: lab.folder + "/aside", toPath: artifact)
    for section in ["artifacts", "actions", "plans"] {
      let foreign = lab.cache.root + "/" + section + "/readme.txt"
      try Data("hello".utf8).write(to: URL(fileURLWithPath: foreign))
      #expect(try lab.cache.verify().damage.map(\.path) == [foreign])
      try FileManager.default.removeItem(atPath: foreign)
    }
    for section in ["actions", "plans"] {
      let (one, two) = (lab.files(section)[0], lab.files(section)[1])
      let (first, second) = (
        try Data(contentsOf: URL(fileURLWithPath: one)), try Data(contentsOf: URL(fileURLWithPath: two))
      )
      try second.write(to: URL(fileURLWithPath: one))
      #expect(try lab.cache.verify().damage.contains { $0.path == one })
      try first.write(to: URL(fileURLWithPath: one))
    }
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  /// Also where nothing takes the artifact, so that no worker would ever compare its bytes.
  @Test(arguments: ["total", "base"]) func whatVerificationSetsAsideTheNextRunHeals(_ node: String) throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let plan = try pipeline.plan()
    let id = try #require(plan.nodes(named: node).first)
    let path = try lab.artifact(pipeline, node)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try flipBit(path, at: 8 * whole.count - 3)
    #expect(try lab.run(pipeline).ran.isEmpty, "nobody has looked at the bytes yet")
    let damage = try lab.cache.verify().damage
    #expect(damage.map(\.path) == [path] && damage[0].nodes == ["study/\(node)"])
    #expect(lab.cache.setAside(damage) == [true])
    #expect(try lab.cache.verify().damage.isEmpty, "what is damaged is out of the way")
    let explainer = Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    #expect(explainer.reasons(for: id) == [.artifactDamaged])
    let summary = try lab.run(pipeline)
    #expect(summary.ran.map(\.node) == [node] && summary.ran[0].reasons == [.artifactDamaged])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
    #expect(lab.files("damaged").isEmpty)
    #expect(try lab.cache.verify().damage.isEmpty && lab.run(pipeline).ran.isEmpty)
  }

  @Test func damagedRecordsAreSetAsideAndDoWithoutARun() throws {
    let (lab, pipeline) = try populated()
    for section in ["actions", "plans", "joins"] {
      for path in lab.files(section) { try flipBit(path, at: 77) }
      let damage = try lab.cache.verify().damage
      #expect(lab.cache.setAside(damage).allSatisfy { $0 } && !damage.isEmpty)
      #expect(try lab.cache.verify().damage.isEmpty)
    }
    // Both records of each result are lost, and so all of it is made again, to the same bytes.
    let before = try lab.artifacts()
    #expect(try lab.run(pipeline).ran.count == studyNodes.count)
    #expect(try lab.artifacts() == before && lab.cache.verify().damage.isEmpty)
    #expect(lab.cache.remove(lab.cache.garbage()) && lab.files("damaged").isEmpty)
  }

  /// A line with a flipped bit, and one that a full disk has cut, below which others follow.
  @Test(arguments: ["experiments", "runs"]) func damagedLinesOfLogsAreReportedOnce(_ section: String) throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let log = try #require(lab.files(section).first { !$0.hasSuffix(".done") })
    let garbage = lab.cache.garbage().map(\.path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: log))
    let line = try #require(whole.split(separator: 0x0A).last)
    let damaged = line + "\n".utf8 + line.prefix(30) + "\n".utf8 + whole
    try damaged.write(to: URL(fileURLWithPath: log))
    try flipBit(log, at: 8 * (line.count / 2) + 1)
    let damage = try lab.cache.verify().damage
    #expect(damage.map(\.problem) == ["has a damaged line 1", "has a damaged line 2"])
    #expect(lab.cache.setAside(damage) == [true, true] && lab.files("damaged").isEmpty)
    #expect(try lab.cache.verify().damage.isEmpty)
    let after = try Data(contentsOf: URL(fileURLWithPath: log))
    #expect(after.count == damaged.count && after.suffix(whole.count) == whole)
    #expect(try lab.run(pipeline).ran.isEmpty && lab.cache.garbage().map(\.path) == garbage)
  }

  @Test func whatAProcessIsMakingAgainIsNotSetAside() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let path = try lab.artifact(pipeline, "total")
    try flipBit(path, at: 5)
    let name = try #require(path.split(separator: "/").last?.prefix { $0 != "." })
    var keeper = LeaseKeeper(cache: lab.cache, duration: 30)
    _ = try keeper.acquire(#require(Digest(hex: name)))
    #expect(try lab.cache.setAside(lab.cache.verify().damage) == [false] && lab.files("damaged").isEmpty)
    keeper.releaseAll()
    #expect(try lab.cache.setAside(lab.cache.verify().damage) == [true])
  }

  @Test func collectionTakesOnlyWhatNothingRefersTo() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try lab.run(pipeline)
    var other = ToyPipeline("other", folder: lab.folder)
    other.add("start", "number", ["value": .integer(10)])
    try lab.run(other)
    #expect(lab.cache.garbage().isEmpty)
    let shared = try lab.artifact(pipeline, "base")
    let old = try lab.artifact(pipeline, "total")
    pipeline["base"].parameters["value"] = .integer(11)
    try lab.run(pipeline)
    let garbage = lab.cache.garbage()
    let paths = Set(garbage.map(\.path))
    // total and both of train; base is still the other pipeline's.
    #expect(garbage.filter { $0.path.contains("/artifacts/") }.count == 3)
    #expect(paths.contains(old) && !paths.contains(shared))
    #expect(garbage.first { $0.path == old }?.record?.node == "total")
    #expect(lab.cache.garbage(CollectionPolicy(olderThan: 3600, keepLast: 1)).isEmpty)
    #expect(lab.cache.remove(garbage))
    #expect(try lab.cache.verify().damage.isEmpty)
    #expect(try lab.run(pipeline).ran.isEmpty && lab.run(other).ran.isEmpty)
    pipeline["base"].parameters["value"] = .integer(12)
    let plan = try pipeline.plan()
    let explainer = Explainer(plan: plan, keys: plan.planKeys(), cache: lab.cache)
    #expect(
      explainer.explain(plan.nodes(named: "total")[0]).causes.map(\.node) == ["base"], "what explains is kept"
    )
  }

  @Test func collectionSparesTheLiving() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 10, seconds: 0.05)
    var removed = 0
    while kill(child.id, 0) == 0, !isZombie(child.id) {
      let garbage = lab.cache.garbage()
      removed += garbage.count
      _ = lab.cache.remove(garbage)
      usleep(2_000)
    }
    #expect(child.wait() == 0, "\(child.errors)")
    #expect(removed == 0)
    #expect(lab.executions().values.allSatisfy { $0 == 1 })
  }

  @Test func abandonedTemporariesAreCollected() throws {
    let lab = try Lab()
    try lab.cache.prepare()
    let dead = try Child(["/bin/true"], lab.folder)
    dead.wait()
    let names = [
      "\(LeaseOwner.ownScope)-\(dead.id)-x-action": true,
      "\(LeaseOwner.ownScope)-\(getpid())-x-action": false,
      "other-\(dead.id)-x-action": false,
    ]
    for name in names.keys { try Data().write(to: URL(fileURLWithPath: lab.cache.root + "/tmp/" + name)) }
    let found = Set(lab.cache.garbage().map(\.path))
    for (name, abandoned) in names { #expect(found.contains(lab.cache.root + "/tmp/" + name) == abandoned) }
  }

  @Test func artifactsCantBeWritten() throws {
    let (lab, _) = try populated()
    for path in lab.files("artifacts") {
      var info = stat()
      #expect(stat(path, &info) == 0 && info.st_mode & 0o222 == 0 && info.st_mode & 0o400 != 0, "\(path)")
    }
  }

  @Test func sizesCountEveryFile() throws {
    let (lab, _) = try populated()
    let sizes = lab.cache.sizes()
    #expect(sizes.map(\.files).reduce(0, +) == lab.files().count - 1, "all but the mark")
    #expect(sizes.first { $0.folder == "artifacts" }?.files == 8)
  }

  @Test func aNameCantLeadOutOfTheCache() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("../../evil name")
    pipeline.add("a", "number", ["value": .integer(1)])
    try lab.run(pipeline)
    #expect(try FileManager.default.contentsOfDirectory(atPath: lab.folder) == ["cache"])
    #expect(lab.cache.entries().map(\.references) == [["../../evil name/a"]])
  }
}
