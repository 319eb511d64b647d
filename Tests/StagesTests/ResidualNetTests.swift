// resnet18 through the stages: its running statistics are in the artifact and are carried along.

import Foundation
import HDF5
import NeuralNet
import PipelineCore
import StageRuns
import Testing

@Suite struct ResidualNetTests {
  private let images = 48

  private func loadImages(_ workshop: Workshop) throws -> TaskInput {
    try workshop.artifact("load-images") { file in
      for split in ["train", "test"] {
        let pixels = (0..<images * 784).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
        try file.write("/\(split)/images", pixels, shape: [images, 28, 28])
        try file.write("/\(split)/labels", (0..<images).map { UInt8($0 % 10) })
      }
    }
  }

  @Test func runningStatisticsTravel() throws {
    let workshop = try Workshop()
    let data = try loadImages(workshop)
    let parameters: [String: Value] = [
      "net": .string("resnet18"), "width": .integer(2), "epochs": .integer(2), "batch_size": .integer(16),
      "learning_rate": .number(0.01),
    ]
    let net = try workshop.run("train", parameters, ["images": [data]])
    let network = try Network.named("resnet18", width: 2)
    let file = try FileReader(at: net.path)
    #expect(try file.integer("width") == 2)
    for layout in network.parameterLayouts + network.bufferLayouts where !layout.shape.isEmpty {
      let values = try file.read("/parameters/\(layout.name)", as: Float.self, shape: layout.shape)
      #expect(values.count == layout.count)
    }
    let tracked: Float = try file.readScalar("/parameters/layer4.1.bn2.num_batches_tracked")
    #expect(tracked == 6)
    let mean = try file.read("/parameters/bn1.running_mean", as: Float.self, shape: [2])
    #expect(mean.contains { $0 != 0 })

    let group = try workshop.artifact("group") { file in
      try file.write("/indices", [Int64(1), 11, 21])
      try file.write("/parts", [UInt8(0), 0, 0])
      try file.setAttribute("pool_size", to: .integer(5))
      try file.setAttribute("kind", to: "random")
    }
    let metrics = try workshop.run("evaluate", [:], ["images": [data], "net": [net], "group": [group]])
    let loss: Double = try FileReader(at: metrics.path).readScalar("/metrics/train/loss")
    #expect(loss.isFinite && loss > 0)
    let unlearned = try workshop.run(
      "unlearn", ["damping": .number(1), "order": .list([.string("near")])],
      ["images": [data], "net": [net], "group": [group]])
    let after = try FileReader(at: unlearned.path)
    #expect(try after.read("/parameters/bn1.running_mean", as: Float.self, shape: [2]) == mean)
    let weight = try file.read("/parameters/fc.weight", as: Float.self, shape: [10, 16])
    #expect(try after.read("/parameters/fc.weight", as: Float.self, shape: [10, 16]) != weight)
    let retrained = try workshop.run("retrain", parameters, ["images": [data], "group": [group]])
    #expect(try FileReader(at: retrained.path).integer("width") == 2)
  }
}
