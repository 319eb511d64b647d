// What is carried from solves to evaluations, and the small table of them below a table.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

/// A net without a group, by parts and by an influence in one step.
private struct Removal {
  let shop: Workshop
  private let images: TaskInput
  private let group: TaskInput
  let net: TaskInput
  let steps: TaskInput
  /// Also solved with 240 curvature images.
  let influence: TaskInput
  let one: TaskInput

  init() throws {
    shop = try Workshop()
    images = try shop.images()
    net = try shop.run("train", ["epochs": .integer(3), "batch_size": .integer(20)], ["images": [images]])
    let cluster = try shop.artifact("cluster") { file in
      try file.write("/indices", (0..<240).map { Int64($0) })
      try file.write("/assignment", (0..<240).map { UInt8($0 / 10 % 2 == 0 ? 0 : 2) })
    }
    group = try shop.run(
      "group", ["size": .integer(9), "label": .integer(4)], ["images": [images], "cluster": [cluster]])
    let solver: [String: Value] = ["hessian_images": .integer(60), "damping": .number(0.1)]
    let inputs = ["images": [images], "net": [net], "group": [group]]
    steps = try shop.run("unlearn", solver, inputs)
    influence = try shop.run("influence", solver.merging(["compare_images": .integer(240)]) { $1 }, inputs)
    one = try shop.run("unlearn", solver, inputs.merging(["influence": [influence]]) { a, _ in a })
  }

  func evaluated(_ net: TaskInput) throws -> TaskInput {
    try shop.run("evaluate", [:], ["images": [images], "net": [net], "group": [group]])
  }
}

@Suite struct SolveTableTests {
  @Test func anEvaluationCarriesTheFactsOfTheSolves() throws {
    let removal = try Removal()
    let solved = try FileReader(at: removal.steps.path)
    let evaluation = try FileReader(at: removal.evaluated(removal.steps).path)
    for name in ["residual", "damping", "damping_implied", "gradient_norm", "curvature_max"] {
      #expect(try evaluation.real(name) == solved.real(name), "\(name)")
    }
    for name in ["iterations", "products", "hessian_images"] {
      #expect(try evaluation.integer(name) == solved.integer(name), "\(name)")
    }
    // Near and far have an image each at least, moderate has none and no change.
    let sizes = try solved.read("/steps/size", as: Int64.self)
    let changes: [Double] = try solved.read("/steps/loss_change/group/actual")
    #expect(sizes[1] == 0 && sizes[0] > 0 && sizes[2] > 0)
    let mean = (Double(sizes[0]) * changes[0] + Double(sizes[2]) * changes[2]) / 9
    #expect(abs(try evaluation.real("actual_change") - mean) < 1e-12)

    let single = try FileReader(at: removal.evaluated(removal.one).path)
    let before: Double = try FileReader(at: removal.evaluated(removal.net).path).readScalar(
      "/metrics/group/loss")
    let after: Double = try single.readScalar("/metrics/group/loss")
    #expect(abs(try single.real("actual_change") - (after - before)) < 1e-6)
    #expect(
      try single.real("predicted_change")
        == FileReader(at: removal.influence.path).readScalar("/loss_change/group/first_order"))
  }

  @Test func aTableShowsTheSolvesBehindItsRows() throws {
    let removal = try Removal()
    var rows = try [removal.one, removal.steps].map(removal.evaluated)
    for (row, label) in ["1-step", "3-step"].enumerated() {
      rows[row].label = label
      rows[row].axes = [AxisValue("repeat", .integer(0)), AxisValue("size", .integer(9))]
    }
    let table = try removal.shop.run("table", [:], ["rows": rows])
    let solves = try removal.shop.report(table).solves()
    let step = try #require(solves["1-step"])
    #expect(step["damping"] as? String == "0.1" && step["images"] as? String == "60")
    func isAbout(_ name: String, _ expected: Double) -> Bool {
      // JSON's decimals are exact, but its reader here is not to the last bit.
      (step[name] as? Double).map { abs($0 - expected) <= 1e-15 + 1e-14 * abs(expected) } ?? false
    }
    let single = try FileReader(at: rows[0].path)
    #expect(isAbout("moved_by_240", try FileReader(at: removal.influence.path).real("moved")))
    #expect(isAbout("1st_order", try single.real("predicted_change")))
    #expect(isAbout("2nd_order", try single.real("predicted_change_second_order")))
    #expect(isAbout("actual", try single.real("actual_change")))
    #expect(isAbout("residual", try single.real("residual")))
    #expect(isAbout("gradient", try single.real("gradient_norm")))
    #expect(step["products_most"] as? Int == (try single.integer("products")))
    // Only one of the two was compared with other curvature images.
    #expect(solves["3-step"]?["moved_by_240"] is NSNull)
  }

  /// Who sees one figure for several solves has to see the worst.
  @Test func theWorstResidualOfARowIsShown() throws {
    let removal = try Removal()
    var rows = try [removal.one, removal.steps].map(removal.evaluated)
    for row in rows.indices {
      rows[row].label = "removal"
      rows[row].axes = [AxisValue("repeat", .integer(row)), AxisValue("size", .integer(9))]
    }
    let table = try removal.shop.run("table", [:], ["rows": rows])
    let solve = try #require(removal.shop.report(table).solves()["removal"])
    let residuals = try rows.map { try FileReader(at: $0.path).real("residual") }
    let worst = try #require(residuals.max())
    #expect(residuals[0] != residuals[1])
    #expect(abs((solve["residual"] as? Double ?? .nan) - worst) <= 1e-14 * worst)
  }
}
