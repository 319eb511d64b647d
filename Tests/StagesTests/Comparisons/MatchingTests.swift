// Matched forgetting by `forgetting`, `match` and `rescale`, and the starts of `retrain`, on a small net.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct MatchingTests {
  private static func parameters(_ net: TaskInput) throws -> [Float] {
    let file = try FileReader(at: net.path)
    return try [
      "conv1.weight", "conv1.bias", "conv2.weight", "fc1.weight", "fc2.bias", "fc3.weight", "fc3.bias",
    ]
    .flatMap { try file.read("/parameters/\($0)", as: Float.self) }
  }

  private static func groupLoss(_ study: RemovalStudy, _ net: TaskInput, _ group: TaskInput) throws -> Double
  {
    let evaluated = try study.shop.run(
      "evaluate", [:], ["images": [study.images], "net": [net], "group": [group]])
    return try FileReader(at: evaluated.path).readScalar("/metrics/group/loss")
  }

  /// A curve as `forgetting` writes it.
  private static func curve(_ shop: Workshop, _ losses: [Double], untouched: Double, retrained: Double) throws
    -> TaskInput
  {
    try shop.artifact("forgetting") { file in
      try file.write("/factors", [0.5, 1, 2])
      try file.write("/loss", losses)
      try file.write("/untouched", untouched)
      try file.write("/retrained", retrained)
    }
  }

  /// The curve passes through the losses that `evaluate` finds: of the net, of the unlearned one, of the retrained ones.
  @Test func theCurveLeadsThroughTheNets() throws {
    let study = try RemovalStudy(epochs: 3)
    let group = try study.group()
    let unlearned = try study.run("unlearn", ["partition": "whole"], group: group)
    let retrained = try [1, 2].map { key in
      try study.shop.run(
        "retrain", ["epochs": .integer(3), "batch_size": .integer(20)],
        ["images": [study.images], "group": [group]], streamKey: key)
    }
    let curve = try study.shop.run(
      "forgetting", ["least": .number(0.25), "octaves": .integer(3), "per_octave": .integer(1)],
      [
        "images": [study.images], "net": [study.net], "group": [group], "unlearned": [unlearned],
        "reference": retrained,
      ], gathers: ["reference"])
    let file = try FileReader(at: curve.path)
    #expect(try file.read("/factors", as: Double.self) == [0.25, 0.5, 1, 2])
    let losses: [Double] = try file.read("/loss")
    let untouched = try Self.groupLoss(study, study.net, group)
    #expect(try abs(file.readScalar("/untouched", as: Double.self) - untouched) < 1e-6)
    #expect(try abs(losses[2] - Self.groupLoss(study, unlearned, group)) < 1e-5)
    let mean = try retrained.reduce(0.0) { try $0 + Self.groupLoss(study, $1, group) / 2 }
    #expect(try abs(file.readScalar("/retrained", as: Double.self) - mean) < 1e-6)
    #expect(losses[0] > untouched && losses[3] > losses[2], "the removal forgets")

    // Scaled by a factor, the net stands where the curve says.
    let factor = try study.shop.run(
      "match", [:], ["rows": [Self.curve(study.shop, [1, 2, 4], untouched: 0.5, retrained: 1)]],
      gathers: ["rows"])
    let scaled = try study.shop.run(
      "rescale", [:], ["net": [study.net], "unlearned": [unlearned], "factor": [factor]])
    #expect(try abs(Self.groupLoss(study, scaled, group) - losses[1]) < 1e-6)
    let (from, to) = (try Self.parameters(study.net), try Self.parameters(unlearned))
    for ((before, after), half) in zip(zip(from, to), try Self.parameters(scaled)) {
      #expect(abs(half - (before + after) / 2) < 1e-6)
    }
    let own = try FileReader(at: scaled.path)
    let other = try FileReader(at: unlearned.path)
    #expect(try own.real("residual") == other.real("residual"))
  }

  /// One factor for all groups: where the mean of the losses is the mean of the retrained ones.
  @Test func oneFactorIsOfTheMeans() throws {
    let shop = try Workshop()
    let curves = [
      try Self.curve(shop, [1, 3, 7], untouched: 0.2, retrained: 2),
      try Self.curve(shop, [3, 5, 9], untouched: 0.4, retrained: 4),
    ]
    let file = try FileReader(at: shop.run("match", [:], ["rows": curves], gathers: ["rows"]).path)
    // The means are 2 and 4 at ½ and 1, and 3 in between: ½ · 2^(ln 1.5 / ln 2).
    #expect(try abs(file.readScalar("/factor", as: Double.self) - 0.75) < 1e-12)
    #expect(try file.read("/loss", as: Double.self) == [2, 4, 8])
    #expect(try file.readScalar("/groups", as: Int64.self) == 2)
    func message(_ untouched: Double, _ retrained: Double) -> String {
      failure {
        _ = try shop.run(
          "match", [:],
          ["rows": [Self.curve(shop, [1, 2, .infinity], untouched: untouched, retrained: retrained)]],
          gathers: ["rows"])
      }
    }
    #expect(message(0.5, 0.4).contains("there is nothing to match"))
    #expect(message(0.5, 3).contains("raise 'per_octave'"))
  }

  /// Common draws: without a step the net has the base net's initial parameters; from scratch it has others.
  @Test func retrainingStartsWhereItSays() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let still: [String: Value] = [
      "epochs": .integer(1), "batch_size": .integer(20), "learning_rate": .number(0),
    ]
    let axes = [AxisValue("repeat", .integer(2))]
    let declaration = try #require(allStages.declaration("train"))
    let key = try ParameterValues(still, of: declaration).streamKey(axes: axes)
    let base = try shop.run("train", still, ["images": [images]], axes: axes, streamKey: key)
    let group = try shop.run("group", ["size": .integer(5)], ["images": [images]])
    func retrained(_ start: Value, _ more: [String: Value] = [:], net: TaskInput? = nil) throws -> TaskInput {
      var inputs = ["images": [images], "group": [group]]
      if start != "scratch" { inputs["net"] = [net ?? base] }
      return try shop.run(
        "retrain", still.merging(["start": start]) { $1 }.merging(more) { $1 }, inputs, streamKey: 99)
    }
    #expect(try Self.parameters(retrained("common")) == Self.parameters(base))
    #expect(try Self.parameters(retrained("scratch")) != Self.parameters(base))
    let trained = try shop.run(
      "train", still.merging(["learning_rate": .number(0.05)]) { $1 }, ["images": [images]], axes: axes,
      streamKey: key)
    #expect(try Self.parameters(retrained("warm", net: trained)) == Self.parameters(trained))
    // With steps, common draws give the base net but for the group: nearer than draws of its own.
    func distance(_ start: Value) throws -> Double {
      let other = try retrained(start, ["learning_rate": .number(0.05)], net: trained)
      return try zip(Self.parameters(other), Self.parameters(trained))
        .reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
    }
    #expect(try distance("common") < 0.2 * distance("scratch"))
    #expect(
      failure {
        _ = try shop.run(
          "retrain", still.merging(["start": "warm"]) { $1 }, ["images": [images], "group": [group]])
      }
        == "start warm begins from a net: give the stage an input net")
    #expect(
      failure { _ = try shop.run("retrain", still, ["images": [images], "group": [group], "net": [base]]) }
        .hasPrefix("start scratch takes nothing from a net"))
  }
}
