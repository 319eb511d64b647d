// What a stage may keep between runs: a named part of the cache, which all runs and processes share.

/// A part of the cache in which a stage keeps what is dear to compute and may be of use again.
///
/// A section holds entries: bytes under a name. An entry is written whole or not at all, and any number of
/// processes may read and write at once. It may go at any time, since collections take entries that have served
/// nobody for long. So the result of a stage must not depend on what it finds here, only the time that it takes.
///
/// The engine knows neither what an entry holds nor whether a result needs it. It checks an entry's bytes, counts
/// its size and ages it.
public protocol CacheSection: Sendable {
  /// The names of the entries that are there now, in ascending order.
  func names() -> [String]

  /// The bytes of an entry; nil where it is gone or was damaged.
  func read(_ name: String) -> [UInt8]?

  /// Says that an entry has served: its age is counted from now.
  func markUsed(_ name: String)

  /// Keeps bytes under a name, in place of what it named before.
  ///
  /// - Parameter name: letters, digits, `-`, `_` and `.` only, at most 100 of them, a letter or digit first; not
  ///   ending in `.lock` or `.tmp`.
  func write(_ bytes: [UInt8], as name: String) throws

  /// Does some work while no other process holds the lock of that name. The lock ends with the process at the latest,
  /// however that ends.
  ///
  /// - Parameters:
  ///   - name: by the rules of an entry's name; there need be no entry of that name.
  ///   - waits: whether to wait for a process that holds the lock.
  /// - Returns: False, and the work is not done, where another process holds the lock and this one does not wait.
  func withLock(_ name: String, waits: Bool, _ work: () throws -> Void) throws -> Bool
}
