// Keeps computed features in files of up to 1,000 images, from which any later set of images is served.

import Crypto
import Foundation

/// A folder of features by image index, which any number of processes may share and anyone may delete.
///
/// A shard holds the features of some images: magic, count and width (i64), the indices (i64), the features (f32),
/// and the SHA-256 of all that; little-endian. It is written to a name of its own and renamed into place, so it is
/// whole or absent; a damaged one is computed anew. As a feature depends on its own image only, it does not
/// matter in which shard, or how often, it is found.
public struct FeatureShards: Sendable {
  /// Images of a shard: what an interruption may lose.
  public static let shardSize = 1000
  private static let magic: Int64 = 0x3153_5446_5456_4950
  private let folder: String
  private let width: Int

  /// The shards of one extractor over one set of images.
  ///
  /// - Parameters:
  ///   - parent: the folder that holds the folders of all extractors and sets.
  ///   - identity: all that the features depend on: weights, images, parameters, arithmetic.
  ///   - width: length of a feature vector.
  public init(in parent: String, identity: [String], width: Int) {
    var hash = SHA256()
    for part in identity {
      hash.update(data: Data("\(part.utf8.count):\(part)".utf8))
    }
    folder = parent + "/" + Self.hex(hash.finalize())
    self.width = width
  }

  /// SHA-256 of a file in hex.
  public static func digest(ofFile path: String) throws(VisionTransformerError) -> String {
    do {
      return hex(SHA256.hash(data: try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)))
    } catch {
      throw .unreadable(file: path, reason: error.localizedDescription)
    }
  }

  /// The features of the images, [indices.count, width]: from shards where they hold them, else computed.
  ///
  /// - Parameters:
  ///   - indices: ascending, each once.
  ///   - progress: gets the number of images done, before the first shard and after each.
  ///   - extract: computes the features of some of the images.
  public func features(
    _ indices: [Int], progress: (Int) -> Void,
    extract: ([Int]) throws(VisionTransformerError) -> [Float]
  ) throws(VisionTransformerError) -> [Float] {
    var features = [Float](repeating: 0, count: indices.count * width)
    var places: [Int: Int] = [:]
    for (place, index) in indices.enumerated() { places[index] = place }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names.sorted() where name.hasSuffix(".shard") {
      guard let shard = read(folder + "/" + name) else { continue }
      for (row, index) in shard.indices.enumerated() {
        guard let place = places.removeValue(forKey: index) else { continue }
        for column in 0..<width { features[place * width + column] = shard.features[row * width + column] }
      }
    }
    let missing = indices.filter { places[$0] != nil }
    var done = indices.count - missing.count
    progress(done)
    for start in stride(from: 0, to: missing.count, by: Self.shardSize) {
      let part = Array(missing[start..<min(start + Self.shardSize, missing.count)])
      let computed = try extract(part)
      try write(part, computed)
      for (row, index) in part.enumerated() {
        guard let place = places[index] else { continue }
        for column in 0..<width { features[place * width + column] = computed[row * width + column] }
      }
      done += part.count
      progress(done)
    }
    return features
  }

  private func read(_ path: String) -> (indices: [Int], features: [Float])? {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)), data.count >= 24 + 32,
      Data(SHA256.hash(data: data.dropLast(32))) == data.suffix(32)
    else { return nil }
    return data.withUnsafeBytes { raw -> (indices: [Int], features: [Float])? in
      func integer(_ place: Int) -> Int {
        Int(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: place * 8, as: Int64.self)))
      }
      let count = integer(1)
      guard integer(0) == Int(Self.magic), integer(2) == width, count >= 0, count <= Self.shardSize,
        raw.count == 24 + count * (8 + 4 * width) + 32
      else { return nil }
      let values = 24 + count * 8
      return (
        (0..<count).map { integer(3 + $0) },
        (0..<count * width).map { place in
          let bits = raw.loadUnaligned(fromByteOffset: values + place * 4, as: UInt32.self)
          return Float(bitPattern: UInt32(littleEndian: bits))
        }
      )
    }
  }

  private func write(_ indices: [Int], _ features: [Float]) throws(VisionTransformerError) {
    var data = Data(capacity: 24 + indices.count * (8 + 4 * width) + 32)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }
    for value in [Self.magic, Int64(indices.count), Int64(width)] + indices.map({ Int64($0) }) {
      append(value)
    }
    for value in features { append(value.bitPattern) }
    let digest = SHA256.hash(data: data)
    data.append(contentsOf: digest)
    // Named by content: processes that compute the same shard write the same file.
    let name = "\(folder)/\(indices[0])-\(indices[indices.count - 1])-\(Self.hex(digest).prefix(16))"
    let temporary = "\(name).\(UUID().uuidString).tmp"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try data.write(to: URL(fileURLWithPath: temporary))
    } catch {
      throw .unwritable(file: temporary, reason: error.localizedDescription)
    }
    guard rename(temporary, name + ".shard") == 0 else {
      throw .unwritable(file: name + ".shard", reason: String(cString: strerror(errno)))
    }
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
