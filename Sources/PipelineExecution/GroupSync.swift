// When results are brought to the disk: at once if they were dear to make, a group at a time if they were cheap.

import Foundation
import Glibc
import Synchronization

/// Brings cheap results to the disk in groups, beside the run.
///
/// A kill loses nothing that was published, synced or not: the kernel has it. A power cut may take what was not
/// synced, which then reads as absent, by its size, its record's digest or its content's, and is made again. So a
/// result is worth a sync of its own (3 ms and more, several a node) only where making it again takes longer.
final class GroupSync {
  /// Seconds of work from which on a result is synced by itself, before it is recorded.
  static let threshold = 1.0
  /// Seconds between two groups, at most.
  private static let interval = 1.0

  private let folder: String
  private var pending = 0
  private var lastSync = POSIX.monotonicSeconds
  private let work = Work()

  private final class Work: Sendable {
    let isGoingOn = Atomic(false)
  }

  init(folder: String) { self.folder = folder }

  /// Counts a result that was published without a sync.
  func add() { pending += 1 }

  /// Starts a group if one is due; to be called now and then.
  func tick() {
    guard pending > 0, POSIX.monotonicSeconds - lastSync > Self.interval,
      work.isGoingOn.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return }
    lastSync = POSIX.monotonicSeconds
    pending = 0
    Thread.detachNewThread { [folder, work] in
      Self.sync(folder)
      work.isGoingOn.store(false, ordering: .releasing)
    }
  }

  /// Brings everything that is left to the disk.
  func finish() {
    while work.isGoingOn.load(ordering: .acquiring) { usleep(1000) }
    if pending > 0 { Self.sync(folder) }
    pending = 0
  }

  /// One call for the whole file system costs less than one a file from a handful of files on.
  private static func sync(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // The Swift overlay does not show syncfs(2).
    typealias Function = @convention(c) (Int32) -> Int32
    if let symbol = dlsym(nil, "syncfs") {
      _ = unsafeBitCast(symbol, to: Function.self)(descriptor)
    } else {
      Glibc.sync()
    }
  }
}
