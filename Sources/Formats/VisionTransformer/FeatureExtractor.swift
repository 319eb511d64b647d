// Features of 28 × 28 images: preprocessing, forward pass and pooling, over blocks of images in parallel.

import CKernels
import Glibc
import Tensor

/// How one vector is made of an image's tokens, all after the final layer norm.
public enum Pooling: String, Sendable, CaseIterable {
  /// The class token.
  case `class`
  /// The mean of the patch tokens.
  case mean
}

/// Runs a vision transformer on grey images of 28 × 28 pixels.
///
/// An image is scaled to `pixels` × `pixels` bilinearly with half-pixel centres, its values to 0…1, and put
/// into three equal channels that are normalised by ImageNet's means and deviations. A feature depends on its
/// own image only, to the last bit: not on the number of threads, nor on the images around it.
public final class FeatureExtractor: Sendable {
  /// Side of an image of the data sets.
  public static let imageSide = 28
  /// The transformer.
  public let model: VisionTransformer
  /// Side of the images that it sees.
  public let pixels: Int
  /// How tokens become one vector.
  public let pooling: Pooling
  /// Tokens of an image: one a patch, and the class token.
  public let tokens: Int
  /// Length of a feature vector.
  public var width: Int { model.shape.width }
  /// What besides weights and images the last bits depend on.
  public var arithmetic: String { String(cString: kernels.pointee.name) }

  /// A constant of the C module.
  nonisolated(unsafe) let kernels: UnsafePointer<VitKernels>
  let taps: [Tap]
  let positions: [Float]
  /// Images of a block: together about as many rows as keep the activations in the second-level cache.
  let blockSize: Int

  /// An extractor for images of `pixels` × `pixels`, with the kernels that `PIPELINE_KERNELS` names if this processor can
  /// run them, else with the fastest that it can run.
  public convenience init(
    _ model: VisionTransformer, pixels: Int, pooling: Pooling
  ) throws(VisionTransformerError) {
    let named = getenv("PIPELINE_KERNELS").flatMap { vitKernelsNamed($0) }
    try self.init(model, pixels: pixels, pooling: pooling, kernels: named ?? vitKernelsBest())
  }

  package init(
    _ model: VisionTransformer, pixels: Int, pooling: Pooling, kernels: UnsafePointer<VitKernels>
  ) throws(VisionTransformerError) {
    let patch = model.shape.patch
    guard pixels > 0, pixels % patch == 0 else { throw .pixelsNotAMultiple(pixels: pixels, patch: patch) }
    self.model = model
    self.pixels = pixels
    self.pooling = pooling
    let side = pixels / patch
    tokens = 1 + side * side
    self.kernels = kernels
    taps = bilinearTaps(from: Self.imageSide, to: pixels)
    positions = resizedPositions(
      model.positions, grid: model.shape.grid, side: side, width: model.shape.width)
    blockSize = max(1, (256 + tokens / 2) / tokens)
  }

  /// The features of some images, [indices.count, width].
  ///
  /// - Parameters:
  ///   - images: [n, 28, 28], 0 background to 255.
  ///   - indices: which of them.
  public func features(
    of images: [UInt8], indices: [Int], pool: ThreadPool
  ) throws(VisionTransformerError) -> [Float] {
    let result = forward(images, indices, pool, rowsAnImage: 1) { pass, count, output in
      pass.pool(count, output)
    }
    for (row, image) in indices.enumerated() {
      // x·0 is NaN just where x is not finite.
      guard result[row * width..<(row + 1) * width].reduce(0, { $0 + $1 * 0 }) == 0 else {
        throw .featuresNotFinite(image: image)
      }
    }
    return result
  }

  /// All tokens after the final layer norm, [indices.count, tokens, width], the class token first.
  public func tokens(of images: [UInt8], indices: [Int], pool: ThreadPool) -> [Float] {
    forward(images, indices, pool, rowsAnImage: tokens) { pass, count, output in
      pass.norm(offset: model.finalNorm, to: output, rows: count * tokens)
    }
  }

  private func forward(
    _ images: [UInt8], _ indices: [Int], _ pool: ThreadPool, rowsAnImage: Int,
    finish: (_ pass: borrowing ForwardPass, _ count: Int, _ output: UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    let size = Self.imageSide * Self.imageSide
    precondition(
      indices.allSatisfy { $0 >= 0 && ($0 + 1) * size <= images.count }, "an index is out of range")
    let stride = rowsAnImage * width
    return [Float](unsafeUninitializedCapacity: indices.count * stride) { result, initialized in
      initialized = indices.count * stride
      guard let output = result.baseAddress else { return }
      let workspaces = (0..<pool.threads).map { _ in Workspace(self) }
      images.withUnsafeBufferPointer { images in
        let blocks = (indices.count + blockSize - 1) / blockSize
        pool.run(blocks) { block, worker in
          let first = block * blockSize
          let count = min(blockSize, indices.count - first)
          let pass = ForwardPass(self, workspaces[worker])
          for image in 0..<count {
            let start = indices[first + image] * size
            pass.embed(UnsafeBufferPointer(rebasing: images[start..<start + size]), at: image)
          }
          pass.encode(count)
          finish(pass, count, output + first * stride)
        }
      }
    }
  }
}
