// The stage `group`: by distance, by cluster, and the same draw whatever the parts.

import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import StageRuns
import Stages
import Tensor
import Testing

@Suite struct GroupTests {
  private static let training: [String: Value] = ["epochs": .integer(3), "batch_size": .integer(20)]

  private static func chosen(_ group: TaskInput) throws -> [Int] {
    try FileReader(at: group.path).read("/indices", as: Int64.self).map { Int($0) }
  }

  @Test func groupsByDistance() throws {
    let shop = try Workshop()
    let images = try shop.images()
    // Images 100 to 139; of equal distances the earlier image is nearer.
    let distances = (0..<40).map { Double(($0 * 17) % 40 / 2) }
    let neighbours = try shop.neighbours(distances)
    let ranking = (0..<40).sorted { (distances[$0], $0) < (distances[$1], $1) }.map { 100 + $0 }
    func group(_ kind: String, size: Int = 6, _ more: [String: Value] = [:], streamKey: UInt64 = 7) throws
      -> [Int]
    {
      try Self.chosen(
        shop.run(
          "group", more.merging(["size": .integer(size), "kind": .string(kind)]) { a, _ in a },
          ["images": [images], "neighbours": [neighbours]], streamKey: streamKey))
    }
    #expect(try group("nearest") == ranking.prefix(6).sorted())
    #expect(try group("farthest") == ranking.suffix(6).sorted())
    #expect(try group("moderate") == ranking[17..<23].sorted())
    let quarter: [String: Value] = ["window": .list([.number(0.25), .number(0.5)])]
    let drawn = try group("window", quarter)
    #expect(Set(drawn).isSubset(of: ranking[10..<20]) && Set(drawn).count == 6)
    #expect(try group("window", quarter) == drawn && group("window", quarter, streamKey: 8) != drawn)
    #expect(try group("window", size: 10, quarter) == ranking[10..<20].sorted())
    let bounds: [String: Value] = [
      "window": .list([.number(3), .number(4)]), "unit": .string("distance"),
    ]
    #expect(
      try group("window", size: 4, bounds)
        == (0..<40).filter { (3...4).contains(distances[$0]) }.map { 100 + $0 })
    #expect(
      failure { _ = try group("window", size: 5, bounds) }
        == "a group of 5 of kind window can't be drawn from 4 images")
    #expect(
      failure { _ = try group("window", ["window": .list([.number(0.5), .number(0.2)])]) }
        == "'window' must be two ascending numbers")
    #expect(
      failure { _ = try group("window", ["window": .list([.number(0.5), .number(2)])]) }
        == "quantiles are from 0 to 1, got 2.0")
    #expect(
      failure {
        _ = try shop.run(
          "group", ["size": .integer(1), "kind": .string("nearest")], ["images": [images]])
      } == "kind nearest needs distances: give the stage an input neighbours")
  }

  @Test func sameDrawWhateverTheParts() throws {
    let shop = try Workshop()
    let images = try shop.images()
    func cluster(_ assignment: (Int) -> UInt8) throws -> TaskInput {
      try shop.artifact("cluster") { file in
        try file.write("/indices", (0..<24).map { Int64(3 + 10 * $0) })
        try file.write("/assignment", (0..<24).map(assignment))
      }
    }
    let thirds = try cluster { UInt8($0 % 3) }
    let halves = try cluster { UInt8($0 / 12) }
    func group(_ cluster: TaskInput?, _ more: [String: Value] = [:]) throws -> TaskInput {
      try shop.run(
        "group", more.merging(["size": .integer(8), "label": .integer(3)]) { a, _ in a },
        ["images": [images], "cluster": cluster.map { [$0] } ?? []])
    }
    let plain = try Self.chosen(group(nil))
    #expect(try Self.chosen(group(thirds)) == plain && Self.chosen(group(halves)) == plain)
    let parts: [UInt8] = try FileReader(at: group(halves).path).read("/parts")
    #expect(parts == plain.map { UInt8(($0 - 3) / 10 / 12) })

    let second = try Self.chosen(group(thirds, ["kind": .string("cluster"), "number": .integer(1)]))
    #expect(second == (0..<24).filter { $0 % 3 == 1 }.map { 3 + 10 * $0 })
    #expect(
      failure { _ = try group(thirds, ["kind": .string("cluster"), "number": .integer(5)]) }
        == "no image is in cluster 5; there are clusters 0 to 2")
    #expect(
      failure { _ = try group(nil, ["kind": .string("cluster")]) }
        == "kind cluster needs clusters: give the stage an input cluster")
  }

  @Test func gradientFeaturesClusterIntoGroups() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run("train", Self.training, ["images": [images]])
    let features = try shop.run(
      "features", ["extractor": .string("gradient"), "label": .integer(2)],
      ["images": [images], "net": [net]])
    let shape = try FileReader(at: features.path).info("/features").shape
    #expect(shape == [24, 850])
    let cluster = try shop.run(
      "cluster", ["method": .string("k-means"), "clusters": .integer(2)], ["features": [features]])
    let file = try FileReader(at: cluster.path)
    let assignment: [UInt8] = try file.read("/assignment")
    let indices: [Int64] = try file.read("/indices")
    let group = try shop.run(
      "group", ["size": .integer(2), "kind": .string("cluster"), "number": .integer(0)],
      ["images": [images], "cluster": [cluster]])
    let members = Set(zip(indices, assignment).filter { $0.1 == 0 }.map { Int($0.0) })
    #expect(Set(try Self.chosen(group)).isSubset(of: members))
  }
}
