// The digests of users' large files, kept in the cache, so that a run without work costs a look at each instead of its bytes.

import FileTree
import Glibc
import Hashing
import PipelineCore

/// The digests that a cache remembers.
struct DigestStore: DigestMemory {
  private let cache: CacheStore
  private let mayWrite: Bool

  init(in cache: CacheStore, mayWrite: Bool) {
    self.cache = cache
    self.mayWrite = mayWrite
  }

  private func path(_ stamp: FileStamp) -> String {
    // By its place: a file that has changed replaces what was known of it.
    let fields = stamp.place.map { ManifestField(name: "place", value: String($0)) }
    return cache.layout.path(.digests, Digest(of: fields, as: .question))
  }

  func digest(of stamp: FileStamp) -> SHA256.Digest? {
    guard let bytes = try? POSIX.read(path(stamp)), let record = RecordFile(bytes, kind: .digest),
      record["state"] == Self.text(stamp)
    else { return nil }
    return record["digest"].flatMap { SHA256.Digest(hex: $0) }
  }

  func keep(_ digest: SHA256.Digest, of stamp: FileStamp) {
    // The first run of a project comes here before there is a cache.
    guard mayWrite, cache.layout.isMarked || (try? cache.prepare()) != nil else { return }
    var record = RecordFile()
    record.add("state", Self.text(stamp))
    record.add("digest", digest.hex)
    // A shortcut only: where it can't be written, the file is read again.
    try? POSIX.writeAtomically(
      record.bytes(kind: .digest), to: path(stamp), temporary: cache.layout.temporary("digest"), sync: false)
  }

  func keep(_ parts: [FolderPart], ofFolder digest: SHA256.Digest) {
    let path = cache.layout.path(ofFolder: Digest(digest))
    // What is there says the same; looked at, it stays.
    guard mayWrite, utimensat(AT_FDCWD, path, nil, 0) != 0 else { return }
    guard cache.layout.isMarked || (try? cache.prepare()) != nil else { return }
    var record = RecordFile()
    for part in parts { record.add(part.name, part.digest.hex) }
    try? POSIX.writeAtomically(
      record.bytes(kind: .digest), to: path, temporary: cache.layout.temporary("digest"), sync: false)
  }

  private static func text(_ stamp: FileStamp) -> String {
    stamp.state.map(String.init).joined(separator: " ")
  }
}

extension CacheStore {
  /// The digest of a user's file or folder, as it is in keys. Files of a MiB and more are read only if they have changed
  /// since they were read last.
  ///
  /// - Parameter remembering: Whether what is read now may be written down in the cache.
  public func digest(ofFile path: String, remembering: Bool) throws -> Digest {
    Digest(try FileTree.digest(of: path, remembering: DigestStore(in: self, mayWrite: remembering)))
  }
}

extension CacheLayout {
  /// Where the parts of a user's folder are kept.
  func path(ofFolder digest: Digest) -> String {
    path(.digests, Digest(of: [ManifestField(name: "folder", value: digest.hex)], as: .question))
  }
}

extension CacheStore {
  /// What a user's folder of some digest was made of, by name; nil where that is not known, as of a file.
  func parts(ofFolder digest: Digest) -> [String: Digest]? {
    guard let bytes = try? POSIX.read(layout.path(ofFolder: digest)),
      let record = RecordFile(bytes, kind: .digest)
    else { return nil }
    return Dictionary(record.fields.compactMap { field in Digest(hex: field.value).map { (field.name, $0) } })
    {
      first, _ in first
    }
  }
}
