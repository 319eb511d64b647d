// Waits until one of some files changes, or until the user has had enough.

import Glibc

/// Looks at files twice a second: that works on every file system, and misses no change between two looks.
public struct FileWatcher {
  private var seen: [String: [FileFacts]] = [:]

  /// Watches files as they are now; they need not exist.
  public init(files: [String]) { watch(files) }

  /// Watches these files from now on, and no others; those known already as they were first seen, so that a
  /// change during a run is met after it.
  public mutating func watch(_ files: [String]) {
    var next: [String: [FileFacts]] = [:]
    for file in files { next[file] = seen[file] ?? Self.facts(file) }
    seen = next
  }

  /// How many files are watched.
  public var count: Int { seen.count }

  /// Returns true once a file has changed, false once a signal has asked for the end.
  public mutating func waitForChange() -> Bool {
    let interrupts = Interrupts.install()
    while true {
      let now = Dictionary(uniqueKeysWithValues: seen.keys.map { ($0, Self.facts($0)) })
      if now != seen {
        seen = now
        return true
      }
      var descriptor = pollfd(fd: interrupts.descriptor, events: Int16(POLLIN), revents: 0)
      poll(&descriptor, 1, 500)
      switch interrupts.taken() {
      case nil: break
      case .suspend?: raise(SIGSTOP)
      case .finish?, .terminate?, .stop?: return false
      }
    }
  }

  /// What identifies a file's content, or that of all files of a folder; empty where there is none.
  private static func facts(_ path: String) -> [FileFacts] {
    guard let facts = POSIX.facts(path) else { return [] }
    return facts.isDirectory ? [facts] + POSIX.list(path).flatMap { Self.facts(path + "/" + $0) } : [facts]
  }
}
