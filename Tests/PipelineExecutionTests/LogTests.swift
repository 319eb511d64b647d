// What nodes print is kept with their actions: whole where it is short, without its middle where it is long.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct LogTests {
  /// A pipeline of one node that prints 25 lines and one without an end, and fails if it is told to.
  private func muttering(_ lab: Lab) throws -> (ToyPipeline, PlanKeys) {
    var pipeline = ToyPipeline("mutter")
    pipeline.add("bad", "trouble", ["mode": .string("mutter")])
    return (pipeline, try pipeline.plan().planKeys())
  }

  @Test func theWholeOfAFailureIsKept() throws {
    let lab = try Lab()
    let (pipeline, keys) = try muttering(lab)
    let summary = try lab.run(pipeline, executor: lab.workers())
    let path = try #require(summary.failures.first?.log)
    let text = (1...25).map { "line \($0)\n" }.joined() + "last words"
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    let action = try #require(lab.cache.failedAction(keys[NodeID(0)]))
    #expect(lab.cache.keptLog(action) == path && lab.cache.liveLog(action) == nil)
    #expect(lab.files("tmp").isEmpty)
    // A collection spares what tells of a failure that is the node's last.
    let garbage = try CacheCollector.garbage(in: lab.cache, CollectionPolicy(olderThan: 0))
    #expect(!garbage.contains { $0.path == path })
    try FileManager.default.removeItem(atPath: lab.cache.root + "/failures")
    #expect(
      try CacheCollector.garbage(in: lab.cache, CollectionPolicy(olderThan: 0)).contains { $0.path == path })
  }

  @Test func aShortLogIsItsBytes() {
    var log = KeptLog()
    #expect(!log.add(Array("a\n\nb".utf8)) && !log.add([0xFF]))
    #expect(log.bytes == Array("a\n\nb".utf8) + [0xFF] && log.printed == 5)
    #expect(KeptLog(file: log.bytes) == log && log.text(after: 2) == Array("\nb".utf8) + [0xFF])
  }

  /// Whatever the blocks: the same beginning, the same end, and the count of what is between them.
  @Test(arguments: [1000, 70_001, 3_000_000]) func aLongLogKeepsItsEnds(block: Int) {
    let line = Array("0123456789\n".utf8)
    let text = Array((0..<300_000).map { _ in line }.joined())
    var log = KeptLog()
    var written: [UInt8] = []
    for start in stride(from: 0, to: text.count, by: block) {
      let bytes = text[start..<min(text.count, start + block)]
      written = log.add(bytes) ? log.bytes : written + bytes
      if start % 500_000 < block { #expect(KeptLog(file: written) == log) }
    }
    log.shorten()
    #expect(log.printed == text.count && log.leftOut > 2_000_000)
    #expect(log.bytes.count < KeptLog.headLimit + KeptLog.tailLimit + 100)
    #expect(log.head == Array(text.prefix(KeptLog.headLimit)))
    #expect(log.tail == Array(text.suffix(log.tail.count)) && log.tail.starts(with: line))
    #expect(KeptLog(file: log.bytes) == log)
    #expect(log.text(after: text.count - 11) == line && log.text(after: text.count).isEmpty)
    #expect(log.text(after: 300_000).starts(with: "\n[… \(log.leftOut) bytes are left out here …]\n".utf8))
  }

  @Test func aSecretIsMaskedHoweverItIsCut() {
    let secret = "hunter2-hunter2"
    let text = Array("a \(secret) b hunter2-hunt \(secret)\(secret)\nhunter2-".utf8)
    for block in 1...text.count {
      var mask = SecretMask([secret, "0", "hunter"])
      var said: [UInt8] = []
      for start in stride(from: 0, to: text.count, by: block) {
        said += mask.take(text[start..<min(text.count, start + block)])
      }
      said += mask.finish()
      #expect(
        String(decoding: said, as: UTF8.self) == "a *** b hunter2-hunt ******\nhunter2-", "blocks of \(block)"
      )
    }
  }
}
