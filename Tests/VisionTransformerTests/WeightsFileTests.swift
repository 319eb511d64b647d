// Weights files of both formats: small whole ones against PyTorch, and damaged ones, which are named errors.

import Foundation
import Tensor
import Testing
import VisionTransformer

/// The tokens of a small model are those of PyTorch, which stand beside its weights.
func expectTokensOfPyTorch(_ model: VisionTransformer, _ name: String) throws {
  let extractor = try FeatureExtractor(model, pixels: 4 * model.shape.patch, pooling: .class)
  let image = (0..<784).map { UInt8($0 * 37 % 256) }
  let tokens = extractor.tokens(of: image, indices: [0], pool: ThreadPool(threads: 1))
  let data = try Data(contentsOf: URL(fileURLWithPath: "\(goldenFolder)/\(name).tokens"))
  #expect(data.count == 17 * 64 * 4)
  expectSame(tokens[...], floats(data, from: 0, count: 17 * 64)[...], "\(name)")
}

@Suite struct WeightsFileTests {
  private func toy(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(goldenFolder)/\(name).safetensors"))
  }

  /// The error of loading a file; nil if it loads.
  private func failure(_ data: Data) -> VisionTransformerError? {
    do throws(VisionTransformerError) {
      _ = try VisionTransformer(data, file: "toy")
      return nil
    } catch {
      return error
    }
  }

  /// The file with its header edited by text and its length kept right.
  private func edited(_ name: String, _ old: String, _ new: String) throws -> Data {
    let data = try toy(name)
    let length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    let header = String(decoding: data[8..<8 + length], as: UTF8.self)
    try #require(header.contains(old))
    let text = Data(header.replacingOccurrences(of: old, with: new).utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data[(8 + length)...]
  }

  @Test(arguments: [("dinov2-f32", 14, 3, true), ("vit-f16", 16, 2, false), ("dinov2-bf16", 16, 2, true)])
  func tokensAgreeWithPyTorch(name: String, patch: Int, grid: Int, scaled: Bool) throws {
    let model = try VisionTransformer(contentsOf: "\(goldenFolder)/\(name).safetensors")
    #expect(
      model.shape
        == VisionTransformer.Shape(
          width: 64, depth: 2, heads: 1, mlpWidth: 96, patch: patch, grid: grid, hasLayerScale: scaled))
    try expectTokensOfPyTorch(model, name)
  }

  @Test func everyCutIsAnError() throws {
    let data = try toy("dinov2-f32")
    for count in [0, 1, 7, 8, 9, 100, 2000, 10_000, data.count / 2, data.count - 1] {
      #expect(failure(data.prefix(count)) != nil, "cut at \(count)")
    }
  }

  @Test func bytesThatAreNoWeightsAreAnError() {
    for bytes in [Data(), Data("hello, world".utf8), Data(repeating: 0xFF, count: 5000), Data(count: 100)] {
      #expect(failure(bytes) != nil)
    }
  }

  @Test func aMissingTensorIsNamed() throws {
    let name = "encoder.layer.1.norm2.bias"
    let data = try edited("dinov2-f32", "\"\(name)\"", "\"other.\(name)\"")
    #expect(failure(data) == .missingTensor(file: "toy", name: name))
  }

  @Test func anExtraTensorOfTheBackboneIsNamed() throws {
    let data = try edited("dinov2-f32", "embeddings.mask_token", "embeddings.register_tokens")
    #expect(failure(data) == .extraTensor(file: "toy", name: "embeddings.register_tokens"))
  }

  @Test func aMisshapenTensorIsNamed() throws {
    let data = try edited(
      "dinov2-f32", "\"encoder.layer.0.mlp.fc2.weight\": {\"dtype\": \"F32\", \"shape\": [64, 96]",
      "\"encoder.layer.0.mlp.fc2.weight\": {\"dtype\": \"F32\", \"shape\": [96, 64]")
    #expect(
      failure(data)
        == .wrongShape(
          file: "toy", name: "encoder.layer.0.mlp.fc2.weight", found: [96, 64], expected: "[64, 96]"))
  }

  @Test func offsetsBeyondTheFileAreAnError() throws {
    let data = try edited(
      "dinov2-f32", "\"data_offsets\": [0, 256]", "\"data_offsets\": [0, 9223372036854775807]")
    guard case .malformed = failure(data) else {
      Issue.record("no error of the format")
      return
    }
  }

  @Test func aNaNIsNamed() throws {
    var data = try toy("dinov2-f32")
    let length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    data.replaceSubrange(8 + length..<12 + length, with: [0, 0, 0xC0, 0x7F])
    #expect(failure(data) == .notFinite(file: "toy", name: "embeddings.cls_token"))
  }

  @Test func aCutONNXFileIsAnError() throws {
    _ = try defaultWeights.get()
    let data = try Data(contentsOf: URL(fileURLWithPath: defaultWeightsPath()), options: .alwaysMapped)
    for count in [10, 5000, 200_000, data.count / 2, data.count - 1] {
      #expect(failure(data.prefix(count)) != nil, "cut at \(count)")
    }
  }

  @Test func pixelsAreAMultipleOfThePatch() throws {
    let model = try VisionTransformer(contentsOf: "\(goldenFolder)/dinov2-f32.safetensors")
    for pixels in [0, -14, 13, 113] {
      #expect(throws: VisionTransformerError.pixelsNotAMultiple(pixels: pixels, patch: 14)) {
        _ = try FeatureExtractor(model, pixels: pixels, pooling: .class)
      }
    }
  }

  @Test func aFileThatIsNotThereIsAnError() {
    #expect(throws: VisionTransformerError.self) { _ = try VisionTransformer(contentsOf: "/nowhere/at.all") }
  }
}
