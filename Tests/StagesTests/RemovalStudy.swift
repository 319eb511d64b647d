// A small net and groups to remove from it, for the tests of `influence`, `unlearn` and what is made of them.

import HDF5
import PipelineCore
import StageRuns

/// A small net, a group of 24 images with parts, and stages to run on them.
final class RemovalStudy {
  let shop: Workshop
  let images: TaskInput
  let net: TaskInput
  static let solver: [String: Value] = [
    "hessian_images": .integer(60), "damping": .number(0.1), "tolerance": .number(0.01),
  ]

  init(epochs: Int = 1) throws {
    shop = try Workshop()
    images = try shop.images()
    net = try shop.run(
      "train", ["epochs": .integer(epochs), "batch_size": .integer(20)], ["images": [images]])
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
