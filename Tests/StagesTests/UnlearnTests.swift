// The stages `influence` and `unlearn`: partitions, budgets, keys and what they refuse.

import Foundation
import HDF5
import PipelineCore
import Stages
import Testing

@Suite struct UnlearnTests {
  /// A small net, a group of 24 images with parts, and stages to run on them.
  private final class Study {
    let shop: Workshop
    let images: TaskInput
    let net: TaskInput
    static let solver: [String: Value] = [
      "hessian_images": .integer(60), "damping": .number(0.1), "tolerance": .number(0.01),
    ]

    init() throws {
      shop = try Workshop()
      images = try shop.images()
      net = try shop.run("train", ["epochs": .integer(1), "batch_size": .integer(20)], ["images": [images]])
    }

    /// A group of every tenth image with part 0, 1, 2 in turn, twice as many of part 1.
    func group(_ indices: [Int] = Array(stride(from: 3, to: 240, by: 10)), parts: [UInt8]? = nil) throws
      -> TaskInput
    {
      try shop.artifact("group") { file in
        try file.write("/indices", indices.map { Int64($0) })
        try file.write("/parts", parts ?? indices.indices.map { [0, 1, 1, 2][$0 % 4] })
        try file.setAttribute("pool_size", to: .integer(240))
        try file.setAttribute("kind", to: "random")
      }
    }

    func run(
      _ stage: String, _ parameters: [String: Value], group: TaskInput, _ more: [String: TaskInput] = [:],
      streamKey: UInt64 = 7
    ) throws -> TaskInput {
      let inputs = ["images": images, "net": net, "group": group].merging(more) { $1 }
      return try shop.run(
        stage, Self.solver.merging(parameters) { $1 }, inputs.mapValues { [$0] }, streamKey: streamKey)
    }
  }

  private static func text(_ words: String...) -> Value { .list(words.map(Value.string)) }

  @Test func partitionsHaveTheSizesThatTheySay() throws {
    let study = try Study()
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
    let study = try Study()
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
    let study = try Study()
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
    let study = try Study()
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

  @Test func aBudgetGivesOneStepTheProductsOfSeveral() throws {
    let study = try Study()
    let group = try study.group()
    let three = try study.run("unlearn", [:], group: group)
    let one = try study.run("unlearn", ["partition": .string("whole")], group: group, ["budget": three])
    let products = try FileReader(at: three.path).integer("products")
    #expect(try FileReader(at: one.path).integer("products") == products && products > 9)
    let message = failure { _ = try study.run("unlearn", [:], group: group, ["budget": three]) }
    #expect(message == "input budget needs partition whole and solver cg: it is spent on one solve")
    let influence = try study.run("influence", [:], group: group)
    let both = failure {
      _ = try study.run("unlearn", [:], group: group, ["budget": three, "influence": influence])
    }
    #expect(both.hasPrefix("inputs influence and budget exclude each other"))
  }

  /// The published protocol of GIF: a series on the normal equations, changes of one norm, the best round kept.
  @Test func roundsAreChosenOnValidationImages() throws {
    let study = try Study()
    let group = try study.group()
    func held(_ parameters: Value) throws -> TaskInput {
      try study.shop.artifact("load-images") { file in
        for split in ["train", "test"] {
          try file.write("/\(split)/images", Workshop.images.pixels, shape: [240, 28, 28])
          try file.write("/\(split)/labels", Workshop.images.labels)
        }
        try file.setAttribute("parameters", to: .string(parameters.json))
      }
    }
    let protocolOfGIF: [String: Value] = [
      "partition": .string("whole"), "scheme": .string("gif"), "ratio": .number(0.3),
      "solver": .string("neumann"), "series_terms": .integer(5), "rounds": .integer(4),
      "step_norm": .number(0.3),
    ]
    let validation = try held(.map(["validation_images": .integer(240)]))
    let file = try FileReader(
      at: study.run("unlearn", protocolOfGIF, group: group, ["validation": validation]).path)
    let scores: [Double] = try file.read("/rounds/f1")
    let best = try #require(scores.indices.max { scores[$0] < scores[$1] })
    let first = try #require(scores.firstIndex(of: scores[best]))
    let sizes: [Int64] = try file.read("/steps/size")
    #expect(scores.count == 4 && sizes == [Int64](repeating: 24, count: first + 1))
    let changes: [Float] = try file.read("/steps/change")
    let p = changes.count / sizes.count
    for step in sizes.indices {
      let norm = changes[step * p..<(step + 1) * p].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(norm - 0.3) < 1e-5)
    }
    // Without validation images all rounds are taken.
    let all = try FileReader(at: study.run("unlearn", protocolOfGIF, group: group).path)
    #expect(try all.read("/steps/size", as: Int64.self).count == 4 && !all.contains("/rounds/f1"))

    let test = failure {
      _ = try study.run(
        "unlearn", protocolOfGIF, group: group, ["validation": held(.map(["validation_images": .null]))])
    }
    #expect(test.hasPrefix("input validation holds test images: a round is never chosen on those"))
    let parts = failure { _ = try study.run("unlearn", ["rounds": .integer(2)], group: group) }
    #expect(parts == "'rounds' needs partition whole: a round removes the whole group")
  }

