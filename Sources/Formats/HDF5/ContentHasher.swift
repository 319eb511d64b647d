// The hash of what a file says, whatever the bytes it is stored in.

import Hashing

/// Gathers the digests of a file's datasets and attributes, in any order, into one content hash.
///
/// The hash covers every dataset's path, type, shape and little-endian values, and every attribute's object,
/// name, kind and value. Each of these has a digest that tells it apart from all others; sorting the digests
/// takes the order of writing out. Layout and chunks don't enter.
struct ContentHasher: Sendable {
  private struct Entry: Sendable {
    let object: String
    /// Nil for a dataset.
    let attribute: String?
    let digest: [UInt8]
  }

  private var entries: [Entry] = []

  mutating func addDataset(_ path: String, type: ElementType, shape: [Int], values: SHA256.Digest) {
    var hash = SHA256()
    hash.update(framed: "dataset")
    hash.update(framed: path)
    hash.update(framed: type.description)
    hash.update(integer: shape.count)
    for length in shape { hash.update(integer: length) }
    values.withUnsafeBytes { hash.update(bufferPointer: $0) }
    entries.append(Entry(object: path, attribute: nil, digest: Array(hash.finalize())))
  }

  mutating func addAttribute(_ name: String, of object: String, _ value: AttributeValue) {
    var hash = SHA256()
    hash.update(framed: "attribute")
    hash.update(framed: object)
    hash.update(framed: name)
    hash.update(framed: value.kind)
    switch value {
    case .string(let text): hash.update(framed: text)
    case .integer(let number): hash.update(integer: Int(number))
    case .real(let number): hash.update(word: number.bitPattern)
    case .strings(let texts):
      hash.update(integer: texts.count)
      for text in texts { hash.update(framed: text) }
    case .integers(let numbers):
      hash.update(integer: numbers.count)
      for number in numbers { hash.update(integer: Int(number)) }
    case .reals(let numbers):
      hash.update(integer: numbers.count)
      for number in numbers { hash.update(word: number.bitPattern) }
    }
    entries.append(Entry(object: object, attribute: name, digest: Array(hash.finalize())))
  }

  /// The hash in hex, without the root attributes named in `excluded`.
  func hash(excluding excluded: Set<String>) -> String {
    var hash = SHA256()
    hash.update(framed: "hdf5-content-1")
    let kept = entries.filter { entry in
      !(entry.object == "/" && entry.attribute.map(excluded.contains) ?? false)
    }
    for digest in kept.map(\.digest).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      hash.update(data: digest)
    }
    return hash.finalize().hex
  }
}

extension SHA256 {
  fileprivate mutating func update(word: UInt64) {
    withUnsafeBytes(of: word.littleEndian) { update(bufferPointer: $0) }
  }

  fileprivate mutating func update(integer: Int) {
    update(word: UInt64(bitPattern: Int64(integer)))
  }

  /// Text preceded by its length, so that neighbours can't run into each other.
  fileprivate mutating func update(framed text: String) {
    update(integer: text.utf8.count)
    update(data: Array(text.utf8))
  }
}
