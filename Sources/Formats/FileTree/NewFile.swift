// A file being written from blocks: it must be new, and each failure is told.

import CGlibc
import Glibc

/// A new file, closed when it goes.
public final class NewFile {
  private let path: String
  private var descriptor: Int32

  /// Makes a file of a name that must be free.
  public init(_ path: String, isExecutable: Bool = false) throws(FileTreeError) {
    self.path = path
    descriptor = open(
      path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isExecutable ? 0o755 : 0o644)
    if descriptor < 0 { throw FileTreeError(path, code: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes the next bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileTreeError) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileTreeError(path, code: errno) }
      done += count
    }
  }

  /// Takes the bytes of another file by the file system itself, which lets both files share them, each with its own
  /// changes, where it can. False where it can't copy between the two, and nothing has been written.
  public func share(_ other: String) throws(FileTreeError) -> Bool {
    let source = open(other, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw FileTreeError(other, code: errno) }
    defer { close(source) }
    var done = 0
    while true {
      let count = copy_file_range(source, nil, descriptor, nil, 1 << 30, 0)
      if count < 0, errno == EINTR { continue }
      if count < 0, done == 0, [EXDEV, ENOSYS, EOPNOTSUPP, EINVAL, EPERM].contains(errno) { return false }
      guard count >= 0 else { throw FileTreeError(path, code: errno) }
      if count == 0 { return true }
      done += count
    }
  }

  /// Closes the file: some network file systems say only now that the disk is full. It is not brought to the disk.
  public func finish() throws(FileTreeError) {
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw FileTreeError(path, code: errno) }
  }
}
