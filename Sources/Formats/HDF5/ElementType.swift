// The element types of datasets and the Swift types that they are read into.

import CHDF5

/// The type of a dataset's elements, always little-endian in the file.
public enum ElementType: Hashable, Sendable {
  /// A signed integer of 8, 16, 32 or 64 bits.
  case int8, int16, int32, int64
  /// An unsigned integer of 8, 16, 32 or 64 bits.
  case uint8, uint16, uint32, uint64
  /// An IEEE number of 32 or 64 bits.
  case float32, float64
  /// UTF-8 text of that many bytes, padded with NUL.
  case string(bytes: Int)

  static let numbers: [ElementType] = [
    .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64,
  ]

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    case .string(let bytes): bytes
    }
  }

  /// The library's type of a number; borrowed, never released.
  var libraryType: hid_t? {
    switch self {
    case .int8: chdf5_i8()
    case .int16: chdf5_i16()
    case .int32: chdf5_i32()
    case .int64: chdf5_i64()
    case .uint8: chdf5_u8()
    case .uint16: chdf5_u16()
    case .uint32: chdf5_u32()
    case .uint64: chdf5_u64()
    case .float32: chdf5_f32()
    case .float64: chdf5_f64()
    case .string: nil
    }
  }

  /// The element type that `type` is, or nil when this module doesn't read it.
  init?(library type: hid_t) {
    if let number = Self.numbers.first(where: { $0.libraryType.map { H5Tequal($0, type) > 0 } ?? false }) {
      self = number
    } else if H5Tget_class(type) == H5T_STRING, H5Tis_variable_str(type) == 0 {
      self = .string(bytes: H5Tget_size(type))
    } else {
      return nil
    }
  }
}

extension ElementType {
  /// What a type of the library is that is none of these, for a message.
  static func words(of type: hid_t) -> String {
    let numbers = "\(H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "")"
    let bits = 8 * H5Tget_size(type)
    return switch H5Tget_class(type) {
    case H5T_INTEGER: "\(numbers)integers of \(bits) bits"
    case H5T_FLOAT: "\(numbers)floats of \(bits) bits"
    case H5T_STRING: "texts of varying length"
    case H5T_COMPOUND: "compounds"
    case H5T_ENUM: "enumerations"
    default: "of another kind"
    }
  }
}

extension ElementType: CustomStringConvertible {
  /// As in the contract: `u8`, `i64`, `f32`, `string[12]`.
  public var description: String {
    switch self {
    case .int8: "i8"
    case .int16: "i16"
    case .int32: "i32"
    case .int64: "i64"
    case .uint8: "u8"
    case .uint16: "u16"
    case .uint32: "u32"
    case .uint64: "u64"
    case .float32: "f32"
    case .float64: "f64"
    case .string(let bytes): "string[\(bytes)]"
    }
  }
}

/// A number that a dataset holds.
public protocol Scalar: BitwiseCopyable, Sendable {
  /// Its type in a file.
  static var elementType: ElementType { get }
  /// Zero, which fills an array before it is read into.
  static var zero: Self { get }
}

extension Int8: Scalar {
  /// `i8`.
  public static var elementType: ElementType { .int8 }
}
extension Int16: Scalar {
  /// `i16`.
  public static var elementType: ElementType { .int16 }
}
extension Int32: Scalar {
  /// `i32`.
  public static var elementType: ElementType { .int32 }
}
extension Int64: Scalar {
  /// `i64`.
  public static var elementType: ElementType { .int64 }
}
extension Int: Scalar {
  /// `i64`.
  public static var elementType: ElementType { .int64 }
}
extension UInt8: Scalar {
  /// `u8`.
  public static var elementType: ElementType { .uint8 }
}
extension UInt16: Scalar {
  /// `u16`.
  public static var elementType: ElementType { .uint16 }
}
extension UInt32: Scalar {
  /// `u32`.
  public static var elementType: ElementType { .uint32 }
}
extension UInt64: Scalar {
  /// `u64`.
  public static var elementType: ElementType { .uint64 }
}
extension Float: Scalar {
  /// `f32`.
  public static var elementType: ElementType { .float32 }
}
extension Double: Scalar {
  /// `f64`.
  public static var elementType: ElementType { .float64 }
}
