// What the study rests on and no figure shows: controls that differ, splits that are what they say, and worst cases kept.

import Foundation
import HDF5
import NeuralNet
import PipelineCore
import StageRuns
import Stages
import Tensor
import Testing

@Suite struct ProtocolTests {
  /// A net of three epochs, which tells labels apart, and a group of all images of label 3 with parts 0, 1, 2 in turn.
  private final class Study {
    let base: RemovalStudy
    let group: TaskInput
    static let members = Array(stride(from: 3, to: 240, by: 10))
    static let parts = members.indices.map { UInt8($0 % 3) }

    var shop: Workshop { base.shop }

    init() throws {
      base = try RemovalStudy(epochs: 3)
      group = try base.group(Self.members, parts: Self.parts)
    }

    /// The net without the group; each step takes its curvature over all images that are left.
    func unlearned(
      _ parameters: [String: Value], _ more: [String: TaskInput] = [:], streamKey: UInt64 = 7
    ) throws -> TaskInput {
      try base.run(
        "unlearn", parameters.merging(["hessian_images": .integer(240)]) { a, _ in a }, group: group, more,
        streamKey: streamKey)
    }

    func evaluated(_ net: TaskInput, group: TaskInput? = nil) throws -> FileReader {
      try FileReader(
        at: shop.run(
          "evaluate", ["label": .integer(3)],
          ["images": [base.images], "net": [net], "group": [group ?? self.group]]
        ).path)
    }
  }

  /// The images of each step but the last: those that are curvature images of the step and not of the next, where each
  /// step takes all that are left.
  private static func removed(_ net: TaskInput) throws -> [Set<Int64>] {
    let file = try FileReader(at: net.path)
    let steps = try file.read("/steps/size", as: Int64.self).count
    let flat: [Int64] = try file.read("/steps/hessian_indices")
    let left = (0..<steps).map { step in
      Set(flat[step * flat.count / steps..<(step + 1) * flat.count / steps].filter { $0 >= 0 })
    }
    return zip(left, left.dropFirst()).map { $0.subtracting($1) }
  }

  /// The control of the treatment: as many images in each step, but others.
  @Test func shuffledPartsAreOtherImages() throws {
    let study = try Study()
    let group = Set(Study.members.map { Int64($0) })
    let own = (0..<2).map { part in
      Set(zip(Study.members, Study.parts).filter { Int($0.1) == part }.map { Int64($0.0) })
    }
    #expect(try Self.removed(study.unlearned([:])) == own)
    var draws: Set<[Set<Int64>]> = []
    for key in 1...3 as ClosedRange<UInt64> {
      let parts = try Self.removed(study.unlearned(["partition": "shuffled"], streamKey: key))
      #expect(parts.map(\.count) == own.map(\.count) && parts.allSatisfy(group.isSuperset))
      for (part, treated) in zip(parts, own) {
        // Of 8 images drawn from 24, 8 or none of the treatment's would be one draw in 700,000.
        #expect(!part.isDisjoint(with: treated) && part != treated)
      }
      draws.insert(parts)
    }
    #expect(draws.count == 3)
  }

  /// Each split against the net's own losses, image by image.
  @Test func splitsHoldTheImagesThatTheySay() throws {
    let study = try Study()
    let file = try FileReader(at: study.base.net.path)
    let network = try Network.named("lenet")
    let theta = try network.parameterLayouts.flatMap { layout -> [Float] in
      try file.read("/parameters/\(layout.name)")
    }
    let data = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    let losses = try NeuralNet.evaluate(
      network, parameters: theta, data: data, indices: Array(0..<240), pool: ThreadPool(threads: 1)
    ).losses.map(Double.init)
    // A group of a part of label 3, so that no two splits are the same images.
    let some = Array(Study.members.prefix(7))
    let evaluation = try study.evaluated(
      study.base.net, group: study.base.group(some, parts: [UInt8](repeating: 0, count: 7)))
    for (split, images) in [
      ("group", some), ("retained", (0..<240).filter { !some.contains($0) }), ("train", Array(0..<240)),
      ("test", Array(0..<240)), ("test_label", Study.members),
      ("test_other", (0..<240).filter { $0 % 10 != 3 }),
    ] {
      let mean = images.reduce(0) { $0 + losses[$1] } / Double(images.count)
      let found: Double = try evaluation.readScalar("/metrics/\(split)/loss")
      #expect(abs(found - mean) < 1e-12, "\(split)")
    }
  }

  /// The history of an unlearned net is of what it is to keep, not of what was removed.
  @Test func theHistoryOfAStepIsOfTheRetainedImages() throws {
    let study = try Study()
    for parameters in [[:], ["partition": "whole"]] as [[String: Value]] {
      let net = try study.unlearned(parameters)
      let evaluation = try study.evaluated(net)
      for name in ["loss", "accuracy"] {
        let history: [Double] = try FileReader(at: net.path).read("/history/\(name)")
        let retained: Double = try evaluation.readScalar("/metrics/retained/\(name)")
        let all: Double = try evaluation.readScalar("/metrics/train/\(name)")
        #expect(history.count == 1 && abs(history[0] - retained) < 1e-9)
        if name == "loss" { #expect(abs(retained - all) > 1e-6, "the two can be told apart") }
      }
    }
  }

  /// The F1 of a round is of the removed images and of those with other labels: the one that `evaluate` gives to its net.
  @Test func theF1OfARoundLeavesTheRemovedLabelOut() throws {
    let study = try Study()
    let held = try study.shop.artifact("load-images") { file in
      for split in ["train", "test"] {
        try file.write("/\(split)/images", Workshop.images.pixels, shape: [240, 28, 28])
        try file.write("/\(split)/labels", Workshop.images.labels)
      }
      try file.setAttribute(
        "parameters", to: .string(Value.map(["validation_images": .integer(240)]).json))
    }
    let net = try study.unlearned(
      ["partition": "whole", "rounds": .integer(1), "step_norm": .number(1)], ["validation": held])
    let evaluation = try study.evaluated(net)
    let scores: [Double] = try FileReader(at: net.path).read("/rounds/f1")
    let f1: Double = try evaluation.readScalar("/metrics/forgetting/f1")
    #expect(scores.count == 1 && abs(scores[0] - f1) < 1e-12)
    let (a, all): (Double, Double) = (
      try evaluation.readScalar("/metrics/group/accuracy"),
      try evaluation.readScalar("/metrics/test/accuracy")
    )
    #expect(abs(f1 - 2 * (1 - a) * all / (1 - a + all)) > 1e-6, "the label makes a difference: \(a) \(all)")
  }

  /// A net's trust line tells the worst of its steps, wherever that one stands, and the work of all.
  @Test func theWorstStepIsInTheTrustLine() throws {
    let study = try Study()
    var places: Set<Int> = []
    for key in 1...6 as ClosedRange<UInt64> {
      let net = try study.unlearned(
        ["partition": "random", "parts": .integer(2), "hessian_images": .integer(60)], streamKey: key)
      let file = try FileReader(at: net.path)
      let residuals: [Double] = try file.read("/steps/residual")
      let worst = try #require(residuals.max())
      places.insert(try #require(residuals.firstIndex(of: worst)))
      #expect(try file.real("residual") == worst)
      for (name, path) in [("iterations", "/steps/iterations"), ("products", "/steps/products")] {
        #expect(try file.integer(name) == file.read(path, as: Int64.self).reduce(0) { $0 + Int($1) })
      }
    }
    #expect(places.contains(0), "the first step is the worst one of some nets: \(places)")
  }
}
