// What bounds `influence` and `unlearn`: budgets, memory, spectra of the same net, rounds and a second sample.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct UnlearnLimitsTests {
  @Test func aBudgetGivesOneStepTheProductsOfSeveral() throws {
    let study = try RemovalStudy()
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

  /// Over a sample: the same system, each time the same draw, and its own true residual.
  @Test func aSampleSolvesWhatAllImagesSolve() throws {
    let study = try RemovalStudy()
    let group = try study.group()
    let sampled: [String: Value] = ["solver": .string("sampled-cg"), "sample": .number(0.3)]
    let plain = try FileReader(at: study.run("influence", [:], group: group).path)
    let file = try FileReader(at: study.run("influence", sampled, group: group).path)
    #expect(try file.real("residual") <= 0.01 && file.integer("converged") == 1)
    #expect(try file.integer("iterations") < plain.integer("iterations"))
    let x: [Float] = try plain.read("/influence")
    let y: [Float] = try file.read("/influence")
    let size = x.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
    let off = zip(x, y).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
    #expect(off > 0 && off < 0.02 * size, "\(off / size)")
    let again: [Float] = try FileReader(at: study.run("influence", sampled, group: group).path).read(
      "/influence")
    #expect(again == y)
    let three = try FileReader(at: study.run("unlearn", sampled, group: group).path)
    #expect(try three.integer("converged") == 1)
  }

  /// The published protocol of GIF: a series on the normal equations, changes of one norm, the best round kept.
  @Test func roundsAreChosenOnValidationImages() throws {
    let study = try RemovalStudy()
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
    let study = try RemovalStudy()
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

  @Test func aSecondSampleTellsHowMuchTheAnswerMoves() throws {
    let study = try RemovalStudy()
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
    let study = try RemovalStudy()
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
}
