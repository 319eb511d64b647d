// SHA-256 (FIPS 180-4), computed by the one part of OpenSSL's libcrypto that is linked in.

import CSHA256

/// A SHA-256 computation over bytes that come piece by piece.
public struct SHA256: Sendable {
  /// The bytes of a digest.
  public static let byteCount = 32

  /// The 32 bytes that a computation ends with.
  public struct Digest: Sendable, Hashable, Sequence {
    private let bytes: [UInt8]

    fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads 64 hexadecimal digits; nil for anything else.
    public init?(hex text: String) {
      let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 64, text.utf8.count == 64 else { return nil }
      bytes = stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Goes through the bytes, the most significant first.
    public func makeIterator() -> Array<UInt8>.Iterator { bytes.makeIterator() }

    /// Lends the 32 bytes.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
      try bytes.withUnsafeBytes(body)
    }

    /// The digest as 64 lower-case hexadecimal digits.
    public var hex: String {
      let digits = Array("0123456789abcdef".utf8)
      return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }

  private var state = SHA256_CTX()

  /// A computation over nothing yet.
  public init() { csha256_start(&state) }

  /// Takes the next bytes.
  public mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    csha256_update(&state, start, bytes.count)
  }

  /// Takes the next bytes.
  public mutating func update(data bytes: some Sequence<UInt8>) {
    let done: Void? = bytes.withContiguousStorageIfAvailable {
      update(bufferPointer: UnsafeRawBufferPointer($0))
    }
    if done == nil { Array(bytes).withUnsafeBytes { update(bufferPointer: $0) } }
  }

  /// The digest of all bytes so far; more may follow.
  public func finalize() -> Digest {
    var copy = state
    return Digest(
      [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
        if let start = buffer.baseAddress { csha256_finish(&copy, start) }
        count = Self.byteCount
      })
  }

  /// The digest of some bytes.
  public static func hash(data bytes: some Sequence<UInt8>) -> Digest {
    var hash = SHA256()
    hash.update(data: bytes)
    return hash.finalize()
  }
}
