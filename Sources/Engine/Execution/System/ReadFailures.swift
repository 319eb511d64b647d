// What could not be read, for those who must not take it for what is not there.

import Glibc
import PipelineCore

/// What could not be read while somebody wanted to know. One thread adds to it.
final class ReadFailures: @unchecked Sendable {
  private(set) var all: [SystemError] = []
  private var seen: Set<String> = []

  func add(_ error: SystemError) {
    if seen.insert(error.path).inserted { all.append(error) }
  }
}

extension POSIX {
  @TaskLocal private static var readFailures: ReadFailures?

  /// Looks at files, and tells which of them could not be looked at: whoever reads them may take these for absent.
  ///
  /// - Parameter body: Reads on this thread.
  static func noting<R>(_ body: () throws -> R) rethrows -> (result: R, failures: [SystemError]) {
    let failures = ReadFailures()
    let result = try $readFailures.withValue(failures) { try body() }
    return (result, failures.all)
  }

  /// Tells of a failure to read, unless it says that nothing is there.
  @discardableResult
  static func note(_ error: SystemError) -> SystemError {
    if error.code != ENOENT, error.code != ENOTDIR { readFailures?.add(error) }
    return error
  }
}

/// A cache of which a part can't be read, so that a command that would remove or move files does nothing.
public struct UnreadableCache: Error, Sendable, CustomStringConvertible {
  /// The cache folder.
  public var folder: String
  /// What can't be read, and why.
  public var failures: [SystemError]

  private static let shown = 5

  init?(_ cache: CacheStore, _ failures: [SystemError]) {
    if failures.isEmpty { return nil }
    (folder, self.failures) = (cache.root, failures)
  }

  /// What was found, what was expected, and what to do.
  public var description: String {
    let more = failures.count - Self.shown
    let names =
      failures.prefix(Self.shown).map { "\n    \($0.path): \(String(cString: strerror($0.code)))" }.joined()
      + (more > 0 ? "\n    and \(more) more" : "")
    let isDenied = failures.contains { $0.code == EACCES || $0.code == EPERM }
    let advice =
      isDenied
      ? "have the owners of these files make them readable (chmod -R g+rX \(folder)) and work with umask 002, or run "
        + "this as a user who can read them"
      : "look after the disk or the file server, and try again"
    return
      "parts of the cache \(folder) can't be read, so it is not known what is still needed; nothing was removed or "
      + "moved:\(names)\n  note: \(advice)"
  }
}
