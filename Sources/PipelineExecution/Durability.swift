// Which results are brought to the disk before they are recorded.

/// A kill loses nothing that was published, synced or not: the kernel has it, and writes it within half a
/// minute. A power cut may take what was not synced; that reads as absent, by its size, its record's digest
/// or its content's, and is made again. A sync waits for all that other nodes wrote meanwhile (a thousand
/// small results: 6 s), so it is worth its time only for what takes longer to make again.
enum Durability {
  /// Seconds of work from which on a result is synced.
  static let threshold = 10.0
}
