// Standard output: what was printed has arrived, or the program says that it has not.

import ArgumentParser
@preconcurrency import Glibc

/// What becomes of what a command prints.
enum StandardOutput {
  /// From now on a write that nobody reads fails, instead of ending the program without a word, and the end of the
  /// program looks whether all was written. A handler, not "ignore", which programs that are started would inherit.
  static func watch() {
    signal(SIGPIPE) { _ in }
    atexit { StandardOutput.finish() }
  }

  /// Writes bytes at once.
  static func put(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, stdout) }
    fflush(stdout)
  }

  /// Brings what was printed on its way.
  ///
  /// A reader that has gone has read what it wanted (`| head`). Any other failure, such as a full disk, means that the
  /// answer is cut: that is an error, or a script would take half a table for a whole one.
  private static func finish() {
    var reason = fflush(stdout) == 0 ? 0 : errno
    guard reason != 0 || ferror(stdout) != 0, reason != EPIPE, !readerIsGone else { return }
    // The reason of an earlier failure is lost. The answer is cut as it is, so one more byte may ask for it.
    if reason == 0, write(STDOUT_FILENO, "\n", 1) < 0 { reason = errno }
    let words = reason == 0 ? "an earlier write failed" : String(cString: strerror(reason))
    printError("error: can't write standard output: \(words)")
    _exit(Exit.failed.rawValue)
  }

  private static var readerIsGone: Bool {
    var descriptor = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    return poll(&descriptor, 1, 0) > 0 && descriptor.revents & Int16(POLLERR) != 0
  }
}
