// Keeps computed features in files of up to 1,000 images, from which any later set of images is served.

import Foundation
import Hashing

/// A folder of features by image index, which any number of processes may share and anyone may delete.
///
/// A shard holds the features of some images: magic, count and width (i64), the indices (i64), the features (f32),
/// and the SHA-256 of all that; little-endian. It is written to a name of its own and renamed into place, so it is
/// whole or absent; a damaged one is computed anew. As a feature depends on its own image only, it does not
/// matter in which shard, or how often, it is found. A shard's time of change is when it last served.
///
/// Processes that compute the same images at once divide the shards among them: who computes one holds a lock on
/// a file beside it, which the system takes back when the process ends, however it ends.
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
    folder = parent + "/" + hash.finalize().hex
    self.width = width
  }

  /// SHA-256 of a file in hex.
  public static func digest(ofFile path: String) throws(VisionTransformerError) -> String {
    do {
      return SHA256.hash(data: try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)).hex
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
    var wanted = Wanted(indices, width: width)
    readNew(into: &wanted)
    progress(wanted.done)
    let missing = indices.filter(wanted.isMissing)
    var parts = stride(from: 0, to: missing.count, by: Self.shardSize).map { start in
      missing[start..<min(start + Self.shardSize, missing.count)]
    }
    // First the shards that nobody else is at work on, then what others may meanwhile have made.
    for waits in [false, true] {
      var busy: [ArraySlice<Int>] = []
      for part in parts {
        guard let lock = try ShardLock(name(part.first ?? 0, part.last ?? 0) + ".lock", waits: waits) else {
          busy.append(part)
          continue
        }
        defer { lock.release() }
        readNew(into: &wanted)
        let rest = part.filter(wanted.isMissing)
        if rest.isEmpty { continue }
        let computed = try extract(rest)
        wanted.seen.insert(try write(rest, computed))
        wanted.take(rest, computed)
        progress(wanted.done)
      }
      parts = busy
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
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names.sorted() where name.hasSuffix(".shard") && !wanted.seen.contains(name) {
      wanted.seen.insert(name)
      let path = folder + "/" + name
      guard let shard = read(path), wanted.take(shard.indices, shard.features) else { continue }
      // Best effort: on a read-only cache, a shard only looks older than it is.
      _ = utimes(path, nil)
    }
  }

  private func name(_ first: Int, _ last: Int) -> String { "\(folder)/\(first)-\(last)" }

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

  /// Writes a shard and returns its name.
  private func write(_ indices: [Int], _ features: [Float]) throws(VisionTransformerError) -> String {
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
    let target = name(indices[0], indices[indices.count - 1]) + "-\(digest.hex.prefix(16)).shard"
    let temporary = "\(target).\(UUID().uuidString).tmp"
    do {
      try data.write(to: URL(fileURLWithPath: temporary))
    } catch {
      throw .unwritable(file: temporary, reason: error.localizedDescription)
    }
    guard rename(temporary, target) == 0 else {
      throw .unwritable(file: target, reason: String(cString: strerror(errno)))
    }
    return (target as NSString).lastPathComponent
  }
}

/// The right to compute a shard. Ends with the process at the latest.
private struct ShardLock {
  private let path: String
  private let descriptor: Int32

  /// Nil if another has it and this one does not wait.
  init?(_ path: String, waits: Bool) throws(VisionTransformerError) {
    self.path = path
    do {
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(file: path, reason: error.localizedDescription)
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .unwritable(file: path, reason: String(cString: strerror(errno))) }
    while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      let (reason, isBusy) = (String(cString: strerror(errno)), errno == EWOULDBLOCK)
      close(descriptor)
      if isBusy { return nil }
      throw .unwritable(file: path, reason: reason)
    }
  }

  /// Whoever opened the file before it goes gets the lock of a file without a name, and finds the shard made.
  func release() {
    unlink(path)
    close(descriptor)
  }
}
