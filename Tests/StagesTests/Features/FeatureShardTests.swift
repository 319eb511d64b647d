// Shards of features: what is computed once is found again, and damage or loss changes nothing but the time.

import Foundation
import PipelineCore
import PipelineExecution
import Stages
import Testing

@Suite struct FeatureShardTests {
  private let parent = NSTemporaryDirectory() + "shards-" + UUID().uuidString

  private func shards(_ identity: String = "a") -> FeatureShards {
    FeatureShards(in: CacheStore(root: parent).section("features", of: [identity]), width: 2)
  }

  private struct Interruption: Error, Equatable {
    var image: Int
  }

  /// Serves a set of images with features that are a function of the index; returns what had to be computed.
  private func serve(_ indices: [Int], identity: String = "a") throws -> [Int] {
    var computed: [Int] = []
    let rows = try shards(identity).features(indices, progress: { _ in }) { part in
      computed += part
      return part.flatMap { [Float($0) + 0.25, -Float($0)] }
    }
    #expect(rows == indices.flatMap { [Float($0) + 0.25, -Float($0)] })
    return computed
  }

  private func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: parent).filter { $0.hasSuffix(".shard") }
  }

  @Test func subsetsReuseWhatIsThere() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let even = Array(stride(from: 0, to: 5000, by: 2))
    #expect(try serve(even) == even)
    #expect(try files().count == 3)
    #expect(try serve([4, 100, 4998]) == [])
    #expect(try serve(Array(0..<100)) == Array(stride(from: 1, to: 100, by: 2)))
    #expect(try serve([4], identity: "b") == [4])
  }

  @Test func damagedShardsAreComputedAnew() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    _ = try serve(Array(0..<1500))
    for (count, name) in try files().sorted().enumerated() {
      let url = URL(fileURLWithPath: parent + "/" + name)
      var data = try Data(contentsOf: url)
      if count == 0 { data[data.count / 2] ^= 1 } else { data = data.prefix(data.count - 5) }
      try data.write(to: url)
    }
    #expect(try serve(Array(0..<1500)) == Array(0..<1500))
    #expect(try serve(Array(0..<1500)) == [])
  }

  @Test func anInterruptionLosesOneShardAtMost() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    var reports: [Int] = []
    #expect(throws: Interruption(image: 2120)) {
      try shards().features(Array(0..<5000), progress: { reports.append($0) }) { part in
        if part[0] > 2000 { throw Interruption(image: part[0]) }
        return part.flatMap { [Float($0) + 0.25, -Float($0)] }
      }
    }
    #expect(reports.starts(with: [0, 120, 240]) && reports.suffix(2) == [2000, 2120], "\(reports)")
    #expect(try serve(Array(0..<5000)) == Array(2000..<5000))
  }

  @Test func twoAtOnceMakeEachShardOnce() async throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let shards = shards()
    let all = Array(0..<9000)
    // Blocking work: threads of its own rather than the pool's.
    let computed = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
              continuation.resume(
                with: Result {
                  var made: [Int] = []
                  let rows = try shards.features(all, progress: { _ in }) { part in
                    made += part
                    usleep(20_000)
                    return part.flatMap { [Float($0) + 0.25, -Float($0)] }
                  }
                  #expect(rows == all.flatMap { [Float($0) + 0.25, -Float($0)] })
                  return made
                })
            }
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(computed.flatMap { $0 }.sorted() == all)
    #expect(computed.allSatisfy { $0.count >= 1000 }, "one of them made all")
    #expect(try files().count == 9)
    let left = try FileManager.default.subpathsOfDirectory(atPath: parent)
    #expect(left.allSatisfy { !$0.hasSuffix(".lock") && !$0.hasSuffix(".tmp") })
  }

  @Test func aLockWhoseOwnerDiedHoldsNobodyUp() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    _ = try serve([5])
    let folder = (parent + "/" + (try #require(try files().first)) as NSString).deletingLastPathComponent
    let lock = folder + "/0-999.lock"
    #expect(FileManager.default.createFile(atPath: lock, contents: nil))
    #expect(try serve(Array(0..<1000)) == Array(0..<1000).filter { $0 != 5 })
  }
}
