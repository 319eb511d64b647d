// features by a vision transformer as a stage: a user's weights, sets of images that share shards, bad input.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct VisionTransformerStageTests {
  static let golden =
    (#filePath as NSString).deletingLastPathComponent + "/../VisionTransformerTests/Golden"

  /// 30 images with three labels; the first is the one of the committed tokens.
  private func images(_ shop: Workshop) throws -> TaskInput {
    let pixels = (0..<30 * 784).map { UInt8(truncatingIfNeeded: $0 % 784 * (37 + $0 / 784) % 256) }
    return try shop.artifact("load-images") { file in
      for split in ["train", "test"] {
        try file.write("/\(split)/images", pixels, shape: [30, 28, 28])
        try file.write("/\(split)/labels", (0..<30).map { UInt8($0 % 3) })
      }
    }
  }

  private func group(_ shop: Workshop, _ indices: [Int64]) throws -> TaskInput {
    try shop.artifact("group") { file in
      try file.write("/indices", indices)
      try file.write("/parts", [UInt8](repeating: 0, count: indices.count))
      try file.setAttribute("pool_size", to: 30)
      try file.setAttribute("kind", to: "random")
    }
  }

  private func parameters(
    _ weights: String = golden + "/dinov2-f32.safetensors", pixels: Int = 56, _ more: [String: Value] = [:]
  ) -> [String: Value] {
    [
      "extractor": .string("vit"), "weights": .string(weights), "pixels": .integer(pixels),
    ].merging(more) { $1 }
  }

  private func rows(_ made: TaskInput) throws -> (features: [Float], indices: [Int64]) {
    let file = try FileReader(at: made.path)
    return (try file.read("/features"), try file.read("/indices"))
  }

  /// Names of the shards in the workshop's cache.
  private func shards(_ shop: Workshop) throws -> [String] {
    let paths = FileManager.default.subpaths(atPath: shop.folder + "/cache/sections/features") ?? []
    return paths.filter { $0.hasSuffix(".shard") }
  }

  @Test(arguments: [("dinov2-f32", 56), ("dinov2-bf16", 64), ("vit-f16", 64)])
  func aUsersWeightsGivePyTorchsTokens(name: String, pixels: Int) throws {
    let shop = try Workshop()
    let input = try images(shop)
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.golden)/\(name).tokens"))
    let tokens = data.withUnsafeBytes { raw in
      (0..<17 * 64).map { raw.load(fromByteOffset: 4 * $0, as: Float.self) }
    }
    for pooling in ["class", "mean"] {
      let made = try shop.run(
        "features",
        parameters("\(Self.golden)/\(name).safetensors", pixels: pixels, ["pooling": .string(pooling)]),
        ["images": [input]])
      let features = try rows(made).features
      #expect(features.count == 30 * 64)
      let expected = (0..<64).map { column -> Float in
        if pooling == "class" { return tokens[column] }
        var sum: Float = 0
        for token in 1...16 { sum += tokens[token * 64 + column] }
        return sum / 16
      }
      for column in 0..<64 { #expect(abs(features[column] - expected[column]) < 1e-4) }
    }
  }

  @Test func anySetReusesTheShardsOfAnother() throws {
    let shop = try Workshop()
    let input = try images(shop)
    let all = try rows(shop.run("features", parameters(), ["images": [input]]))
    let before = try shards(shop)
    let label = try rows(
      shop.run("features", parameters(pixels: 56, ["label": .integer(1)]), ["images": [input]]))
    let some = try rows(
      shop.run(
        "features", parameters(), ["images": [input], "group": [try group(shop, [3, 17, 29])]]))
    #expect(try shards(shop) == before)
    #expect(label.indices == (0..<10).map { Int64(3 * $0 + 1) } && some.indices == [3, 17, 29])
    for (row, image) in some.indices.enumerated() {
      let at = Int(image) * 64
      #expect(Array(some.features[row * 64..<(row + 1) * 64]) == Array(all.features[at..<at + 64]))
    }
    // The other way round: a subset first, and the rest is all that the whole computes.
    let other = parameters(pixels: 70)
    _ = try shop.run("features", other, ["images": [input], "group": [try group(shop, [3, 17, 29])]])
    let subset = Set(try shards(shop)).subtracting(before)
    #expect(subset.count == 1)
    _ = try shop.run("features", other, ["images": [input]])
    let added = Set(try shards(shop)).subtracting(before).subtracting(subset)
    #expect(added.count == 1 && added.allSatisfy { $0.contains("/0-28-") }, "all but the subset's images")
  }

  @Test func badInputIsOneClearError() throws {
    let shop = try Workshop()
    let input = try images(shop)
    func message(_ parameters: [String: Value]) -> String {
      failure { _ = try shop.run("features", parameters, ["images": [input]]) }
    }
    #expect(message(parameters(pixels: 60)) == "60 pixels are not a positive multiple of the patch's 14")
    #expect(
      message(["extractor": .string("vit"), "pixels": .integer(100)])
        == "100 pixels are not a multiple of 14, the default weights' patch")
    #expect(message(parameters("nowhere.safetensors")).contains("/nowhere.safetensors: No such file"))
    #expect(
      message(parameters(pixels: 56, ["label": .integer(7)]))
        == "no training image has label 7; the labels are 0, 1, 2")
    #expect(
      message(parameters(pixels: 56, ["count": .integer(31)]))
        == "count is 31, but only 30 training images are to choose from")
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.golden + "/dinov2-f32.safetensors"))
    let cut = shop.folder + "/cut.safetensors"
    for length in [whole.count - 1, whole.count / 2, 1000, 4, 0] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: cut))
      #expect(message(parameters(cut)).contains("cut.safetensors: not a whole weights file: "), "\(length)")
    }
    #expect(try shards(shop).isEmpty)
  }
}
