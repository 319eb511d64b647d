// Features of images of any size: preprocessing, forward pass and pooling, over blocks of images in parallel.

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

/// The shape of the images of a data set.
public struct ImageShape: Equatable, Sendable {
  /// 1 (grey) or 3 (red, green, blue).
  public var channels: Int
  /// Rows of pixels.
  public var height: Int
  /// Columns of pixels.
  public var width: Int

  /// A shape.
  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// That of MNIST.
  public static let mnist = ImageShape(channels: 1, height: 28, width: 28)
}

/// Runs a vision transformer on grey or colour images of one size.
///
/// An image is scaled to `pixels` × `pixels` bilinearly with half-pixel centres, its values to 0…1. Its three channels,
/// of a grey image three equal ones, are normalised by ImageNet's means and deviations. A feature depends on its
/// own image only, to the last bit: not on the number of threads, nor on the images around it.
public final class FeatureExtractor: Sendable {
  /// The transformer.
  public let model: VisionTransformer
  /// Side of the images that it sees.
  public let pixels: Int
  /// The shape of the images that it is given.
  public let image: ImageShape
  /// How tokens become one vector.
  public let pooling: Pooling
  /// Tokens of an image: one a patch, and the class token.
  public let tokens: Int
  /// Length of a feature vector.
  public var width: Int { model.shape.width }
  /// The patch projection for such images.
  var projection: VisionTransformer.Dense {
    image.channels == 3 ? model.colourProjection : model.patchProjection
  }
  /// What besides weights and images the last bits depend on.
  public var arithmetic: String { String(cString: kernels.pointee.name) }

  /// A constant of the C module.
  nonisolated(unsafe) let kernels: UnsafePointer<VitKernels>
  /// Where rows and columns of the image that the transformer sees are taken from.
  let rows: [Tap]
  let columns: [Tap]
  let positions: [Float]
  /// Images of a block: together about as many rows as keep the activations in the second-level cache.
  let blockSize: Int

  /// An extractor for images of `pixels` × `pixels`, with the kernels that `PIPELINE_KERNELS` names if this processor can
  /// run them, else with the fastest that it can run.
  public convenience init(
    _ model: VisionTransformer, pixels: Int, pooling: Pooling, image: ImageShape = .mnist
  ) throws(VisionTransformerError) {
    let named = getenv("PIPELINE_KERNELS").flatMap { vitKernelsNamed($0) }
    try self.init(model, pixels: pixels, pooling: pooling, image: image, kernels: named ?? vitKernelsBest())
  }

  package init(
    _ model: VisionTransformer, pixels: Int, pooling: Pooling, image: ImageShape = .mnist,
    kernels: UnsafePointer<VitKernels>
  ) throws(VisionTransformerError) {
    let patch = model.shape.patch
    guard pixels > 0, pixels % patch == 0 else { throw .pixelsNotAMultiple(pixels: pixels, patch: patch) }
    self.model = model
    self.pixels = pixels
    precondition(image.channels == 1 || image.channels == 3, "images are grey or in colour")
    self.image = image
    self.pooling = pooling
    let side = pixels / patch
    tokens = 1 + side * side
    self.kernels = kernels
    rows = bilinearTaps(from: image.height, to: pixels)
    columns = bilinearTaps(from: image.width, to: pixels)
    positions = resizedPositions(
      model.positions, grid: model.shape.grid, side: side, width: model.shape.width)
    blockSize = max(1, (256 + tokens / 2) / tokens)
  }

  /// The features of some images, [indices.count, width].
  ///
  /// - Parameters:
  ///   - images: [n, channels, height, width], 0 background to 255.
  ///   - indices: which of them.
  public func features(
    of images: [UInt8], indices: [Int], pool: ThreadPool
  ) throws(VisionTransformerError) -> [Float] {
    let result = forward(images, indices, pool, classOnly: pooling == .class, rowsAnImage: 1) {
      pass, count, output in
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
    forward(images, indices, pool, classOnly: false, rowsAnImage: tokens) { pass, count, output in
      pass.norm(offset: model.finalNorm, to: output, rows: count * tokens)
    }
  }

  private func forward(
    _ images: [UInt8], _ indices: [Int], _ pool: ThreadPool, classOnly: Bool, rowsAnImage: Int,
    finish: (_ pass: borrowing ForwardPass, _ count: Int, _ output: UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    let size = image.channels * image.height * image.width
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
          pass.encode(count, classOnly: classOnly)
          finish(pass, count, output + first * stride)
        }
      }
    }
  }
}
