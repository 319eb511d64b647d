// The tensors of a user's weights file, of whatever net they are.

import FoundationEssentials
import Wording

/// A tensor with its elements as float32 in C order.
package struct WeightTensor: Equatable, Sendable {
  /// Lengths of the dimensions, outermost first; empty for a single number.
  package var shape: [Int]
  package var values: [Float]

  package init(shape: [Int], values: [Float]) {
    self.shape = shape
    self.values = values
  }
}

/// What a file of weights is, told by its first bytes.
package enum WeightsFile {
  case safetensors, hdf5
  /// A pickle, or a ZIP archive of one, as `torch.save` writes: reading it may run any code.
  case pickle
  case unknown

  /// Looks at a file.
  package init(_ path: String) throws(VisionTransformerError) {
    let data = try Self.contents(of: path)
    let start = data.prefix(8)
    if start.elementsEqual([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .hdf5
    } else if start.starts(with: Array("PK".utf8)) || start.first == 0x80 {
      self = .pickle
    } else {
      self = SafetensorsFile.recognises(data) ? .safetensors : .unknown
    }
  }

  /// All tensors of a safetensors file by name.
  ///
  /// - Throws: `malformed` for a file that breaks the format, or has a tensor of a type that no net has.
  package static func safetensors(_ path: String) throws(VisionTransformerError) -> [String: WeightTensor] {
    let data = try contents(of: path)
    let stored = try SafetensorsFile.tensors(data, file: path, of: StoredTensor.Element.allCases) {
      (name, type) throws(VisionTransformerError) in
      throw .malformed(
        file: path,
        reason: "the tensor '\(name)' is of \(type); a net has F32 (or F64, F16, BF16), and I64 counts")
    }
    return stored.mapValues { WeightTensor(shape: $0.shape, values: $0.values()) }
  }

  private static func contents(of path: String) throws(VisionTransformerError) -> Data {
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw .unreadable(file: path, reason: reason(of: error))
    }
  }
}
