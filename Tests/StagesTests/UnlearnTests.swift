// The stages `influence` and `unlearn`: partitions, budgets, keys and what they refuse.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct UnlearnTests {
  private static func text(_ words: String...) -> Value { .list(words.map(Value.string)) }

  @Test func partitionsHaveTheSizesThatTheySay() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    func sizes(_ parameters: [String: Value]) throws -> [Int64] {
      try FileReader(at: study.run("unlearn", parameters, group: group).path).read("/steps/size")
    }
    #expect(try sizes([:]) == [6, 12, 6])
    #expect(try sizes(["order": Self.text("far", "moderate")]) == [6, 12])
    #expect(try sizes(["order": Self.text("moderate")]) == [12])
    #expect(try sizes(["order": Self.text("1", "0", "2")]) == [12, 6, 6])
    #expect(try sizes(["partition": .string("shuffled"), "order": Self.text("moderate", "far")]) == [12, 6])
    #expect(try sizes(["partition": .string("random"), "parts": .integer(5)]) == [4, 5, 5, 5, 5])
    #expect(try sizes(["partition": .string("whole")]) == [24])
  }

  @Test func drawnPartsDependOnTheSeed() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    for partition in ["shuffled", "random", "whole"] {
      let parameters: [String: Value] = ["partition": .string(partition)]
      let one = try study.run("unlearn", parameters, group: group)
      #expect(try study.run("unlearn", parameters, group: group).content == one.content)
      #expect(try study.run("unlearn", parameters, group: group, streamKey: 8).content != one.content)
    }
  }

  /// One step by `influence` and `unlearn` and one by `unlearn` alone differ in nothing but their random stream.
  @Test func oneStepIsTheInfluenceApplied() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    let all: [String: Value] = ["hessian_images": .integer(240), "tolerance": .number(1e-6)]
    let influence = try study.run("influence", all, group: group)
    let applied = try FileReader(
      at: study.run("unlearn", all, group: group, ["influence": influence]).path)
    let direct = try FileReader(
      at: study.run("unlearn", all.merging(["partition": .string("whole")]) { $1 }, group: group).path)
    for path in ["/parameters/conv1.weight", "/parameters/fc3.bias", "/steps/change"] {
      let a: [Float] = try applied.read(path)
      let b: [Float] = try direct.read(path)
      for (a, b) in zip(a, b) { #expect(abs(a - b) < 1e-6) }
    }
    for split in ["group", "retained"] {
      for kind in ["first_order", "second_order", "actual"] {
        let path = "/steps/loss_change/\(split)/\(kind)"
        let a: [Double] = try applied.read(path)
        let b: [Double] = try direct.read(path)
        #expect(abs(a[0] - b[0]) < 1e-5, "\(path)")
      }
    }
    #expect(try applied.integer("products") == direct.integer("products"))
    #expect(try applied.real("gradient_norm") == direct.real("gradient_norm"))
  }

  @Test func theFactorScalesChangeAndPrediction() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    let influence = try study.run("influence", [:], group: group)
    func loss(_ factor: Double, _ kind: String) throws -> Double {
      let input = try study.run(
        "unlearn", ["factor": .number(factor)], group: group, ["influence": influence])
      let values: [Double] = try FileReader(at: input.path).read("/steps/loss_change/group/\(kind)")
      return values[0]
    }
    let (first, second) = (try loss(1, "first_order"), try loss(1, "second_order"))
    #expect(abs(try loss(0.5, "first_order") - 0.5 * first) < 1e-12)
    #expect(abs(try loss(0.5, "second_order") - (0.5 * first + 0.25 * (second - first))) < 1e-12)
    #expect(try loss(0, "actual") == 0)
    // A small change does what the prediction says.
    #expect(abs(try loss(0.01, "actual") - loss(0.01, "second_order")) < 0.02 * abs(try loss(0.01, "actual")))
  }

  /// Figures of another net or group fit in size and would say nothing.
  @Test func anInfluenceOfAnotherNetOrGroupIsRefused() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    let influence = try study.run("influence", [:], group: group)
    let other = try study.group([1, 2, 3])
    #expect(
      failure { _ = try study.run("unlearn", [:], group: other, ["influence": influence]) }
        == "input influence was computed with other group than this node's")
    let moved = try study.run("unlearn", [:], group: group)
    #expect(
      failure { _ = try study.run("unlearn", [:], group: group, ["influence": influence, "net": moved]) }
        == "input influence was computed with other net than this node's")
  }

  @Test func refusesWhatMakesNoSense() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    func message(_ parameters: [String: Value], stage: String = "influence") -> String {
      failure { _ = try study.run(stage, parameters, group: group) }
    }
    let hessian: [String: Value] = ["curvature": .string("hessian"), "damping": .number(0)]
    #expect(message(hessian).hasPrefix("'damping' must be positive with curvature hessian"))
    #expect(message(hessian, stage: "unlearn").hasPrefix("'damping' must be positive with curvature hessian"))
    #expect(message(["ratio": .number(0)]).hasPrefix("'ratio' must be above 0"))
    let sampled = Value.string("sampled-cg")
    #expect(
      message(["solver": sampled, "curvature": .string("hessian"), "damping": .number(1)])
        .hasSuffix("take curvature gauss-newton, or solver cg"))
    #expect(message(["solver": sampled, "scheme": .string("gif")]).hasSuffix("take solver cg"))
    #expect(message(["solver": sampled, "sample": .number(0)]).hasPrefix("'sample' must be above 0"))
    #expect(
      message(["scheme": .string("fif"), "ratio": .number(1e-6)])
        == "a ratio of 1e-06 selects no parameter of any layer; raise it")
    let small = message(["curvature": .string("hessian"), "damping": .number(1e-6)])
    #expect(small.contains("which a damping of 1e-06 does not lift above 0"), "\(small)")
    #expect(message(["order": Self.text("near", "0")], stage: "unlearn") == "'order' names a part twice")
    #expect(message(["order": .list([])], stage: "unlearn") == "'order' needs at least one part")
    #expect(
      message(["order": Self.text("7")], stage: "unlearn")
        == "none of the parts 7 has an image; the group has parts 0, 1, 2")
    let everything = try study.group(Array(0..<240))
    for stage in ["influence", "unlearn"] {
      let whole = failure { _ = try study.run(stage, [:], group: everything) }
      #expect(whole == "the group is the whole training set: nothing would be retained")
    }
  }

  @Test func aMissedToleranceIsMarked() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    for parameters: [String: Value] in [
      ["iterations": .integer(1)], ["solver": .string("neumann"), "series_terms": .integer(2)],
      ["solver": .string("lissa"), "series_terms": .integer(5), "series_batch": .integer(10)],
      ["scheme": .string("gif"), "iterations": .integer(1)],
      ["scheme": .string("second-order"), "iterations": .integer(1)],
    ] {
      let file = try FileReader(at: study.run("influence", parameters, group: group).path)
      #expect(try file.integer("converged") == 0 && file.real("residual") > 0.01)
      let steps = try FileReader(at: study.run("unlearn", parameters, group: group).path)
      #expect(try steps.integer("converged") == 0)
    }
  }

  @Test func onlyUsedParametersAreInKeys() throws {
    let unlearn = try #require(allStages.declaration("unlearn"))
    let unusedNames = try #require(unlearn.unused)
    func unused(_ changes: [String: Value] = [:], _ slots: Set<String>) throws -> Set<String> {
      Set(unusedNames(try ParameterValues(changes, of: unlearn), slots).map(\.description))
    }
    let names = Set(unlearn.parameters.map(\.name))
    let slots: Set = ["images", "net", "group"]
    #expect(try names.subtracting(unused([:], slots.union(["influence"]))) == ["factor", "divisor"])
    #expect(
      try names.subtracting(unused([:], slots)) == [
        "partition", "order", "scheme", "scale", "curvature", "damping", "hessian_images", "solver",
        "tolerance", "iterations", "memory", "seed", "purpose",
      ])
    #expect(try unused([:], slots.union(["spectrum"])).contains("hessian_images"))
    #expect(
      try unused(["scheme": .string("gif"), "solver": .string("lissa")], slots).isDisjoint(with: [
        "selection", "ratio", "series_terms", "series_scale", "series_batch",
      ]))
    let whole: [String: Value] = ["partition": .string("whole")]
    #expect(try unused(whole, slots).isSuperset(of: ["order", "parts"]))
    #expect(try unused(whole, slots.union(["budget"])).contains("iterations"))
  }
}
