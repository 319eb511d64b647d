// Run records read back and drawn, collections by policy, and the shortcut of a run without work.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct HistoryTests {
  private func chain(_ lab: Lab, value: Int = 1, width: Int = 4) -> ToyPipeline {
    var pipeline = ToyPipeline("chain", folder: lab.folder)
    pipeline.add("start", "number", ["value": .integer(value)])
    let axes = [(name: "i", values: Array(0..<width))]
    pipeline.add("draw", "random", axes: axes)
    pipeline.add("middle", "sum", axes: axes, from: [("terms", ["start"]), ("more", ["draw"])])
    pipeline.add("total", "sum", from: [("terms", ["middle"])])
    pipeline.setAll("log", .string(lab.log))
    return pipeline
  }

  @Test func runsAreRememberedWithWhatTheyDid() throws {
    let lab = try Lab()
    let history = RunHistory(cache: lab.cache)
    #expect(history.runs().isEmpty)
    try lab.run(chain(lab))
    try lab.run(chain(lab))
    #expect(history.ids().count == 1, "a run without work leaves no record")
    try lab.run(chain(lab, value: 5), jobs: 1)
    let runs = history.runs(of: "chain")
    // Within one second the order is that of the names.
    let (first, second) = (runs.first { $0.jobs == 2 }, runs.first { $0.jobs == 1 })
    let old = try #require(first)
    let new = try #require(second)
    #expect(old.ending == "done" && old.nodes.count == 10 && old.seconds > 0)
    #expect(new.passedOver?.fresh == 4)
    #expect(old.passedOver.map { [$0.fresh, $0.cutOff] } == [0, 0])
    #expect(old.parameters["start"]?["value"] == "1" && new.parameters["start"]?["value"] == "5")
    #expect(old.parameters["middle"]?["axis i"] == "0, 1, 2, 3")
    #expect(new.nodes.first?.reasons == ["value: 1 → 5"])
    for node in new.nodes {
      let (began, ended) = (try #require(node.began), try #require(node.ended))
      #expect(began >= 0 && began <= ended && ended <= new.seconds)
    }
    #expect(old.keys.count == 10 && old.keys["total"] != new.keys["total"])
    #expect(history.find(new.id)?.id == new.id)
    #expect(history.find("chain~1")?.id == runs[1].id && history.find("chain")?.id == runs[0].id)
    #expect(history.find("nothing") == nil && history.find("../runs/\(new.id)") == nil)
  }

  @Test func failuresAreRemembered() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("bad")
    pipeline.add("good", "number", ["value": .integer(1)])
    pipeline.add("bad", "trouble", from: [("terms", ["good"])])
    try lab.run(pipeline)
    let run = try #require(RunHistory(cache: lab.cache).find("bad"))
    #expect(run.ending == "failed")
    #expect(run.nodes.map { $0.failure == nil } == [true, false])
    #expect(run.nodes.last?.failure == "it was told to fail")
    #expect(Timeline(run).svg.contains("stroke=\"#cc0000\""))
  }

  /// Whatever a kill leaves of a record reads as far as it is whole.
  @Test func anyCutOfARecordIsReadAsFarAsItGoes() throws {
    let lab = try Lab()
    try lab.run(chain(lab))
    let path = try #require(lab.files("runs").first)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let id = String(try #require(path.split(separator: "/").last).dropLast(".jsonl".count))
    let history = RunHistory(cache: lab.cache)
    let lineEnds = whole.indices.filter { whole[$0] == 0x0A }
    for length in stride(from: 0, to: whole.count, by: 37) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      // A line is whole without its newline too.
      let lines = lineEnds.filter { $0 <= length }.count
      let run = history.run(id)
      #expect((run?.events.count ?? 0) == lines, "cut to \(length) bytes")
      if let run, lines < lineEnds.count { #expect(run.ending == "running", "this process lives") }
    }
    try (whole.prefix(lineEnds[2] + 20) + Data("\n".utf8) + whole.suffix(from: lineEnds[3] + 1)).write(
      to: URL(fileURLWithPath: path))
    #expect(history.run(id)?.events.count == lineEnds.count - 1, "one line is damaged")
  }

  @Test func aKilledRunIsCalledKilled() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 10, seconds: 0.1)
    #expect(eventually(within: 30) { RunHistory(cache: lab.cache).find("fan")?.ending == "running" })
    kill(child.id, SIGKILL)
    child.wait()
    let run = try #require(RunHistory(cache: lab.cache).find("fan"))
    #expect(run.ending == "killed" && run.passedOver == nil)
  }

  @Test func theTimelineShowsEveryNodeOnceWithinItsLanes() throws {
    let lab = try Lab()
    try lab.run(ToyPipeline.fan(width: 6, seconds: 0.02, log: lab.log), executor: lab.workers())
    let run = try #require(RunHistory(cache: lab.cache).find("fan"))
    let svg = Timeline(run).svg
    #expect(svg.components(separatedBy: "<title>").count - 1 == 14)
    #expect(svg.contains("core 2") && !svg.contains("core 3"), "two jobs fill two lanes")
    for stage in ["source: 1", "draw: 6", "middle: 6", "total: 1"] { #expect(svg.contains(">\(stage),")) }
    let parser = XMLCheck(svg)
    #expect(parser.isWellFormed)
  }

  @Test func aDeletedOrDamagedArtifactIsSeenWithoutWork() throws {
    let lab = try Lab()
    let pipeline = chain(lab)
    try lab.run(pipeline)
    #expect(lab.files("experiments").contains { $0.hasSuffix(".done") })
    #expect(try lab.run(pipeline).fresh == 10)
    let artifact = try lab.artifact(pipeline, "total")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: artifact))
    try bytes.dropLast().write(to: URL(fileURLWithPath: artifact))
    #expect(try lab.run(pipeline).ran.map(\.node) == ["total"])
    try FileManager.default.removeItem(atPath: artifact)
    #expect(try lab.run(pipeline).ran.map(\.node) == ["total"])
    // The names count too: a renamed stage is told to the log.
    var renamed = pipeline
    renamed["total"].name = "sum"
    #expect(try lab.run(renamed).ran.isEmpty)
    #expect(lab.cache.entries().contains { $0.references.contains("chain/sum") })
    // Any damage to the index costs its speed only.
    let index = try lab.history(".done")
    let whole = try Data(contentsOf: URL(fileURLWithPath: index))
    for length in [0, 10, 40, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: index))
      #expect(try lab.run(renamed).fresh == 10)
    }
  }

  @Test func collectionBySizeTakesTheOldestFirstAndNoMore() throws {
    let lab = try Lab()
    for value in 1...4 {
      let before = Set(lab.files("artifacts"))
      try lab.run(chain(lab, value: value))
      for path in Set(lab.files("artifacts")).subtracting(before) { setAge(path, hours: 10 - value) }
    }
    let sizes = Dictionary(
      uniqueKeysWithValues: try lab.files("artifacts").map { path in
        (path, try Data(contentsOf: URL(fileURLWithPath: path)).count)
      })
    let total = sizes.values.reduce(0, +)
    func taken(_ policy: CollectionPolicy) -> [String] {
      lab.cache.garbage(policy).map(\.path).filter { $0.contains("/artifacts/") }
    }
    #expect(taken(CollectionPolicy(keepLast: 1)).count == 18, "all but the last results")
    #expect(
      taken(CollectionPolicy(keepLast: 1, keepRuns: 3)).count == 6, "what the last three runs made stays")
    #expect(taken(CollectionPolicy(olderThan: 8.5 * 3600, keepLast: 1)).count == 6)
    #expect(taken(CollectionPolicy(keepLast: 1, maxSize: total)).isEmpty)
    let some = taken(CollectionPolicy(keepLast: 1, maxSize: total - 1))
    #expect(some.count == 1 && age(some[0]) > 8.5 * 3600)
    let most = taken(CollectionPolicy(keepLast: 1, maxSize: 1))
    #expect(most.count == sizes.count, "what pipelines refer to goes last, but it goes")
    #expect(
      most.prefix(18).allSatisfy { age($0) > 6.5 * 3600 }
        && most.suffix(6).allSatisfy { age($0) < 6.5 * 3600 })
    let loose = taken(CollectionPolicy(keepLast: 1)).compactMap { sizes[$0] }.reduce(0, +)
    let half = CollectionPolicy(keepLast: 1, maxSize: total - loose / 2)
    #expect(lab.cache.remove(lab.cache.garbage(half)))
    #expect(lab.files("artifacts").compactMap { sizes[$0] }.reduce(0, +) <= total - loose / 2)
    #expect(try lab.cache.verify().damage.isEmpty)
    #expect(try lab.run(chain(lab, value: 4)).ran.isEmpty, "the last results are still there")
  }

  @Test func collectionBySizeSparesARunInProgress() throws {
    let lab = try Lab()
    let child = try lab.startScheduler(jobs: 2, width: 10, seconds: 0.05)
    #expect(eventually { lab.files("tmp").contains { $0.hasSuffix("-run") } })
    var collections = 0
    while kill(child.id, 0) == 0, !isGone(child.id) {
      let garbage = lab.cache.garbage(CollectionPolicy(keepLast: 1, maxSize: 1))
      // The marker goes a moment before the process.
      let isOver = !lab.files("tmp").contains { $0.hasSuffix("-run") }
      #expect(garbage.isEmpty || isOver, "\(garbage.map(\.path))")
      collections += 1
      usleep(2_000)
    }
    #expect(child.wait() == 0, "\(child.errors)")
    #expect(collections > 10 && lab.executions().values.allSatisfy { $0 == 1 })
    #expect(
      eventually { !lab.cache.garbage(CollectionPolicy(keepLast: 1, maxSize: 1)).isEmpty },
      "after it, its results may go")
  }

  @Test func aWatcherSeesEveryKindOfChange() throws {
    let lab = try Lab()
    let (file, folder) = (lab.folder + "/file", lab.folder + "/folder")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("a".utf8).write(to: URL(fileURLWithPath: file))
    var watcher = FileWatcher(files: [file])
    func waitForChange() {
      let changed = watcher.waitForChange()
      #expect(changed)
    }
    // A change between the reading of a file and the end of the run is not lost.
    try Data("ab".utf8).write(to: URL(fileURLWithPath: file))
    watcher.watch([file, folder, lab.folder + "/absent"])
    #expect(watcher.count == 3)
    waitForChange()
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/inner"))
    waitForChange()
    try Data().write(to: URL(fileURLWithPath: lab.folder + "/absent"))
    waitForChange()
    try FileManager.default.removeItem(atPath: file)
    waitForChange()
  }

  private func setAge(_ path: String, hours: Int) {
    var times = [
      timeval(tv_sec: time(nil) - hours * 3600, tv_usec: 0),
      timeval(tv_sec: time(nil) - hours * 3600, tv_usec: 0),
    ]
    utimes(path, &times)
  }

  private func age(_ path: String) -> Double {
    var info = stat()
    stat(path, &info)
    return Double(time(nil) - info.st_mtim.tv_sec)
  }

  /// Whether a child has ended but was not waited for yet.
  private func isGone(_ process: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return true }
    return text[end...].split(separator: " ").dropFirst().first == "Z"
  }
}

/// Whether tags are balanced and `&` stands only before an entity.
private struct XMLCheck {
  var isWellFormed = true

  init(_ text: String) {
    var open: [Substring] = []
    for tag in text.split(separator: "<").dropFirst(0) {
      guard let end = tag.firstIndex(of: ">") else { continue }
      let body = tag[..<end]
      let name = body.prefix { $0 != " " && $0 != "/" }
      if body.hasPrefix("/") {
        if open.popLast() != body.dropFirst() { isWellFormed = false }
      } else if !body.hasSuffix("/") {
        open.append(name)
      }
    }
    if !open.isEmpty { isWellFormed = false }
    for part in text.components(separatedBy: "&").dropFirst()
    where !["amp;", "lt;", "gt;", "quot;"].contains(where: part.hasPrefix) {
      isWellFormed = false
    }
  }
}
