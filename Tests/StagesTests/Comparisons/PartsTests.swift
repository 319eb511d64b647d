// The stages `parts` and `part-shares`: a division apart from its group, what follows from it, and what does not.

import Foundation
import HDF5
import PipelineCore
import PipelineFile
import StageRuns
import Stages
import Testing

@Suite struct PartsTests {
  private static let members = Array(stride(from: 3, to: 240, by: 10))

  private static func cluster(_ shop: Workshop, _ images: [Int], _ numbers: [UInt8]) throws -> TaskInput {
    try shop.artifact("cluster") { file in
      try file.write("/assignment", numbers)
      try file.write("/indices", images.map { Int64($0) })
    }
  }

  /// The same parts from the group and from a node of its own give the same net, to the bit.
  @Test func partsOfTheirOwnAreTheGroups() throws {
    let study = try RemovalStudy()
    let numbers = Self.members.indices.map { UInt8([0, 1, 1, 2][$0 % 4]) }
    let cluster = try Self.cluster(
      study.shop, Self.members.reversed() + [4], numbers.reversed() + [1])
    let plain = try study.group(Self.members, parts: Self.members.map { _ in 0 })
    let parts = try study.shop.run("parts", [:], ["group": [plain], "cluster": [cluster]])
    #expect(try FileReader(at: parts.path).read("/parts", as: UInt8.self) == numbers)
    let divided = try study.run("unlearn", [:], group: plain, ["parts": parts])
    let own = try study.run("unlearn", [:], group: study.group(Self.members, parts: numbers))
    #expect(divided.content == own.content)
    // Another division of the group is another removal; without one, all go in one step.
    #expect(try study.run("unlearn", [:], group: plain).content != own.content)
  }

  @Test func partsOfAnotherGroupAreRefused() throws {
    let study = try RemovalStudy()
    let cluster = try Self.cluster(study.shop, Self.members, Self.members.map { _ in 1 })
    let group = try study.group(Self.members)
    let parts = try study.shop.run("parts", [:], ["group": [group], "cluster": [cluster]])
    let other = try study.group(Array(Self.members.dropFirst()))
    #expect(
      failure { _ = try study.run("unlearn", [:], group: other, ["parts": parts]) }
        == "input parts divides another group than that of slot group")
    let short = try Self.cluster(
      study.shop, Array(Self.members.dropLast()), Self.members.dropLast().map { _ in 1 })
    #expect(
      failure { _ = try study.shop.run("parts", [:], ["group": [group], "cluster": [short]]) }
        .hasPrefix("image 233 of the group is in no cluster"))
  }

  /// Shares by hand from the steps of the net and the losses of its parts at the net before removal.
  @Test func sharesAreThoseOfTheSteps() throws {
    let study = try RemovalStudy(epochs: 3)
    let numbers = Self.members.indices.map { UInt8([0, 1, 1, 2][$0 % 4]) }
    let group = try study.group(Self.members, parts: numbers)
    var rows = try [7, 8].map { try study.run("unlearn", [:], group: group, streamKey: $0) }
    for place in rows.indices {
      rows[place].label = "3-step"
      rows[place].axes = [AxisValue("size", .integer(24)), AxisValue("repeat", .integer(place))]
    }
    let shares = try FileReader(
      at: study.shop.run("part-shares", [:], ["rows": rows], gathers: ["rows"]).path)
    #expect(try shares.readStrings("/part") == ["near", "moderate", "far"])
    #expect(try shares.readStrings("/setting") == ["size 24", "size 24", "size 24"])
    #expect(try shares.read("/images", as: Double.self) == [0.25, 0.5, 0.25])
    var expected = [[Double]](repeating: [], count: 3)
    var ofLoss = expected
    for row in rows {
      let file = try FileReader(at: row.path)
      let change: [Float] = try file.read("/steps/change")
      let length = change.count / 3
      let norms = (0..<3).map { step in
        change[step * length..<(step + 1) * length].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      }
      let losses: [Double] = try file.read("/steps/original_loss")
      let sums = zip(losses, [6.0, 12, 6]).map { $0 * $1 }
      for step in 0..<3 {
        expected[step].append(norms[step] / norms.reduce(0, +))
        ofLoss[step].append(sums[step] / sums.reduce(0, +))
      }
    }
    let change: [Double] = try shares.read("/change/value")
    let loss: [Double] = try shares.read("/loss/value")
    for step in 0..<3 {
      #expect(abs(change[step] - (expected[step][0] + expected[step][1]) / 2) < 1e-12)
      #expect(abs(loss[step] - (ofLoss[step][0] + ofLoss[step][1]) / 2) < 1e-12)
    }
    #expect(abs(change.reduce(0, +) - 1) < 1e-12 && abs(loss.reduce(0, +) - 1) < 1e-12)
  }

  /// With another extractor the main job trains, draws and solves nothing anew but what the parts lead to.
  @Test func anotherExtractorMovesOnlyWhatThePartsLeadTo() throws {
    let root = URL(fileURLWithPath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    func keys(_ overrides: [String]) throws -> [String: Digest] {
      let plan = try PipelineFile.load(
        path: root + "/pipelines/study/coherent-label0.yaml", stages: allStages.declarations,
        overrides: overrides
      ) { path in throw StageFailure("\(path): a pipeline of the project reads a file of its own") }.plan
      return Dictionary(uniqueKeysWithValues: zip(plan.nodes.map(\.name), plan.planKeys().nodes))
    }
    let (vit, pixels) = (try keys([]), try keys(["extractor=pixels"]))
    #expect(vit.keys == pixels.keys)
    let moved = Set(vit.filter { pixels[$0.key] != $0.value }.map { String($0.key.prefix { $0 != "[" }) })
    #expect(
      moved.isDisjoint(with: [
        "images", "base", "group", "retrain", "retrain-again", "retrain-third", "spectrum", "influence",
        "one-step",
        "trial-base", "trial-group", "trial-retrain", "trial-retrain-again", "trial-spectrum",
      ]))
    #expect(
      moved.isSuperset(of: ["features", "cluster", "parts", "three-step", "trial-parts", "matched", "shares"])
    )
  }
}
