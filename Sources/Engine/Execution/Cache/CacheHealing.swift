// Damaged files are set aside, so that the next run that needs them makes them again and can say why.

import Glibc
import PipelineCore

extension CacheStore {
  /// Whether an artifact that the cache does not hold was damaged, rather than removed: it was set aside, or its file has
  /// other bytes.
  func isDamaged(_ artifact: Artifact) -> Bool {
    let file = file(of: artifact)
    return POSIX.facts(layout.aside(file)) != nil || POSIX.facts(file) != nil
  }

  /// Removes what was kept of the damaged file of an artifact that has been made again.
  func dropSetAside(_ artifact: Artifact) { unlink(layout.aside(file(of: artifact))) }

  /// The file of an artifact, for whoever is about to read it: compared with its record first.
  ///
  /// - Returns: Nil where it is missing or damaged. A damaged one is set aside where the cache can be written, so
  ///   that the node is not up to date any more.
  public func checkedFile(of artifact: Artifact) -> String? {
    if isWhole(artifact) { return file(of: artifact) }
    setAside(artifact.action, file(of: artifact))
    return nil
  }

  /// Sets aside what an audit found damaged, as far as a run can do without it or make it again: artifacts, records
  /// and entries of sections. Damaged lines of logs are struck out. Files that are none of the cache's stay where
  /// they are.
  ///
  /// - Returns: Whether each is out of the way now.
  public func setAside(_ damage: [CacheDamage]) -> [Bool] {
    damage.map { item in
      guard item.isReplaceable else { return false }
      if let line = item.line { return StruckLine.strike(line, of: item.path) }
      if let key = layout.key(of: item.path, in: .artifacts) { return setAside(key, item.path) }
      return move(item.path)
    }
  }

  /// Sets an artifact's file and its record aside, unless a process is making it again at this moment.
  @discardableResult
  private func setAside(_ key: Digest, _ path: String) -> Bool {
    // Under a lease, the file that was read may have been replaced by now.
    guard LeaseKeeper.owners(in: self)[key] == nil, POSIX.facts(path) != nil, move(path) else { return false }
    unlink(layout.path(.actions, key))
    return true
  }

  private func move(_ path: String) -> Bool {
    do throws(SystemError) {
      try POSIX.move(path, to: layout.aside(path))
      return true
    } catch { return false }
  }
}

/// A damaged line of a log, once an audit has reported it.
///
/// Its bytes are overwritten in place: other processes may be adding lines to the log, and would lose them if it were
/// written anew.
enum StruckLine {
  private static let mark = UInt8(ascii: "#")

  /// Whether a line has been struck out; no line that was written looks so.
  static func matches(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 == mark } }

  /// Strikes the bytes of a line out; false where the file can't be written.
  static func strike(_ line: Range<Int>, of path: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return pwrite(descriptor, [UInt8](repeating: mark, count: line.count), line.count, off_t(line.lowerBound))
      == line.count
  }
}
