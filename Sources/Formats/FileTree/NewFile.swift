// A file being written from blocks: it must be new, and each failure is told.

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

  /// Closes the file: some network file systems say only now that the disk is full. It is not brought to the disk.
  public func finish() throws(FileTreeError) {
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw FileTreeError(path, code: errno) }
  }
}
