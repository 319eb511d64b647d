// Small runs on colour images of 32 × 32 pixels, of the stages whose artifacts then say more.

import Foundation
import PipelineCore

/// Runs from colour images that a command has made to a net without a group.
struct ColourRuns {
  /// The artifacts by stage type.
  private(set) var made: [String: [TaskInput]] = [:]
  private let shop: Workshop

  init(_ shop: Workshop) throws {
    self.shop = shop
    try shop.writeCIFAR(to: "colours")
    let command = try shop.command(
      ["cp", "-r", "colours/.", "made"], outputs: ["made/"], files: ["colours"])
    let images = try run(
      "load-images", ["output": .string("made"), "classes": .integer(12)], ["command": command])
    let net = try run("train", EachStage.training, ["images": images])
    try run("train", EachStage.training, ["images": images, "net": net])
    let group = try run("group", ["size": .integer(4), "label": .integer(3)], ["images": images])
    let retrained = try run("retrain", EachStage.training, ["images": images, "group": group])
    let inputs = ["images": images, "net": net, "group": group]
    let unlearned = try run("unlearn", EachStage.solver, inputs)
    let curve = try run(
      "forgetting", [:], inputs.merging(["unlearned": unlearned]) { $1 }, several: ["reference": [retrained]])
    let factor = try run("match", [:], several: ["rows": [curve]])
    try run("rescale", [:], ["net": net, "unlearned": unlearned, "factor": factor])
    try run("import-net", ["file": .string(net.path)], ["images": images])
    try run("evaluate", ["label": .integer(3)], inputs.merging(["net": unlearned]) { $1 })
    try run("features", ["extractor": "pixels", "count": .integer(10)], ["images": images])
  }

  @discardableResult
  private mutating func run(
    _ type: String, _ parameters: [String: Value] = [:], _ inputs: [String: TaskInput] = [:],
    several: [String: [TaskInput]] = [:]
  ) throws -> TaskInput {
    let artifact = try shop.run(
      type, parameters, inputs.mapValues { [$0] }.merging(several) { $1 }, gathers: Set(several.keys))
    made[type, default: []].append(artifact)
    return artifact
  }
}

extension Workshop {
  /// Images of ten classes as files of CIFAR-10: 60 to train on and 20 to test on, each class with a bright bar of its own
  /// row and colour.
  package func writeCIFAR(to name: String) throws {
    let place = folder + "/" + name
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for (file, count, seed) in [("data_batch_1.bin", 60, UInt64(1)), ("test_batch.bin", 20, 2)] {
      var noise = Noise(seed)
      var bytes: [UInt8] = []
      for image in 0..<count {
        let label = image % 10
        bytes.append(UInt8(label))
        var planes = (0..<3 * 1024).map { _ in UInt8(64 * noise.uniform()) }
        for column in 4..<28 { planes[label % 3 * 1024 + (4 + 2 * label) * 32 + column] = 230 }
        bytes += planes
      }
      try Data(bytes).write(to: URL(fileURLWithPath: place + "/" + file))
    }
  }
}
