// The tokens of the default weights against onnxruntime (224 px) and PyTorch (56 and 112 px).

import CKernels
import Datasets
import Foundation
import Tensor
import Testing
import VisionTransformer

/// Where the tests' data lie.
let goldenFolder = (#filePath as NSString).deletingLastPathComponent + "/Golden"

/// Little-endian floats of a file, from an offset in bytes.
func floats(_ data: Data, from offset: Int, count: Int) -> [Float] {
  data.withUnsafeBytes { raw in
    (0..<count).map { Float(bitPattern: raw.loadUnaligned(fromByteOffset: offset + 4 * $0, as: UInt32.self)) }
  }
}

/// The bars of the comparison with a peer: cosine and largest absolute difference.
@discardableResult
func expectSame(
  _ ours: ArraySlice<Float>, _ theirs: ArraySlice<Float>, _ what: Comment, bar: Double = 1e-3
) -> (cosine: Double, difference: Double) {
  var (dot, a, b, worst) = (0.0, 0.0, 0.0, 0.0)
  for (x, y) in zip(ours, theirs) {
    dot += Double(x) * Double(y)
    a += Double(x) * Double(x)
    b += Double(y) * Double(y)
    worst = max(worst, Double(abs(x - y)))
  }
  let cosine = dot / (a * b).squareRoot()
  #expect(ours.count == theirs.count && cosine >= 0.99999, what)
  #expect(worst <= bar, what)
  return (cosine, worst)
}

/// The file of the default weights, fetched into the checkout's own cache of downloads.
func defaultWeightsPath() throws -> String {
  let folder = (#filePath as NSString).deletingLastPathComponent + "/../../cache/downloads"
  return try VisionTransformerWeights.fetch(Fetcher(folder: folder))
}

/// The default weights, loaded once.
let defaultWeights = Result { () throws in try VisionTransformer(contentsOf: defaultWeightsPath()) }

@Suite struct GoldenTests {
  let images: [UInt8]
  let vectors: Data
  let pool = ThreadPool(threads: 2)

  init() throws {
    vectors = try Data(contentsOf: URL(fileURLWithPath: goldenFolder + "/vit-s14.bin"))
    images = Array(vectors.prefix(3 * 784))
  }

  @Test func shapeIsReadOffTheWeights() throws {
    #expect(
      try defaultWeights.get().shape
        == VisionTransformer.Shape(
          width: 384, depth: 12, heads: 6, mlpWidth: 1536, patch: 14, grid: 37, hasLayerScale: true))
  }

  @Test(arguments: [(0, 56), (1, 112), (2, 224)])
  func tokensAgreeWithThePeers(order: Int, pixels: Int) throws {
    let model = try defaultWeights.get()
    let side = pixels / 14
    let perSize = 3 * 3 * 384
    let expected = floats(vectors, from: 3 * 784 + order * perSize * 4, count: perSize)
    let byClass = try FeatureExtractor(model, pixels: pixels, pooling: .class)
      .features(of: images, indices: [0, 1, 2], pool: pool)
    let extractor = try FeatureExtractor(model, pixels: pixels, pooling: .mean)
    let byMean = try extractor.features(of: images, indices: [0, 1, 2], pool: pool)
    let tokens = extractor.tokens(of: images, indices: [0, 1, 2], pool: pool)
    for image in 0..<3 {
      let at = image * 384
      expectSame(byClass[at..<at + 384], expected[at..<at + 384], "class token of \(image)")
      expectSame(byMean[at..<at + 384], expected[1152 + at..<1152 + at + 384], "mean of \(image)")
      let token = (image * (side * side + 1) + 1 + side / 2) * 384
      expectSame(tokens[token..<token + 384], expected[2304 + at..<2304 + at + 384], "patch of \(image)")
      let first = image * (side * side + 1) * 384
      #expect(tokens[first..<first + 384] == byClass[at..<at + 384])
    }
  }

  /// Stored in units of 2^-11, which leaves that much less of the bar for us.
  @Test(arguments: [(0, 56), (1, 112), (2, 224)])
  func allTokensAgreeWithThePeers(order: Int, pixels: Int) throws {
    let stored = try Data(contentsOf: URL(fileURLWithPath: goldenFolder + "/vit-s14-tokens.bin"))
    let counts = [17, 65, 257]
    let start = 2 * 2 * 384 * counts[..<order].reduce(0, +)
    let extractor = try FeatureExtractor(try defaultWeights.get(), pixels: pixels, pooling: .class)
    let ours = extractor.tokens(of: images, indices: [0, 1], pool: pool)
    #expect(ours.count == 2 * counts[order] * 384)
    let theirs = stored.withUnsafeBytes { raw in
      ours.indices.map { place in
        let value = raw.loadUnaligned(fromByteOffset: start + 2 * place, as: Int16.self)
        return Float(Int16(littleEndian: value)) / 2048
      }
    }
    for token in 0..<2 * counts[order] {
      let at = token * 384
      expectSame(ours[at..<at + 384], theirs[at..<at + 384], "token \(token)", bar: 1e-3 - 0x1p-12)
    }
  }

  @Test(arguments: [Pooling.class, .mean])
  func featuresDependOnTheirOwnImageOnly(pooling: Pooling) throws {
    let extractor = try FeatureExtractor(try defaultWeights.get(), pixels: 56, pooling: pooling)
    let many = (0..<40).map { $0 % 3 }
    let together = try extractor.features(of: images, indices: many, pool: pool)
    let alone = try extractor.features(of: images, indices: [2], pool: ThreadPool(threads: 1))
    for place in many.indices where many[place] == 2 {
      #expect(Array(together[place * 384..<(place + 1) * 384]) == alone)
    }
  }

  @Test(arguments: [("avx2", 56), ("baseline", 56)])
  func otherProcessorsGetTheSame(variant: String, pixels: Int) throws {
    guard let kernels = vitKernelsNamed(variant) else { return }
    let model = try defaultWeights.get()
    let here = try FeatureExtractor(model, pixels: pixels, pooling: .class)
      .features(of: images, indices: [0], pool: pool)
    let there = try FeatureExtractor(model, pixels: pixels, pooling: .class, kernels: kernels)
      .features(of: images, indices: [0], pool: pool)
    expectSame(here[...], there[...], "variant \(variant)")
  }
}
