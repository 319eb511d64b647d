// Unpacks what DEFLATE has packed, to a length that is known beforehand.

import CZlib

/// Unpacking by zlib.
enum Inflate {
  /// How the packed bytes are wrapped.
  enum Wrapping: Int32 {
    /// As in PNG: a header before and a checksum behind.
    case zlib = 15
    /// As in ZIP: nothing.
    case none = -15
  }

  /// The `count` bytes that were packed; nil if they are damaged, or fewer or more than that.
  static func bytes(_ packed: some Sequence<UInt8>, _ wrapping: Wrapping, count: Int) -> [UInt8]? {
    var packed = Array(packed)
    // One byte more shows whether there is more than was promised.
    var result = [UInt8](repeating: 0, count: count + 1)
    let isWhole = packed.withUnsafeMutableBufferPointer { input in
      result.withUnsafeMutableBufferPointer { output in
        var stream = z_stream()
        stream.next_in = input.baseAddress
        stream.avail_in = uInt(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = uInt(output.count)
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK else { return false }
        defer { inflateEnd(&stream) }
        return inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 1
      }
    }
    guard isWhole else { return nil }
    result.removeLast()
    return result
  }

  /// The checksum that ZIP and PNG keep of bytes.
  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    Array(bytes).withUnsafeBufferPointer { UInt32(crc32(0, $0.baseAddress, uInt($0.count))) }
  }
}
