// A section of the cache as it is on disk: entries that carry their own digest, and locks beside them.

import Glibc
import PipelineCore

/// One identity of a section: a folder of entries, which anyone may delete.
///
/// The file of an entry is its bytes, followed by their SHA-256: 32 bytes by which `verify` and every reader
/// tell whole ones from damaged ones. Its time of change is when it last served.
struct StoredSection: CacheSection {
  private let folder: String
  private let layout: CacheLayout
  private static let digestLength = 32

  init(_ name: String, of identity: [String], in cache: CacheStore) {
    precondition(
      CacheLayout.isEntryName(name) && !name.contains("."), "'\(name)' can't be the name of a section")
    layout = cache.layout
    // The lengths keep ["ab", "c"] and ["a", "bc"] apart.
    let text = identity.map { "\($0.utf8.count):\($0)" }.joined()
    folder = layout.section(name, Digest(of: text.utf8))
  }

  private func path(_ name: String, _ ending: String = "") -> String {
    precondition(Self.isName(name), "'\(name)' can't be the name of an entry")
    return "\(folder)/\(name)\(ending)"
  }

  private static func isName(_ name: String) -> Bool {
    CacheLayout.isEntryName(name) && name.utf8.count <= 100 && !CacheLayout.isLeftover(name)
  }

  func names() -> [String] { POSIX.list(folder).filter(Self.isName) }

  func read(_ name: String) -> [UInt8]? {
    guard let bytes = try? POSIX.read(path(name)), Self.isWhole(bytes) else { return nil }
    return Array(bytes.dropLast(Self.digestLength))
  }

  func markUsed(_ name: String) {
    // Best effort: in a read-only cache, an entry only looks older than it is.
    _ = utimes(path(name), nil)
  }

  func write(_ bytes: [UInt8], as name: String) throws {
    var sealed = bytes
    Digest(of: bytes).append(to: &sealed)
    try POSIX.makeDirectories(layout[.temporary])
    try POSIX.writeAtomically(sealed, to: path(name), temporary: layout.temporary("entry"), sync: false)
  }

  func withLock(_ name: String, waits: Bool, _ work: () throws -> Void) throws -> Bool {
    try POSIX.makeDirectories(folder)
    guard let lock = try FileLock(path(name, CacheLayout.lockEnding), waits: waits) else { return false }
    defer { lock.release() }
    try work()
    return true
  }

  /// Whether the last bytes of an entry's file are the digest of those before.
  static func isWhole(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= digestLength else { return false }
    return Digest(bytes: bytes.suffix(digestLength)) == Digest(of: bytes.dropLast(digestLength))
  }
}

/// A lock that the system takes back when the process ends, however it ends; on NFS it holds between hosts.
private struct FileLock {
  private let path: String
  private let descriptor: Int32

  /// Nil if another process has it and this one does not wait.
  init?(_ path: String, waits: Bool) throws(SystemError) {
    self.path = path
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw SystemError("open the lock", path) }
      while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
        if errno == EINTR { continue }
        let error = SystemError("take the lock", path)
        close(descriptor)
        if error.code == EWOULDBLOCK { return nil }
        throw error
      }
      // Who held it before may have removed the name that it was opened by: then it keeps nobody out.
      if Self.isSame(descriptor, path) {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  func release() {
    unlink(path)
    close(descriptor)
  }
}

extension CacheStore {
  /// Sections that earlier versions kept beside the other folders, under the same names, in the same form.
  static let formerSections = ["features"]

  /// Moves those where sections are now.
  func moveFormerSections() {
    for name in Self.formerSections where POSIX.facts("\(root)/\(name)")?.isDirectory == true {
      // Best effort: what can't be moved is computed anew.
      try? POSIX.move("\(root)/\(name)", to: "\(layout[.sections])/\(name)")
    }
  }
}
