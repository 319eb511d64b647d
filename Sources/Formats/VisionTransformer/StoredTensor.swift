// Tensors as weights files store them, and their conversion to float32.

import FoundationEssentials

/// One tensor of a weights file, its bytes still those of the file.
struct StoredTensor {
  /// How an element is stored, little-endian.
  enum Element: String, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float64 = "F64"
    case int64 = "I64"

    var size: Int {
      switch self {
      case .float16, .bfloat16: 2
      case .float32: 4
      case .float64, .int64: 8
      }
    }
  }

  /// Lengths of the dimensions, as the model has them: those of a transposed tensor are exchanged already.
  var shape: [Int]
  var element: Element
  /// The elements in C order; their number agrees with `shape`.
  var bytes: Data
  /// Whether a linear layer's weights are stored [inputs, outputs], where the model has [outputs, inputs].
  var isTransposed = false

  /// The elements in the order of storage.
  func values() -> [Float] {
    bytes.withUnsafeBytes { raw in
      [Float](unsafeUninitializedCapacity: raw.count / element.size) { result, count in
        count = raw.count / element.size
        for index in 0..<count {
          result.initializeElement(at: index, to: value(raw, index))
        }
      }
    }
  }

  @inline(__always)
  private func value(_ raw: UnsafeRawBufferPointer, _ index: Int) -> Float {
    switch element {
    case .float32:
      return Float(
        bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
    case .float16:
      return halfPrecision(
        UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
    case .bfloat16:
      let half = UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
      return Float(bitPattern: UInt32(half) << 16)
    case .float64:
      let bits = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      return Float(Double(bitPattern: bits))
    case .int64:
      return Float(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: Int64.self)))
    }
  }
}

/// IEEE binary16 to float32, exactly; Swift's own `Float16` is not there on every platform.
private func halfPrecision(_ bits: UInt16) -> Float {
  let sign: Float = bits & 0x8000 == 0 ? 1 : -1
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = Float(bits & 0x3FF)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
  }
}

/// The product of the lengths of a shape; nil if one is negative or the product overflows.
func elementCount(_ shape: [Int]) -> Int? {
  var count = 1
  for length in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: length)
    if overflow || length < 0 { return nil }
    count = product
  }
  return count
}
