// What a collection may take and when: never what is new, in use or about to be read, and the least that is asked for.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct CollectionTests {
  /// A node of a given value, which takes about a kB, in a pipeline of its own or as the next question of one.
  private func make(_ lab: Lab, _ value: Int, _ name: String = "m") throws -> String {
    var pipeline = ToyPipeline(name, folder: lab.folder)
    pipeline.add("a", "number", ["value": .integer(value), "padding": .integer(1000)])
    try lab.run(pipeline)
    return try lab.artifact(pipeline, "a")
  }

  /// Gives files a time so many seconds ago.
  private func age(_ files: [String], _ seconds: Double) throws {
    let date = Date(timeIntervalSinceNow: -seconds)
    for file in files { try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file) }
  }

  /// The artifacts that a collection takes, in its order, by the values that they hold.
  private func taken(_ lab: Lab, _ policy: CollectionPolicy) throws -> [Int] {
    try CacheCollector.garbage(in: lab.cache, policy).filter { $0.path.contains("/artifacts/") }.map {
      try toyValue(ofFile: $0.path)
    }
  }

  // MARK: Beside others

  /// A node that starts and ends while a collection reads the logs: its file was not there when files were listed, so it
  /// is not even looked at. The collection is held by a log that is a pipe, which it reads last.
  @Test func whatIsMadeWhileACollectionReadsIsNotTaken() throws {
    let lab = try Lab()
    _ = try (make(lab, 1), make(lab, 2))
    let pipe = lab.cache.root + "/experiments/zzz.log"
    #expect(mkfifo(pipe, 0o644) == 0)
    let found = Found()
    let collector = Thread { found.set(lab.cache.garbage()) }
    collector.start()
    // Nobody can open the near end before somebody has opened the far end.
    var writer: Int32 = -1
    #expect(
      eventually(within: 60) {
        writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return writer >= 0
      })
    let late = try make(lab, 3, "late")
    close(writer)
    #expect(eventually(within: 60) { found.paths != nil })
    let paths = try #require(found.paths)
    #expect(
      !paths.contains(late) && paths.contains { $0.contains("/artifacts/") }, "only the former question goes")
  }

  /// What a run in progress is about to read can't be told from what it will not, so a lack of space is no reason to take it.
  @Test func theResultsOfPipelinesStayWhileOneRuns() throws {
    let lab = try Lab()
    _ = try make(lab, 1, "other")
    _ = try (make(lab, 2, "loose"), make(lab, 3, "loose"))
    var pipeline = ToyPipeline("p", folder: lab.folder)
    pipeline.add("kept", "number", ["value": .integer(4)])
    try lab.run(pipeline)
    pipeline.add("made", "number", ["value": .integer(5)])
    let policy = CollectionPolicy(olderThan: 0, keepLast: 1, maxSize: 0)
    var during: [Int]?
    let executor = MeddlingExecutor { waits in if waits == 1 { during = try self.taken(lab, policy) } }
    #expect(try lab.run(pipeline, executor: executor).ran.map(\.node) == ["made"])
    #expect(during == [2], "nothing refers to it")
    #expect(try Set(taken(lab, policy)) == [1, 2, 3, 4, 5], "nothing runs any more")
  }

  /// From its publishing to its entry in the log a result is spared, because its lease is still there.
  @Test func aResultIsSparedUntilItIsInTheLog() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("p", folder: lab.folder)
    pipeline.add("a", "number", ["value": .integer(1)])
    let observer = Observer { lab.cache.garbage() }
    try lab.run(pipeline, progress: observer)
    #expect(observer.seen.count == 1 && observer.seen[0].isEmpty, "\(observer.seen)")
    #expect(lab.files("artifacts").count == 1 && lab.files("leases").isEmpty)
  }

  // MARK: By age

  /// Clocks differ, and what another host has written shows late: for a minute nothing is taken, whatever refers to it.
  @Test func whatIsNewIsSpared() throws {
    let lab = try Lab()
    _ = try (make(lab, 1), make(lab, 2))
    let policy = CollectionPolicy(keepLast: 1)
    #expect(try taken(lab, policy).isEmpty)
    try age(lab.files("artifacts"), 50)
    #expect(try taken(lab, policy).isEmpty)
    try age(lab.files("artifacts"), 70)
    #expect(try taken(lab, policy) == [1])
    #expect(try taken(lab, CollectionPolicy(olderThan: 3600, keepLast: 1)).isEmpty)
  }

  // MARK: By reference

  /// Two labels, one content: the sum is one artifact under two plan keys. Whoever asks for the former label again finds it
  /// at once, as long as it is there.
  @Test func everyWayToAResultThatStaysStays() throws {
    let lab = try Lab()
    func pipeline(_ name: String, _ label: String, withSum: Bool) -> ToyPipeline {
      var pipeline = ToyPipeline(name, folder: lab.folder)
      pipeline.add("base", "number", ["value": .integer(5), "label": .string(label)])
      if withSum { pipeline.add("sum", "sum", from: [("terms", ["base"])]) }
      return pipeline
    }
    try lab.run(pipeline("other", "a", withSum: false))
    try lab.run(pipeline("p", "a", withSum: true))
    let second = try lab.run(pipeline("p", "b", withSum: true))
    #expect(second.ran.map(\.node) == ["base"] && second.cutOff == 1)
    _ = lab.cache.remove(lab.cache.garbage())
    let plan = try pipeline("p", "a", withSum: true).plan()
    #expect(
      plan.ids.allSatisfy { lab.cache.artifact(plan: plan.planKeys()[$0]) != nil }, "'plan' says: up to date")
    let again = try lab.run(pipeline("p", "a", withSum: true))
    #expect(again.fresh == 2 && again.cutOff == 0 && again.ran.isEmpty)
  }

  // MARK: By size

  /// As much as is needed and no more, the oldest first, whatever their names and their order of making.
  @Test(arguments: [false, true]) func aLimitTakesTheOldest(_ isTurned: Bool) throws {
    let lab = try Lab()
    let files = try (1...6).map { try make(lab, $0) }
    for (index, file) in files.enumerated() {
      try age([file], Double(isTurned ? index : 6 - index) * 100 + 100)
    }
    let size = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)).count }.reduce(0, +)
    func taken(_ limit: Int) throws -> [Int] {
      try self.taken(lab, CollectionPolicy(olderThan: 0, keepLast: 1, maxSize: limit))
    }
    // The sixth is the pipeline's last result.
    let order = (isTurned ? [5, 4, 3, 2, 1] : [1, 2, 3, 4, 5]) + [6]
    #expect(try taken(size).isEmpty)
    for count in 1...6 { #expect(try taken(size - 1002 * (count - 1) - 1) == Array(order.prefix(count))) }
    #expect(lab.cache.remove(lab.cache.garbage(CollectionPolicy(keepLast: 1, maxSize: 2004))))
    #expect(lab.files("artifacts").count == 2 && lab.files("actions").count == 2)
    #expect(try lab.cache.verify().damage.isEmpty)
  }

  // MARK: Removing

  /// A kill in the middle must leave waste, not damage: no record may outlive its artifact.
  @Test func recordsGoBeforeArtifacts() throws {
    let lab = try Lab()
    for value in 1...5 { _ = try make(lab, value) }
    let garbage = lab.cache.garbage()
    let watch = inotify_init1(O_NONBLOCK)
    defer { close(watch) }
    try #require(watch >= 0)
    var artifacts: Set<Int32> = []
    for folder in Set(garbage.map { $0.path[..<$0.path.lastIndex(of: "/")!] }) {
      let number = inotify_add_watch(watch, String(folder), UInt32(IN_DELETE))
      if folder.contains("/artifacts") { artifacts.insert(number) }
    }
    #expect(lab.cache.remove(garbage))
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(watch, &bytes, bytes.count)
    var ofArtifacts: [Bool] = []
    var offset = 0
    // struct inotify_event: the watch, a mask, a cookie and the length of the name that follows, each of 4 bytes.
    while offset + 16 <= count {
      let (number, length) = bytes.withUnsafeBytes {
        (
          $0.loadUnaligned(fromByteOffset: offset, as: Int32.self),
          $0.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self)
        )
      }
      ofArtifacts.append(artifacts.contains(number))
      offset += 16 + Int(length)
    }
    #expect(ofArtifacts.count == garbage.count && ofArtifacts.filter { $0 }.count == 4)
    #expect(
      !ofArtifacts.drop { !$0 }.contains(false),
      "after the first artifact nothing but artifacts: \(ofArtifacts)")
  }
}

/// What a collection in another thread has found.
private final class Found: @unchecked Sendable {
  private let lock = NSLock()
  private var found: [String]?
  func set(_ garbage: [Garbage]) { lock.withLock { found = garbage.map(\.path) } }
  var paths: [String]? { lock.withLock { found } }
}

/// Looks at the cache as soon as a node has been published.
private final class Observer: ProgressDisplay {
  private let look: () -> [Garbage]
  private(set) var seen: [[String]] = []

  init(_ look: @escaping () -> [Garbage]) { self.look = look }

  func begin(plan: Plan, unfinished: [NodeID]) {}
  func started(_ id: NodeID, reasons: [RunReason], threads: Int) {}
  func progress(_ id: NodeID, fraction: Double, message: String) {}
  func log(_ id: NodeID, _ text: String) {}
  func waits(for id: NodeID, owner: String) {}
  func finished(_ id: NodeID, seconds: Double, reasons: [RunReason]) { seen.append(look().map(\.path)) }
  func cutOff(_ id: NodeID) {}
  func failed(_ id: NodeID, _ message: String) {}
  func update(running: [NodeID], waiting: [NodeID], unfinished: Int) {}
  func end() {}
}
