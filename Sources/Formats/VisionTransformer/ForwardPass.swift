// The forward pass of one block of images on one thread.

import CKernels
import Tensor

/// The memory of one thread: the activations of a block of images.
final class Workspace {
  /// Rows of the hidden layer of the multilayer perceptron at a time: eight tiles of the widest kernel.
  static let hiddenRows = 112

  /// Tokens [rows, width].
  let x: Buffer<Float>
  /// Normalised tokens, and the heads' outputs, [rows, width].
  let h: Buffer<Float>
  /// Queries, keys and values of each token, [rows, 3·width].
  let queryKeyValue: Buffer<Float>
  /// [hiddenRows, mlpWidth].
  let hidden: Buffer<Float>
  /// One head's attention, [tokens, tokens padded to whole panels].
  let scores: Buffer<Float>
  /// One head's keys or values, packed as weights.
  let packed: Buffer<Float>
  /// The bias of what has none.
  let zeros: Buffer<Float>
  /// Patches of an image, [patches, channels·patch²].
  let patches: Buffer<Float>

  init(_ extractor: FeatureExtractor) {
    let shape = extractor.model.shape
    let tokens = extractor.tokens
    let rows = extractor.blockSize * tokens
    x = Buffer(count: rows * shape.width)
    h = Buffer(count: rows * shape.width)
    queryKeyValue = Buffer(count: rows * 3 * shape.width)
    hidden = Buffer(count: min(rows, Self.hiddenRows) * shape.mlpWidth)
    scores = Buffer(count: tokens * Self.padded(tokens))
    packed = Buffer(count: Self.padded(tokens) * VisionTransformer.headWidth)
    zeros = Buffer(count: max(Self.padded(tokens), VisionTransformer.headWidth))
    for i in 0..<zeros.count { zeros.pointer[i] = 0 }
    patches = Buffer(count: (tokens - 1) * extractor.image.channels * shape.patch * shape.patch)
  }

  static func padded(_ tokens: Int) -> Int {
    (tokens + Int(VIT_PANEL) - 1) / Int(VIT_PANEL) * Int(VIT_PANEL)
  }
}

/// The steps of a forward pass over a workspace.
struct ForwardPass: ~Copyable {
  private let extractor: FeatureExtractor
  private let work: Workspace

  init(_ extractor: FeatureExtractor, _ work: Workspace) {
    self.extractor = extractor
    self.work = work
  }

  private var shape: VisionTransformer.Shape { extractor.model.shape }

  /// Writes the tokens of an image before the first layer: projected patches plus positions.
  func embed(_ image: UnsafeBufferPointer<UInt8>, at place: Int) {
    let width = shape.width
    let area = extractor.image.height * extractor.image.width
    for channel in 0..<extractor.image.channels {
      spread(UnsafeBufferPointer(rebasing: image[channel * area..<(channel + 1) * area]), channel)
    }
    let tokens = work.x.pointer + place * extractor.tokens * width
    extractor.positions.withUnsafeBufferPointer { positions in
      tokens.update(from: positions.baseAddress!, count: positions.count)
    }
    dense(
      extractor.projection, VIT_ADD, from: UnsafePointer(work.patches.pointer), to: tokens + width,
      rows: extractor.tokens - 1)
  }

  /// Writes one channel of an image, resized, into the patches.
  private func spread(_ plane: UnsafeBufferPointer<UInt8>, _ channel: Int) {
    let (side, patch, channels) = (extractor.pixels / shape.patch, shape.patch, extractor.image.channels)
    extractor.rows.withUnsafeBufferPointer { rows in
      extractor.columns.withUnsafeBufferPointer { columns in
        for y in 0..<extractor.pixels {
          let (top, bottom) = (rows[2 * y], rows[2 * y + 1])
          let above = top.index * extractor.image.width
          let below = bottom.index * extractor.image.width
          for x in 0..<extractor.pixels {
            let (left, right) = (columns[2 * x], columns[2 * x + 1])
            func row(_ start: Int) -> Float {
              left.weight * Float(plane[start + left.index]) + right.weight
                * Float(plane[start + right.index])
            }
            let value = top.weight * row(above) + bottom.weight * row(below)
            let cell = (y / patch * side + x / patch) * channels + channel
            work.patches.pointer[(cell * patch + y % patch) * patch + x % patch] = value / 255
          }
        }
      }
    }
  }

  /// Runs the layers on the first `count` images.
  ///
  /// With `classOnly` the last layer makes the class tokens alone: the other tokens give it their keys and values, and
  /// nothing asks for what they become. The class tokens have the bits that they have without.
  func encode(_ count: Int, classOnly: Bool) {
    let layers = extractor.model.layers
    for (index, layer) in layers.enumerated() {
      let isLast = index + 1 == layers.count
      let rows = count * extractor.tokens
      norm(offset: layer.norm1, to: work.h.pointer, rows: rows)
      dense(
        layer.queryKeyValue, VIT_STORE, from: work.h.pointer, to: work.queryKeyValue.pointer, rows: rows,
        next: layer.output)
      let every = classOnly && isLast ? extractor.tokens : 1
      for image in 0..<count { attend(image, queries: extractor.tokens / every) }
      mix(layer, rows: rows / every, every: every, next: isLast ? nil : layers[index + 1].queryKeyValue)
    }
  }

