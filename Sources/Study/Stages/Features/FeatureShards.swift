// Keeps computed features in shards of up to 1,000 images, from which any later set of images is served.

import PipelineCore

/// Features by image index, kept in a section of the cache.
///
/// A shard is an entry that holds the features of some images: a mark, count and width (i64), the indices (i64) and
/// the features (f32), little-endian. As a feature depends on its own image only, it does not matter in which shard,
/// or how often, it is found.
///
/// Processes that compute the same images at once divide the shards among them: who computes one holds a lock.
package struct FeatureShards {
  /// Images of a shard: what an interruption may lose.
  package static let shardSize = 1000
  /// Images between two reports of progress: a shard takes minutes where processors are slow.
  package static let stepSize = 120
  private static let mark: Int64 = 0x3153_5446_5456_4950
  private static let ending = ".shard"
  private static let headerLength = 24
  private let section: any CacheSection
  private let width: Int

  /// The shards of one extractor over one set of images.
  ///
  /// - Parameters:
  ///   - section: of an identity of all that the features depend on: weights, images, parameters, arithmetic.
  ///   - width: length of a feature vector.
  package init(in section: any CacheSection, width: Int) {
    self.section = section
    self.width = width
  }

  /// The features of the images, [indices.count, width]: from shards where they hold them, else computed.
  ///
  /// - Parameters:
  ///   - indices: ascending, each once.
  ///   - progress: gets the number of images done, at first and after each step.
  ///   - extract: computes the features of some of the images, at most `stepSize`.
  package func features(
    _ indices: [Int], progress: (Int) -> Void, extract: ([Int]) throws -> [Float]
  ) throws -> [Float] {
    var wanted = Wanted(indices, width: width)
    readNew(into: &wanted)
    progress(wanted.done)
    let missing = indices.filter(wanted.isMissing)
    var parts = stride(from: 0, to: missing.count, by: Self.shardSize).map { start in
      missing[start..<min(start + Self.shardSize, missing.count)]
    }
    // First the shards that nobody else is at work on, then what others may meanwhile have made.
    for waits in [false, true] {
      parts = try parts.filter { part in
        let isMine = try section.withLock(Self.span(part), waits: waits) {
          readNew(into: &wanted)
          let rest = part.filter(wanted.isMissing)
          if rest.isEmpty { return }
          var computed: [Float] = []
          for start in stride(from: 0, to: rest.count, by: Self.stepSize) {
            computed += try extract(Array(rest[start..<min(start + Self.stepSize, rest.count)]))
            progress(wanted.done + computed.count / width)
          }
          wanted.seen.insert(try write(rest, computed))
          wanted.take(rest, computed)
        }
        return !isMine
      }
    }
    return wanted.features
  }

  /// What a caller wants, and has got of it.
  private struct Wanted {
    let width: Int
    var features: [Float]
    /// The rows of the images that are still missing.
    private var places: [Int: Int] = [:]
    /// Names of shards that have been looked at.
    var seen: Set<String> = []
    var done: Int { features.count / width - places.count }

    init(_ indices: [Int], width: Int) {
      self.width = width
      features = [Float](repeating: 0, count: indices.count * width)
      places.reserveCapacity(indices.count)
      for (place, index) in indices.enumerated() { places[index] = place }
    }

    func isMissing(_ index: Int) -> Bool { places[index] != nil }

    /// Takes what is missing out of some rows; true if anything was.
    @discardableResult
    mutating func take(_ indices: [Int], _ rows: [Float]) -> Bool {
      var served = false
      for (row, index) in indices.enumerated() {
        guard let place = places.removeValue(forKey: index) else { continue }
        for column in 0..<width { features[place * width + column] = rows[row * width + column] }
        served = true
      }
      return served
    }
  }

  /// Takes what shards hold that have come since the last look.
  private func readNew(into wanted: inout Wanted) {
    for name in section.names() where name.hasSuffix(Self.ending) && !wanted.seen.contains(name) {
      wanted.seen.insert(name)
      guard let shard = read(name), wanted.take(shard.indices, shard.features) else { continue }
      section.markUsed(name)
    }
  }

  private static func span(_ indices: some BidirectionalCollection<Int>) -> String {
    "\(indices.first ?? 0)-\(indices.last ?? 0)"
  }

  private func read(_ name: String) -> (indices: [Int], features: [Float])? {
    guard let bytes = section.read(name), bytes.count >= Self.headerLength else { return nil }
    return bytes.withUnsafeBytes { raw -> (indices: [Int], features: [Float])? in
      func integer(_ place: Int) -> Int {
        Int(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: place * 8, as: Int64.self)))
      }
      let count = integer(1)
      guard integer(0) == Int(Self.mark), integer(2) == width, count >= 0, count <= Self.shardSize,
        raw.count == Self.headerLength + count * (8 + 4 * width)
      else { return nil }
      let values = Self.headerLength + count * 8
      return (
        (0..<count).map { integer(3 + $0) },
        (0..<count * width).map { place in
          let bits = raw.loadUnaligned(fromByteOffset: values + place * 4, as: UInt32.self)
          return Float(bitPattern: UInt32(littleEndian: bits))
        }
      )
    }
  }

  /// Writes a shard and returns its name.
  private func write(_ indices: [Int], _ features: [Float]) throws -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headerLength + indices.count * (8 + 4 * width))
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for value in [Self.mark, Int64(indices.count), Int64(width)] + indices.map({ Int64($0) }) {
      append(value)
    }
    for value in features { append(value.bitPattern) }
    // Named by content: processes that compute the same shard write the same file.
    let name = "\(Self.span(indices))-\(Digest(of: bytes).hex.prefix(16))\(Self.ending)"
    try section.write(bytes, as: name)
    return name
  }
}
