// Packs a model's tensors into one block of memory, in the order and the form that the kernels read.

import CKernels
import Tensor

/// The parameters of a model being loaded.
struct Parameters: ~Copyable {
  private let buffer: Buffer<Float>
  private var used = 0

  init(capacity: Int) { buffer = Buffer(count: capacity) }

  /// The filled block.
  consuming func finish() -> Buffer<Float> {
    precondition(used == buffer.count, "the capacity is not the sum of the parts")
    return buffer
  }

  /// Adds a layer norm and returns its offset: weight [width], then bias [width].
  mutating func norm(
    _ tensors: inout TensorStore, _ name: String, _ width: Int
  ) throws(VisionTransformerError) -> Int {
    let offset = used
    append(try tensors.take(name + ".weight", [width]).values)
    append(try tensors.take(name + ".bias", [width]).values)
    return offset
  }

  /// Adds linear layers of the same input side by side, the outputs of each multiplied by its scale.
  mutating func dense(
    _ tensors: inout TensorStore, _ parts: [(name: String, scale: [Float]?)], inputs: Int, outputs: Int
  ) throws(VisionTransformerError) -> VisionTransformer.Dense {
    var loaded: [(weights: [Float], isTransposed: Bool, bias: [Float], scale: [Float]?)] = []
    for part in parts {
      let weights = try tensors.take(part.name + ".weight", [outputs, inputs])
      let bias = try tensors.take(part.name + ".bias", [outputs]).values
      loaded.append((weights.values, weights.isTransposed, bias, part.scale))
    }
    return dense(loaded, inputs: inputs, outputs: outputs)
  }

  /// Adds linear layers whose weights are [outputs, inputs], or transposed [inputs, outputs].
  mutating func dense(
    _ parts: [(weights: [Float], isTransposed: Bool, bias: [Float], scale: [Float]?)], inputs: Int,
    outputs: Int
  ) -> VisionTransformer.Dense {
    let start = used
    for part in parts {
      let (byOutput, byInput) = part.isTransposed ? (1, outputs) : (inputs, 1)
      for panel in stride(from: 0, to: outputs, by: Int(VIT_PANEL)) {
        for input in 0..<inputs {
          for output in panel..<panel + Int(VIT_PANEL) {
            buffer.pointer[used] =
              part.weights[output * byOutput + input * byInput] * (part.scale?[output] ?? 1)
            used += 1
          }
        }
      }
    }
    let bias = used
    for part in parts {
      append(part.scale.map { scale in zip(part.bias, scale).map { $0 * $1 } } ?? part.bias)
    }
    return VisionTransformer.Dense(
      weights: start, bias: bias, inputs: inputs, outputs: outputs * parts.count)
  }

  private mutating func append(_ values: [Float]) {
    for value in values {
      buffer.pointer[used] = value
      used += 1
    }
  }
}