  /// The second half of a layer, from the heads' outputs on, for each token of place 0, `every`, 2·`every`, ….
  private func mix(
    _ layer: VisionTransformer.Layer, rows: Int, every: Int, next: VisionTransformer.Dense?
  ) {
    let width = shape.width
    dense(
      layer.output, VIT_ADD, from: work.h.pointer, to: work.x.pointer, rows: rows, every: (every, every),
      next: layer.expand)
    norm(offset: layer.norm2, to: work.h.pointer, rows: rows, every: every)
    for first in stride(from: 0, to: rows, by: Workspace.hiddenRows) {
      let part = min(Workspace.hiddenRows, rows - first)
      dense(
        layer.expand, VIT_GELU, from: work.h.pointer + first * width, to: work.hidden.pointer, rows: part,
        next: layer.contract)
      dense(
        layer.contract, VIT_ADD, from: work.hidden.pointer, to: work.x.pointer + first * every * width,
        rows: part, every: (1, every), next: first + part < rows ? layer.expand : next)
    }
  }

  /// softmax(q·kᵀ)·v of each head of an image, for its first tokens; 1/√64 is in the queries' weights.
  private func attend(_ image: Int, queries: Int) {
    let (tokens, width, head) = (extractor.tokens, shape.width, VisionTransformer.headWidth)
    let row = 3 * width
    let stride = Workspace.padded(tokens)
    let source = work.queryKeyValue.pointer + image * tokens * row
    let target = work.h.pointer + image * tokens * width
    let kernels = extractor.kernels.pointee
    for index in 0..<shape.heads {
      let query = source + index * head
      kernels.packRows(query + width, row, Int32(tokens), Int32(head), work.packed.pointer)
      var products = VitDense(
        x: query, w: work.packed.pointer, bias: work.zeros.pointer, after: nil, y: work.scores.pointer,
        xRow: row,
        yRow: stride, rows: Int32(queries), inputs: Int32(head), outputs: Int32(stride),
        epilogue: Int32(VIT_STORE))
      kernels.dense(&products)
      kernels.softmax(work.scores.pointer, Int32(queries), Int32(tokens), stride)
      kernels.packColumns(query + 2 * width, row, Int32(tokens), Int32(head), work.packed.pointer)
      var mixture = VitDense(
        x: work.scores.pointer, w: work.packed.pointer, bias: work.zeros.pointer, after: nil,
        y: target + index * head,
        xRow: stride, yRow: width, rows: Int32(queries), inputs: Int32(tokens), outputs: Int32(head),
        epilogue: Int32(VIT_STORE))
      kernels.dense(&mixture)
    }
  }

  /// The layer norm at `offset` of the tokens.
  func norm(offset: Int, to output: UnsafeMutablePointer<Float>, rows: Int, every: Int = 1) {
    let weight = extractor.model.parameters.pointer + offset
    var arguments = VitLayerNorm(
      x: work.x.pointer, weight: weight, bias: weight + shape.width, y: output, xRow: every * shape.width,
      yRow: shape.width, rows: Int32(rows), width: Int32(shape.width), epsilon: extractor.model.epsilon)
    extractor.kernels.pointee.layerNorm(&arguments)
  }

  /// Writes one vector an image.
  func pool(_ count: Int, _ output: UnsafeMutablePointer<Float>) {
    let (tokens, width) = (extractor.tokens, shape.width)
    switch extractor.pooling {
    case .class:
      norm(offset: extractor.model.finalNorm, to: output, rows: count, every: tokens)
    case .mean:
      norm(offset: extractor.model.finalNorm, to: work.h.pointer, rows: count * tokens)
      for image in 0..<count {
        let mean = output + image * width
        for j in 0..<width { mean[j] = 0 }
        for token in 1..<tokens {
          let row = work.h.pointer + (image * tokens + token) * width
          for j in 0..<width { mean[j] += row[j] }
        }
        for j in 0..<width { mean[j] /= Float(tokens - 1) }
      }
    }
  }

  /// A linear layer of rows of x that are `every.from` rows apart, to rows of y that are `every.to` apart.
  private func dense(
    _ layer: VisionTransformer.Dense, _ epilogue: some BinaryInteger, from x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>, rows: Int, every: (from: Int, to: Int) = (1, 1),
    next: VisionTransformer.Dense? = nil
  ) {
    let parameters = extractor.model.parameters.pointer
    var arguments = VitDense(
      x: x, w: parameters + layer.weights, bias: parameters + layer.bias,
      after: next.map { UnsafePointer(parameters + $0.weights) }, y: y, xRow: every.from * layer.inputs,
      yRow: every.to * layer.outputs, rows: Int32(rows), inputs: Int32(layer.inputs),
      outputs: Int32(layer.outputs),
      epilogue: Int32(epilogue))
    extractor.kernels.pointee.dense(&arguments)
  }
}
