// `margins`, `attack` and `datamodeling` on a small net and on hand-made margins.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Tensor
import Testing

@Suite struct MarginTests {
  /// The losses that follow from the margins are those that `evaluate` finds, on each set of images.
  @Test func marginsAreOfTheImagesAskedFor() throws {
    let study = try RemovalStudy(epochs: 2)
    let group = try study.group()
    func margins(_ parameters: [String: Value], withGroup: Bool = true) throws -> (TaskInput, Margins) {
      var inputs = ["images": [study.images], "net": [study.net]]
      if withGroup { inputs["group"] = [group] }
      let made = try study.shop.run("margins", parameters, inputs)
      return (made, try MarginsArtifact.read(made))
    }
    let evaluated = try FileReader(
      at: study.shop.run(
        "evaluate", ["label": .integer(3)], ["images": [study.images], "net": [study.net], "group": [group]]
      ).path)
    func loss(_ margins: [Double]) -> Double {
      margins.reduce(0) { $0 + log1p(exp(-$1)) } / Double(margins.count)
    }
    let (_, train) = try margins([:])
    #expect(train.indices == Array(0..<240))
    #expect(train.indices.filter { train.removed[$0] } == Array(stride(from: 3, to: 240, by: 10)))
    let own = train.indices.filter { train.removed[$0] }.map { train.margins[$0] }
    #expect(abs(loss(own) - (try evaluated.readScalar("/metrics/group/loss"))) < 1e-5)
    let (_, test) = try margins(["split": "test"], withGroup: false)
    #expect(abs(loss(test.margins) - (try evaluated.readScalar("/metrics/test/loss"))) < 1e-5)
    #expect(!test.removed.contains(true))
    let (_, label) = try margins(["split": "test", "label": .integer(3)], withGroup: false)
    #expect(abs(loss(label.margins) - (try evaluated.readScalar("/metrics/test_label/loss"))) < 1e-5)
    #expect(failure { _ = try margins(["split": "test"]) }.contains("a group is of training images"))
  }

  private static let images = 40

  /// Margins of a net of repeat r that was made to do without the images of `removed`.
  private func net(
    _ shop: Workshop, _ label: String, _ repetition: Int, removed: Set<Int>, margin: (Int) -> Double
  ) throws -> TaskInput {
    let indices = Array(0..<Self.images)
    return try shop.write(
      MarginsArtifact.self,
      Margins(indices: indices, margins: indices.map(margin), removed: indices.map(removed.contains)),
      stage: "margins", label: label, axes: [AxisValue("repeat", .integer(repetition))])
  }

  /// Normal noise, other for each net and image.
  private func noise(_ a: Int, _ b: Int) -> Double {
    var stream = RandomStream(key: UInt64(a * 1000 + b))
    return stream.normal() / 2
  }

  /// An attack on repeat 0, with what it was made of.
  private struct Attack {
    var path: String
    var unlearned: [Margins]
    var retrained: [Margins]
    var control: Margins
  }

  private func attack(
    shift: Double, _ parameters: [String: Value] = [:], repeats: Int = 15, in shop: Workshop
  )
    throws -> Attack
  {
    // Each image is in the groups of two repeats of three, and the group of repeat 0 is that of the attack.
    let groups = (0..<repeats).map { r in Set((0..<Self.images).filter { ($0 + r) % 3 != 0 }) }
    let unlearned = try groups.enumerated().map { r, group in
      try net(shop, "3-step", r, removed: group) { 5 + Double($0) / 10 - shift + self.noise(r, $0) }
    }
    let retrained = try groups.enumerated().map { r, group in
      try net(shop, "retrain", r, removed: group) { 5 + Double($0) / 10 + self.noise(r + 50, $0) }
    }
    let control = try net(shop, "retrain-third", 0, removed: groups[0]) {
      5 + Double($0) / 10 + self.noise(777, $0)
    }
    let made = try shop.run(
      "attack", parameters,
      ["target": [unlearned[0]], "control": [control], "unlearned": unlearned, "retrained": retrained],
      gathers: ["unlearned", "retrained"])
    return Attack(
      path: made.path, unlearned: try unlearned.map { try MarginsArtifact.read($0) },
      retrained: try retrained.map { try MarginsArtifact.read($0) },
      control: try MarginsArtifact.read(control))
  }

