// Training's parameters that only some nets or schedules use: they do what they say, and are in no other key.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct TrainingParameterTests {
  @Test func hiddenLayersTravelThroughArtifacts() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run(
      "train",
      [
        "net": .string("mlp"), "widths": .list([.integer(12), .integer(7)]), "dropout": .number(0.2),
        "epochs": .integer(1), "batch_size": .integer(20),
      ], ["images": [images]])
    let file = try FileReader(at: net.path)
    #expect(try file.read("/parameters/fc1.weight", as: Float.self, shape: [12, 784]).count == 12 * 784)
    #expect(try file.read("/parameters/fc2.weight", as: Float.self, shape: [7, 12]).count == 84)
    #expect(try file.read("/parameters/fc3.weight", as: Float.self, shape: [10, 7]).count == 70)
    let features = try shop.run("features", [:], ["images": [images], "net": [net]])
    let shapes = try FileReader(at: features.path).datasets().filter { $0.path == "/features" }.map(\.shape)
    #expect(shapes.first?.last == 7)
  }

  @Test func trainingStopsWhenHeldOutImagesNoLongerGain() throws {
    let shop = try Workshop()
    let images = try shop.images()
    // At a rate of 0 no epoch is better than the first, so two more are waited for.
    let stopped = try shop.run(
      "train",
      [
        "epochs": .integer(9), "learning_rate": .number(0), "validation_fraction": .number(0.2),
        "patience": .integer(2), "batch_size": .integer(20),
      ], ["images": [images]])
    #expect(try FileReader(at: stopped.path).read("/history/loss", as: Double.self).count == 3)
    let train = try #require(allStages.declaration("train"))
    func problem(_ fraction: Double) throws -> ParameterProblem? {
      train.check(
        try ParameterValues(["patience": .integer(2), "validation_fraction": .number(fraction)], of: train))
    }
    #expect(try problem(0)?.parameter == "patience")
    #expect(try problem(0.1) == nil)
  }

  @Test func onlyUsedParametersAreInKeys() throws {
    for name in ["train", "retrain"] {
      let declaration = try #require(allStages.declaration(name))
      let unused = try #require(declaration.unused)
      func left(_ changes: [String: Value]) throws -> Set<String> {
        Set(unused(try ParameterValues(changes, of: declaration), []).map(\.description))
      }
      #expect(
        try left([:])
          == Set([
            "width", "widths", "dropout", "step_epochs", "step_factor", "validation_fraction", "patience",
          ]).union(name == "retrain" ? ["start", "objective", "proximity"] : []))
      #expect(try !left(["net": .string("resnet18")]).contains("width"))
      #expect(try left(["net": .string("mlp")]).isDisjoint(with: ["widths", "dropout"]))
      #expect(try left(["schedule": .string("step")]).isDisjoint(with: ["step_epochs", "step_factor"]))
      #expect(
        try left(["validation_fraction": .number(0.1)]).isDisjoint(with: ["validation_fraction", "patience"]))
    }
  }
}
