// evaluate against retrained nets, and the kinds of groups, on a small synthetic data set.

import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import Stages
import Tensor
import Testing

@Suite struct EvaluationTests {
  private static let training: [String: Value] = ["epochs": .integer(3), "batch_size": .integer(20)]

  private static func parameters(_ net: TaskInput) throws -> [Float] {
    let file = try FileReader(at: net.path)
    return try Network.named("lenet").parameterLayouts.flatMap { layout -> [Float] in
      try file.read("/parameters/\(layout.name)")
    }
  }

  private static func figures(_ evaluation: TaskInput) throws -> [String: Double] {
    let file = try FileReader(at: evaluation.path)
    var values: [String: Double] = [:]
    for dataset in try file.datasets() {
      values[String(dataset.path.dropFirst("/metrics/".count))] = try file.readScalar(dataset.path)
    }
    return values
  }

  @Test func comparesWithRetrainedNets() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run("train", Self.training, ["images": [images]])
    let group = try shop.run("group", ["size": .integer(9), "label": .integer(4)], ["images": [images]])
    let twins = try [UInt64(5), 6, 8].map {
      try shop.run("retrain", Self.training, ["images": [images], "group": [group]], streamKey: $0)
    }
    func evaluate(_ net: TaskInput, _ references: [TaskInput], _ more: [String: Value] = [:]) throws
      -> [String: Double]
    {
      try Self.figures(
        shop.run(
          "evaluate", more.merging(["label": .integer(4)]) { a, _ in a },
          [
            "images": [images], "net": [net], "group": [group], "reference": references,
            "original": more.isEmpty ? [] : [net],
          ]))
    }
    let alone = try evaluate(net, [])
    let known = try twins.map { try evaluate($0, []) }
    let compared = try evaluate(net, twins)
    for split in ["group", "retained", "train", "test", "test_label", "test_other"] {
      for name in ["loss", "accuracy"] {
        let key = "\(split)/\(name)"
        let own = try #require(alone[key])
        let others = known.compactMap { $0[key] }
        let mean = others.reduce(0, +) / 3
        let spread = (others.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot()
        #expect(compared[key] == own)
        #expect(abs(try #require(compared[key + "_gap"]) - (own - mean)) < 1e-12)
        #expect(abs(try #require(compared[key + "_spread"]) - spread) < 1e-12)
        #expect(alone[key + "_gap"]?.isNaN == true && alone[key + "_spread"]?.isNaN == true)
      }
    }
    let theta = try Self.parameters(net)
    let distances = try twins.map { twin in
      zip(theta, try Self.parameters(twin)).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        .squareRoot()
    }
    #expect(
      abs(try #require(compared["comparison/parameter_distance"]) - distances.reduce(0, +) / 3) < 1e-9)
    // The divergence by float32 probabilities of the nets' own losses: p = exp(−loss) of each class in turn.
    let network = try Network.named("lenet")
    func probabilities(_ net: TaskInput) throws -> [[Double]] {
      let theta = try Self.parameters(net)
      return try (0..<10).map { label in
        let data = try ImageSet(
          images: Workshop.images.pixels, labels: [UInt8](repeating: UInt8(label), count: 240))
        return try NeuralNet.evaluate(
          network, parameters: theta, data: data, indices: Array(0..<240), pool: ThreadPool(threads: 1)
        ).losses.map { exp(-Double($0)) }
      }
    }
    let own = try probabilities(net)
    var (divergence, changed) = (0.0, 0)
    for twin in twins {
      let other = try probabilities(twin)
      for image in 0..<240 {
        let (p, q) = (other.map { $0[image] }, own.map { $0[image] })
        divergence += zip(p, q).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * log($1.0 / $1.1) : 0) }
        if p.firstIndex(of: p.max()!) != q.firstIndex(of: q.max()!) { changed += 1 }
      }
    }
    let kl = try #require(compared["comparison/kl"])
    #expect(abs(kl - divergence / 720) < 1e-4 * max(kl, 0.01) && kl > 0)
    #expect(abs(try #require(compared["comparison/changed"]) - Double(changed) / 720) < 1e-12)
    let a = try #require(alone["group/accuracy"])
    let b = try #require(alone["test_other/accuracy"])
    #expect(alone["forgetting/f1"] == 2 * (1 - a) * b / (1 - a + b))
    #expect(alone["forgetting/relearning_steps"]?.isNaN == true)

    // A reference is not compared with itself, but counts for the spread.
    let first = try evaluate(twins[0], twins)
    let others = (known[1]["group/loss"]! + known[2]["group/loss"]!) / 2
    #expect(abs(try #require(first["group/loss_gap"]) - (known[0]["group/loss"]! - others)) < 1e-12)
    #expect(first["group/loss_spread"] == compared["group/loss_spread"])

    // Relearning: the original is where it should come back to.
    #expect(try evaluate(net, [], ["relearn_limit": .integer(3)])["forgetting/relearning_steps"] == 0)
    #expect(
      try evaluate(net, [], ["relearn_limit": .integer(1), "relearn_loss": .number(1e-9)])[
        "forgetting/relearning_steps"] == .infinity)
    #expect(
      failure {
        _ = try shop.run(
          "evaluate", ["relearn_limit": .integer(1)], ["images": [images], "net": [net], "group": [group]])
      } == "relearn_limit needs a loss to come back to: give the stage an input original")
  }

  @Test func membershipIsAskedOfImagesOfTheSameLabel() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run("train", Self.training, ["images": [images]])
    let theta = try Self.parameters(net)
    let data = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    let losses = try NeuralNet.evaluate(
      Network.named("lenet"), parameters: theta, data: data, indices: Array(0..<240),
      pool: ThreadPool(threads: 1)
    ).losses.map(Double.init)
    for label in [Value.integer(7), .null] {
      let group = try shop.run("group", ["size": .integer(11), "label": label], ["images": [images]])
      let chosen = try FileReader(at: group.path).read("/indices", as: Int64.self).map { Int($0) }
      // The test split holds the same images as the train split.
      let others = (0..<240).filter { label == .null || $0 % 10 == 7 }
      var wins = 0.0
      for member in chosen {
        for other in others {
          wins += losses[member] < losses[other] ? 1 : losses[member] == losses[other] ? 0.5 : 0
        }
      }
      let figures = try Self.figures(
        shop.run("evaluate", [:], ["images": [images], "net": [net], "group": [group]]))
      #expect(
        figures["forgetting/membership_auc"] == wins / Double(chosen.count * others.count), "label \(label)")
    }
  }

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
