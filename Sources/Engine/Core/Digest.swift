// 256-bit digests: the names of keys and of contents.

import Hashing

/// A SHA-256 digest, as a value that is cheap to compare and to keep in a dictionary.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  private var words: (UInt64, UInt64, UInt64, UInt64)

  /// The digest of some bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hash = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) })
      == nil
    {
      hash.update(data: Array(bytes))
    }
    self.init(hash.finalize())
  }

  package init(_ digest: SHA256.Digest) {
    words = digest.withUnsafeBytes { raw in
      (
        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
      )
    }
  }

  /// Reads 64 lower-case hexadecimal digits; anything else is nil.
  public init?(hex: some StringProtocol) {
    var text = String(hex)
    let parsed: (UInt64, UInt64, UInt64, UInt64)? = text.withUTF8 { digits in
      guard digits.count == 64 else { return nil }
      var isSound = true
      func word(_ index: Int) -> UInt64 {
        var word: UInt64 = 0
        for digit in digits[(16 * index)..<(16 * index + 16)] {
          switch digit {
          case UInt8(ascii: "0")...UInt8(ascii: "9"): word = word << 4 | UInt64(digit - UInt8(ascii: "0"))
          case UInt8(ascii: "a")...UInt8(ascii: "f"):
            word = word << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
          default: isSound = false
          }
        }
        return word
      }
      let words = (word(0), word(1), word(2), word(3))
      return isSound ? words : nil
    }
    guard let parsed else { return nil }
    words = parsed
  }

  /// The digest as 64 lower-case hexadecimal digits.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { buffer in
      let digits: StaticString = "0123456789abcdef"
      var position = 0
      for word in [words.0, words.1, words.2, words.3] {
        for shift in stride(from: 60, through: 0, by: -4) {
          buffer[position] = digits.utf8Start[Int(word >> UInt64(shift) & 15)]
          position += 1
        }
      }
      return 64
    }
  }

  /// Appends the 32 bytes.
  package func append(to bytes: inout [UInt8]) {
    for word in [words.0, words.1, words.2, words.3] {
      withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) }
    }
  }

  /// Reads 32 bytes; nil if there are fewer.
  package init?(bytes: ArraySlice<UInt8>) {
    guard bytes.count >= 32 else { return nil }
    words = bytes.withUnsafeBytes { raw in
      func word(_ index: Int) -> UInt64 {
        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
      }
      return (word(0), word(1), word(2), word(3))
    }
  }

  /// The first 64 bits: the key of a random stream.
  public var prefix64: UInt64 { words.0 }

  /// The digest in hexadecimal.
  public var description: String { hex }

  /// Whether two digests are the same.
  public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }

  /// Lexicographic order of the bytes.
  public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }

  /// Feeds the first word, which is already uniform.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension Digest: Codable {
  /// Reads the hexadecimal form.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let digest = Digest(hex: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected 64 hexadecimal digits"))
    }
    self = digest
  }

  /// Writes the hexadecimal form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }
}

/// The digest of bytes that come piece by piece.
public struct StreamingDigest: Sendable {
  private var hash = SHA256()
  /// The digest of nothing yet.
  public init() {}
  /// Takes the next bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }
  /// The digest of all bytes.
  public func finish() -> Digest { Digest(hash.finalize()) }
}
