// A vision transformer's weights in the form that the forward pass reads them in.

import CKernels
import FoundationEssentials
import Glibc
import Tensor
import Wording

/// The encoder of a vision transformer (Dosovitskiy et al., "An image is worth 16x16 words", 2021; with layer
/// scale, Oquab et al., "DINOv2", 2023), for grey and for colour images.
///
/// What does not depend on the image is folded into the weights at loading: the normalisation of the channels, and of
/// grey images their three equal channels, into the patch projections, 1/√64 into the queries, layer scale into the layer before it.
public final class VisionTransformer: Sendable {
  /// The sizes that the weights imply.
  public struct Shape: Equatable, Sendable {
    /// Length of a token.
    public var width: Int
    /// Number of layers.
    public var depth: Int
    /// Number of attention heads: width / 64.
    public var heads: Int
    /// Width of the hidden layer of the multilayer perceptron.
    public var mlpWidth: Int
    /// Side of a patch in pixels.
    public var patch: Int
    /// Side of the position grid in patches.
    public var grid: Int
    /// Whether each branch has a layer scale.
    public var hasLayerScale: Bool

    package init(
      width: Int, depth: Int, heads: Int, mlpWidth: Int, patch: Int, grid: Int, hasLayerScale: Bool
    ) {
      self.width = width
      self.depth = depth
      self.heads = heads
      self.mlpWidth = mlpWidth
      self.patch = patch
      self.grid = grid
      self.hasLayerScale = hasLayerScale
    }
  }

  /// A linear layer: its packed weights and its bias, as offsets into the parameters.
  struct Dense {
    var weights: Int
    var bias: Int
    var inputs: Int
    var outputs: Int
  }

  /// One layer of the encoder; norms are offsets of weight, then bias.
  struct Layer {
    var norm1: Int
    var queryKeyValue: Dense
    var output: Dense
    var norm2: Int
    var expand: Dense
    var contract: Dense
  }

  /// Means and deviations of ImageNet's channels, for values in 0…1.
  private static let channelMeans = [0.485, 0.456, 0.406]
  private static let channelDeviations = [0.229, 0.224, 0.225]
  static let headWidth = 64

  /// The sizes.
  public let shape: Shape
  let epsilon: Float
  let layers: [Layer]
  /// Of grey images, which stand in three equal channels: [patch²] inputs.
  let patchProjection: Dense
  /// Of colour images: [3, patch²] inputs.
  let colourProjection: Dense
  let finalNorm: Int
  /// Position embeddings [1 + grid², width], the class token itself added to the first.
  let positions: [Float]
  let parameters: Buffer<Float>

