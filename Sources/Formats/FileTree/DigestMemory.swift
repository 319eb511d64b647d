// What is remembered of large files, so that their bytes need not be read again.

import Glibc
import Hashing

/// What the file system says of a file, and what changes whenever somebody writes to it.
public struct FileStamp: Sendable, Hashable {
  /// Where the file is: device and inode.
  public var place: [UInt64]
  /// Its size in bytes, and when content and attributes were changed last: seconds and nanoseconds each.
  public var state: [Int]

  init(_ info: stat) {
    place = [UInt64(info.st_dev), UInt64(info.st_ino)]
    state = [
      Int(info.st_size), info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec,
    ]
  }

  /// Whether a file that was last changed then may be changed once more without another stamp: the clock of a file system
  /// goes in steps, and a second change in the same step leaves no trace. Git calls such an entry racy.
  ///
  /// - Parameter clock: When the reading of the file began.
  func isRacy(at clock: timespec) -> Bool {
    max(state[1], state[3]) + Self.slack >= clock.tv_sec
  }

  /// Seconds: the longest step of a file system in use (FAT), and what the clocks of a server and its hosts may be apart.
  private static let slack = 2
}

/// Remembers the digests of files by their stamps.
public protocol DigestMemory: Sendable {
  /// The digest of a file that still has the stamp with which it was kept.
  func digest(of stamp: FileStamp) -> SHA256.Digest?
  /// Keeps the digest of a file.
  func keep(_ digest: SHA256.Digest, of stamp: FileStamp)
  /// Keeps what the digest of a folder is made of, so that a later change of it can be followed to a file.
  func keep(_ parts: [FolderPart], ofFolder digest: SHA256.Digest)
}

/// A file or a folder within a folder.
public struct FolderPart: Sendable, Hashable {
  /// Its name there.
  public var name: String
  /// As `FileTree.digest` gives it.
  public var digest: SHA256.Digest

  /// A part by its name.
  public init(_ name: String, _ digest: SHA256.Digest) {
    self.name = name
    self.digest = digest
  }
}
