// A file of lines that one process alone adds to, so that it may stay open.

import Glibc

/// A log of this process's own: one call a write, since nobody else ends its lines.
final class OwnLog {
  private let path: String
  private var descriptor: Int32 = -1
  /// Whether the last write has failed, and may have left the beginning of a line.
  private var isCut = false

  /// A log at a path, which is made by the first write.
  init(_ path: String) { self.path = path }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ text: String) throws(SystemError) {
    if descriptor < 0 {
      let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
      descriptor = open(path, flags, 0o666)
      if descriptor < 0, errno == ENOENT {
        try POSIX.makeDirectories(POSIX.parent(of: path))
        descriptor = open(path, flags, 0o666)
      }
      guard descriptor >= 0 else { throw SystemError("append to", path) }
    }
    let bytes = (isCut ? [0x0A] : []) + Array(text.utf8)
    isCut = true
    try POSIX.writeAll(descriptor, bytes, path: path)
    isCut = false
  }
}