  /// Loads an ONNX or a safetensors file, told apart by their content.
  public convenience init(contentsOf path: String) throws(VisionTransformerError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw .unreadable(file: path, reason: Wording.reason(of: error))
    }
    try self.init(data, file: path)
  }

  package convenience init(_ data: Data, file: String) throws(VisionTransformerError) {
    if data.isEmpty { throw .malformed(file: file, reason: "it is empty") }
    let tensors =
      SafetensorsFile.recognises(data)
      ? try SafetensorsFile.tensors(data, file: file) : try OnnxFile.tensors(data, file: file)
    try self.init(TensorStore(tensors, file: file))
  }

  private init(_ tensors: consuming TensorStore) throws(VisionTransformerError) {
    var tensors = tensors
    let layout: Layout = tensors.has("encoder.layer.0.layernorm_before.weight") ? .vit : .dinov2
    let shape = try Self.shape(tensors, layout)
    let (d, m, p) = (shape.width, shape.mlpWidth, shape.patch)

    let perLayer = 4 * d * d + 2 * d * m + 9 * d + m
    var parameters = Parameters(capacity: shape.depth * perLayer + (4 * p * p + 4) * d)
    (patchProjection, colourProjection) = try Self.patchProjections(&tensors, &parameters, d, p)
    var positions = try tensors.take("embeddings.position_embeddings", [1, 1 + shape.grid * shape.grid, d])
      .values
    for (index, value) in try tensors.take("embeddings.cls_token", [1, 1, d]).values.enumerated() {
      positions[index] += value
    }
    self.positions = positions

    var layers: [Layer] = []
    for index in 0..<shape.depth {
      let names = layout.names(layer: index)
      let scale1 = try names.scale1.map { name throws(VisionTransformerError) in
        try tensors.take(name, [d]).values
      }
      let scale2 = try names.scale2.map { name throws(VisionTransformerError) in
        try tensors.take(name, [d]).values
      }
      let norm1 = try parameters.norm(&tensors, names.norm1, d)
      // 1/√64 is a power of two: the products are the same bits wherever it is applied.
      let query = [Float](repeating: 0.125, count: d)
      let attention = try parameters.dense(
        &tensors, [(names.query, query), (names.key, nil), (names.value, nil)], inputs: d, outputs: d)
      let output = try parameters.dense(&tensors, [(names.output, scale1)], inputs: d, outputs: d)
      let norm2 = try parameters.norm(&tensors, names.norm2, d)
      let expand = try parameters.dense(&tensors, [(names.expand, nil)], inputs: d, outputs: m)
      let contract = try parameters.dense(&tensors, [(names.contract, scale2)], inputs: m, outputs: d)
      layers.append(
        Layer(
          norm1: norm1, queryKeyValue: attention, output: output, norm2: norm2, expand: expand,
          contract: contract))
    }
    finalNorm = try parameters.norm(&tensors, "layernorm", d)
    try tensors.expectEmpty()
    self.layers = layers
    self.shape = shape
    epsilon = layout.epsilon
    self.parameters = parameters.finish()
  }

  /// Reads the sizes off the shapes of a few tensors; `take` then holds all tensors to them.
  private static func shape(
    _ tensors: borrowing TensorStore, _ layout: Layout
  ) throws(VisionTransformerError) -> Shape {
    let projection = "embeddings.patch_embeddings.projection.weight"
    let kernel = try tensors.shape(projection)
    guard kernel.count == 4, kernel[0] > 0, kernel[0] % headWidth == 0, kernel[1] == 3, kernel[2] > 0,
      kernel[2] == kernel[3]
    else { try tensors.refuse(projection, expected: "[a multiple of 64, 3, patch, patch]") }
    let width = kernel[0]

    let table = try tensors.shape("embeddings.position_embeddings")
    let count = table.count == 3 ? table[1] - 1 : 0
    let grid = Int(Double(max(count, 0)).squareRoot().rounded())
    guard count > 0, grid * grid == count, table[0] == 1, table[2] == width else {
      try tensors.refuse("embeddings.position_embeddings", expected: "[1, 1 + grid², \(width)]")
    }

    let names = layout.names(layer: 0)
    let expand = try tensors.shape(names.expand + ".weight")
    guard expand.count == 2, expand[0] > 0, expand[0] % Int(VIT_PANEL) == 0, expand[1] == width else {
      try tensors.refuse(names.expand + ".weight", expected: "[a multiple of \(VIT_PANEL), \(width)]")
    }
    return Shape(
      width: width, depth: tensors.depth, heads: width / headWidth, mlpWidth: expand[0], patch: kernel[2],
      grid: grid, hasLayerScale: layout == .dinov2)
  }

  /// Σ_c W_c·(x_c − μ_c)/σ_c: of colour images W_c/σ_c; for one x in all three channels W = Σ_c W_c/σ_c; and in the
  /// bias of both −Σ W_c·μ_c/σ_c.
  private static func patchProjections(
    _ tensors: inout TensorStore, _ parameters: inout Parameters, _ width: Int, _ patch: Int
  ) throws(VisionTransformerError) -> (grey: Dense, colour: Dense) {
    let name = "embeddings.patch_embeddings.projection"
    let area = patch * patch
    let kernel = try tensors.take(name + ".weight", [width, 3, patch, patch]).values
    var bias = try tensors.take(name + ".bias", [width]).values
    var weights = [Float](repeating: 0, count: width * area)
    var colour = [Float](repeating: 0, count: width * 3 * area)
    for output in 0..<width {
      var constant = Double(bias[output])
      for pixel in 0..<area {
        var sum = 0.0
        for channel in 0..<3 {
          let place = (output * 3 + channel) * area + pixel
          let weight = Double(kernel[place]) / channelDeviations[channel]
          colour[place] = Float(weight)
          sum += weight
          constant -= weight * channelMeans[channel]
        }
        weights[output * area + pixel] = Float(sum)
      }
      bias[output] = Float(constant)
    }
    return (
      parameters.dense([(weights, false, bias, nil)], inputs: area, outputs: width),
      parameters.dense([(colour, false, bias, nil)], inputs: 3 * area, outputs: width)
    )
  }
}
