// Shards of features: what is computed once is found again, and damage or loss changes nothing but the time.

import Foundation
import Testing
import VisionTransformer

@Suite struct ShardTests {
  private let parent = NSTemporaryDirectory() + "shards-" + UUID().uuidString

  /// Serves a set of images with features that are a function of the index; returns what had to be computed.
  private func serve(_ indices: [Int], identity: String = "a") throws -> [Int] {
    let shards = FeatureShards(in: parent, identity: [identity], width: 2)
    var computed: [Int] = []
    let rows = try shards.features(indices, progress: { _ in }) { (part) throws(VisionTransformerError) in
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
    #expect(try serve([4, 100, 4998]).isEmpty)
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
    #expect(try serve(Array(0..<1500)).isEmpty)
  }

  @Test func anInterruptionLosesOneShardAtMost() throws {
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let shards = FeatureShards(in: parent, identity: ["a"], width: 2)
    var calls = 0
    #expect(throws: VisionTransformerError.featuresNotFinite(image: 2000)) {
      try shards.features(Array(0..<5000), progress: { _ in }) { (part) throws(VisionTransformerError) in
        calls += 1
        if calls == 3 { throw .featuresNotFinite(image: part[0]) }
        return part.flatMap { [Float($0) + 0.25, -Float($0)] }
      }
    }
    #expect(try serve(Array(0..<5000)) == Array(2000..<5000))
  }
}
