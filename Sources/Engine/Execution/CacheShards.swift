// Looks after the shards of features, a cache of the stages' own beside the artifacts.

import PipelineCore

extension Cache {
  /// Files of features, named `FIRST-LAST-DIGEST.shard`, each ending in the SHA-256 of what stands before.
  var shards: [String] { files(in: "features").filter { $0.hasSuffix(".shard") } }

  /// Whether a shard's last 32 bytes are the SHA-256 of the others.
  func isWholeShard(_ path: String) throws(SystemError) -> Bool {
    // One that was removed meanwhile is no damage.
    guard let bytes = try POSIX.read(path) else { return true }
    guard bytes.count >= 32, let stored = Digest(bytes: bytes.suffix(32)) else { return false }
    return Digest(of: bytes.dropLast(32)) == stored
  }

  /// What a collection takes of them: shards that have served nobody for so long (0: none, as results can't tell
  /// which they need), and what killed processes left, which lived for seconds.
  func shardGarbage(olderThan seconds: Double, now: Double) -> [Garbage] {
    files(in: "features").compactMap { path in
      guard let facts = POSIX.facts(path) else { return nil }
      let isShard = path.hasSuffix(".shard")
      if isShard && seconds == 0 || now - facts.modified < max(seconds, isShard ? 0 : 86400) { return nil }
      return Garbage(path: path, record: nil, size: facts.size)
    }
  }
}