  /// Each score is the log of the ratio of two normal densities, fitted without the nets of the attacked group.
  @Test func anAttackUsesTheNetsOfOtherGroups() throws {
    let shop = try Workshop()
    let attack = try attack(shift: 0.6, ["deviation": "image"], in: shop)
    let file = try FileReader(at: attack.path)
    let indices: [Int64] = try file.read("/indices")
    #expect(indices.map(Int.init) == (0..<Self.images).filter { $0 % 3 != 0 })
    let scores: [Double] = try file.read("/scores/unlearned")
    let controls: [Double] = try file.read("/scores/retrained")
    for (place, image) in indices.map(Int.init).enumerated() {
      func density(_ nets: [Margins], _ x: Double) -> Double {
        // Every third repeat has the group of the attack.
        let known = nets.enumerated().filter { $0.offset % 3 != 0 && $0.element.removed[image] }.map {
          $0.element.margins[image]
        }
        let mean = known.reduce(0, +) / Double(known.count)
        let variance = known.reduce(0) { $0 + pow($1 - mean, 2) } / Double(known.count - 1)
        return exp(-pow(x - mean, 2) / 2 / variance) / sqrt(2 * .pi * variance)
      }
      func score(_ x: Double) -> Double { log(density(attack.unlearned, x) / density(attack.retrained, x)) }
      #expect(
        abs(scores[place] - score(attack.unlearned[0].margins[image])) < 1e-9 * max(1, abs(scores[place])))
      #expect(
        abs(controls[place] - score(attack.control.margins[image])) < 1e-9 * max(1, abs(controls[place])))
    }
  }

  @Test func anAttackTellsWhatDiffersAndNothingElse() throws {
    let shop = try Workshop()
    func figures(_ shift: Double) throws -> (area: Double, rate: Double) {
      let file = try FileReader(at: attack(shift: shift, in: shop).path)
      return (try file.readScalar("/metrics/auc"), try file.readScalar("/metrics/tpr_at_5_percent"))
    }
    let (same, different) = (try figures(0), try figures(6))
    #expect(different.area == 1 && different.rate == 1)
    #expect(abs(same.area - 0.5) < 0.2 && same.rate < 0.4)
    #expect(
      failure { _ = try attack(shift: 1, ["least": .integer(7)], in: shop) }.contains("take more repeats"))
  }

  /// Predictions that rank as retraining does score 1, reversed ones −1; a seed's own score is the ceiling.
  @Test func datamodelingComparesRanksByGroup() throws {
    let shop = try Workshop()
    let before = try net(shop, "base", 0, removed: []) { Double($0) / 20 }
    func nets(_ label: String, _ effect: (Int, Int) -> Double) throws -> [TaskInput] {
      try (0..<6).map { r in try net(shop, label, r, removed: []) { Double($0) / 20 - effect(r, $0) } }
    }
    let truth = { (r: Int, image: Int) in 1 + Double((r * 5 + image * 3) % 7) / 10 }
    let actual = try nets("retrain", truth) + nets("retrain-again") { truth($0, $1) + 0.01 }
    func figures(_ predicted: [TaskInput]) throws -> [String: Double] {
      // The order of the slots' nodes does not matter: they are joined by their axis values.
      let made = try shop.run(
        "datamodeling", [:], ["before": [before], "predicted": predicted, "actual": actual.reversed()],
        gathers: ["predicted", "actual"])
      let file = try FileReader(at: made.path)
      return Dictionary(
        uniqueKeysWithValues: try ["lds", "lds_lower", "lds_upper", "lds_of_a_seed", "groups", "images"].map {
          ($0, try file.readScalar("/metrics/\($0)"))
        })
    }
    let right = try figures(nets("influence") { truth($0, $1) * 0.3 })
    #expect(right["lds"] == 1 && right["lds_of_a_seed"] == 1 && right["groups"] == 6 && right["images"] == 40)
    #expect(try figures(nets("influence") { 2 - truth($0, $1) })["lds"] == -1)
    let some = try figures(nets("influence") { truth($0, $1) + self.noise($0, $1) / 5 })
    #expect(some["lds"]! > 0.2 && some["lds"]! < 1 && some["lds_lower"]! < some["lds"]!)
    let lone = try net(shop, "influence", 99, removed: []) { Double($0) }
    #expect(failure { _ = try figures([lone]) }.contains("has the axis values"))
  }
}