  @Test func moreThanTheMemoryAllowsIsRefused() throws {
    let study = try Study()
    let group = try study.group()
    // 2,000 pairs of LeNet's parameters: 12 bytes each, 1.4 GB.
    let spectrum = failure {
      _ = try study.shop.run(
        "spectrum", ["pairs": .integer(2000)], ["images": [study.images], "net": [study.net]])
    }
    let pattern =
      #/this needs at least (\d+) MB: .* parameter memory allows 640 \(384 and 256\): raise it to (\d+), .*/#
    let match = try #require(try pattern.wholeMatch(in: spectrum), "\(spectrum)")
    let (needed, raised) = (try #require(Int(match.1)), try #require(Int(match.2)))
    #expect(needed > 1400 && needed < 1700 && raised == needed - 256)
    let many = try study.shop.artifact("spectrum") { file in
      try file.write("/eigenvalues", [Double](repeating: 1, count: 400))
    }
    for stage in ["influence", "unlearn"] {
      let message = failure {
        _ = try study.run(stage, ["memory": .integer(64)], group: group, ["spectrum": many])
      }
      #expect(
        message.hasPrefix("this needs at least ") && message.contains("and 400 eigenpairs; parameter memory"),
        "\(message)")
    }
  }

  /// Figures of another net or group fit in size and would say nothing.
  @Test func anInfluenceOfAnotherNetOrGroupIsRefused() throws {
    let study = try Study()
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

  @Test func aSecondSampleTellsHowMuchTheAnswerMoves() throws {
    let study = try Study()
    let group = try study.group()
    func file(_ images: Value) throws -> (moved: Double, loss: Double, images: Int, change: [Float]) {
      let file = try FileReader(
        at: study.run("influence", ["compare_images": images], group: group).path)
      return (
        try file.real("moved"), try file.real("compared_group_loss"), try file.integer("compared_images"),
        try file.read("/influence")
      )
    }
    let none = try file(.null)
    #expect(none.moved.isNaN && none.loss.isNaN && none.images == 0)
    #expect(try file(.integer(60)).moved == 0)
    let some = try file(.integer(240))
    #expect(some.images == 240 && some.change == none.change)
    let whole = try FileReader(
      at: study.run("influence", ["hessian_images": .integer(240)], group: group).path)
    let other: [Float] = try whole.read("/influence")
    var (apart, size) = (0.0, 0.0)
    for (a, b) in zip(none.change, other) {
      apart += Double(a - b) * Double(a - b)
      size += Double(b) * Double(b)
    }
    #expect(abs(some.moved - (apart / size).squareRoot()) < 1e-6)
    #expect(try some.loss == whole.readScalar("/loss_change/group/actual"))
  }

  @Test func aSpectrumIsOfTheSameNetAndCurvature() throws {
    let study = try Study()
    let group = try study.group()
    let few: [String: Value] = ["hessian_images": .integer(60), "pairs": .integer(20)]
    let spectrum = try study.shop.run(
      "spectrum", few, ["images": [study.images], "net": [study.net]])
    for stage in ["influence", "unlearn"] {
      let fast = try FileReader(at: study.run(stage, [:], group: group, ["spectrum": spectrum]).path)
      let plain = try FileReader(at: study.run(stage, [:], group: group).path)
      #expect(try fast.integer("iterations") < plain.integer("iterations") && fast.integer("converged") == 1)
      let range = try FileReader(at: spectrum.path).real("curvature_max")
      #expect(try fast.real("curvature_max") == range)
    }
    let other = failure {
      _ = try study.run(
        "influence", ["curvature": .string("hessian")], group: group, ["spectrum": spectrum])
    }
    #expect(other == "input spectrum is of curvature gauss-newton, but this node's is hessian")
    let unlearned = try study.run("unlearn", [:], group: group)
    let net = failure {
      _ = try study.run("influence", [:], group: group, ["spectrum": spectrum, "net": unlearned])
    }
    #expect(net == "input spectrum was computed with other net than this node's")
  }

  @Test func refusesWhatMakesNoSense() throws {
    let study = try Study()
    let group = try study.group()
    func message(_ parameters: [String: Value], stage: String = "influence") -> String {
      failure { _ = try study.run(stage, parameters, group: group) }
    }
    let hessian: [String: Value] = ["curvature": .string("hessian"), "damping": .number(0)]
    #expect(message(hessian).hasPrefix("'damping' must be positive with curvature hessian"))
    #expect(message(hessian, stage: "unlearn").hasPrefix("'damping' must be positive with curvature hessian"))
    #expect(message(["ratio": .number(0)]).hasPrefix("'ratio' must be above 0"))
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
    let study = try Study()
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
        "tolerance", "iterations", "memory", "seed",
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
