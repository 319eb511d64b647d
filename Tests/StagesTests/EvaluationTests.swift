// evaluate against retrained nets, and the kinds of groups, on a small synthetic data set.

import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import StageRuns
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

  /// Checks what an evaluation says of each split beside 3 references: the net's own figures, how far they are from the
  /// references' mean, and the references' spread; without references gap and spread are not a number.
  private static func expectGaps(
    _ compared: [String: Double], alone: [String: Double], references known: [[String: Double]]
  ) throws {
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
  }

  /// The Euclidean distance of a net's parameters from those of each of the twins.
  private static func distances(from net: TaskInput, to twins: [TaskInput]) throws -> [Double] {
    let theta = try parameters(net)
    return try twins.map { twin in
      zip(theta, try parameters(twin)).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        .squareRoot()
    }
  }

  /// A net's probabilities by class and image, by its own float32 losses: p = exp(−loss) of each class in turn.
  private static func probabilities(_ net: TaskInput) throws -> [[Double]] {
    let network = try Network.named("lenet")
    let theta = try parameters(net)
    return try (0..<10).map { label in
      let data = try ImageSet(
        images: Workshop.images.pixels, labels: [UInt8](repeating: UInt8(label), count: 240))
      return try NeuralNet.evaluate(
        network, parameters: theta, data: data, indices: Array(0..<240), pool: ThreadPool(threads: 1)
      ).losses.map { exp(-Double($0)) }
    }
  }

  /// The divergence of a net from its twins, and how many predictions changed, each summed over twins and images.
  private static func divergence(of net: TaskInput, from twins: [TaskInput]) throws
    -> (sum: Double, changed: Int)
  {
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
    return (divergence, changed)
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
    try Self.expectGaps(compared, alone: alone, references: known)
    let distances = try Self.distances(from: net, to: twins)
    #expect(
      abs(try #require(compared["comparison/parameter_distance"]) - distances.reduce(0, +) / 3) < 1e-9)
    let (divergence, changed) = try Self.divergence(of: net, from: twins)
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
}
