// Whether a folder is a cache: only in one that carries the mark is anything ever cleaned.

import Glibc
import PipelineCore

/// A folder that is no cache and can't become one.
public struct NotACache: Error, Sendable, CustomStringConvertible {
  /// The folder.
  public var folder: String
  /// Something in it that no cache has, as a path below it.
  public var found: String

  /// What was found, what was expected, and what to do.
  public var description: String {
    "\(folder) is no cache: it holds '\(found)', which no cache has; choose an empty or new folder with --cache"
  }
}

extension CacheLayout {
  /// The file that says that a folder is a cache.
  var mark: String { root + "/" + Self.markName }
  private static let markName = ".pipeline-cache"
  private static let markText = """
    pipeline cache 1
    This folder belongs to the program 'pipeline', which removes files from it ('pipeline cache gc').

    """

  /// What an empty folder may hold and still be one.
  private static let otherHiddenNames: Set<String> = [".gitkeep", ".gitignore"]

  var isMarked: Bool {
    guard let bytes = (try? POSIX.read(mark)) ?? nil else { return false }
    return bytes.starts(with: "pipeline cache ".utf8)
  }

  func writeMark() throws(SystemError) {
    try POSIX.makeDirectories(self[.temporary])
    try POSIX.writeAtomically(
      Array(Self.markText.utf8), to: mark, temporary: temporary("mark"), sync: true)
  }

  /// Something in the folder that the cache can't have made; nil where there is none. Looks at all names, not into
  /// files. Downloads may have any name.
  func foreignName() -> String? {
    for name in POSIX.list(root) {
      if name == Self.markName || Self.otherHiddenNames.contains(name) { continue }
      let inner: String?
      if let folder = Folder(rawValue: name) {
        inner = foreignName(in: folder)
      } else if CacheStore.formerSections.contains(name) {
        inner = POSIX.list("\(root)/\(name)").first { Digest(hex: $0) == nil }
      } else {
        return name
      }
      if let inner { return inner.isEmpty ? name : name + "/" + inner }
    }
    return nil
  }

  /// A foreign name in a folder of the layout; an empty one if it is no folder at all.
  private func foreignName(in folder: Folder) -> String? {
    guard POSIX.facts(self[folder])?.isDirectory == true else { return "" }
    func first(_ isOwn: (String) -> Bool) -> String? { POSIX.list(self[folder]).first { !isOwn($0) } }
    switch folder {
    case .artifacts, .actions, .plans, .joins, .failures, .logs, .digests:
      let path = files(in: folder).first { key(of: $0, in: folder) == nil }
      return path.map { String($0.dropFirst(self[folder].count + 1)) }
    case .experiments: return first { $0.hasSuffix(Self.logEnding) || $0.hasSuffix(Self.completionEnding) }
    case .campaigns: return first(Self.isCampaignName)
    case .runs: return first { $0.hasSuffix(Self.runEnding) }
    case .leases: return first { Digest(hex: $0.prefix(64)) != nil }
    case .temporary: return first { Self.temporaryOwner($0) != nil }
    case .damaged: return first { Self.isAsideName($0) || $0.hasSuffix(".shard") }
    case .sections:
      return first { name in
        POSIX.list("\(self[folder])/\(name)").allSatisfy { Digest(hex: $0) != nil }
      }
    case .downloads: return nil
    }
  }
}

extension CacheStore {
  /// What there is at the path of a cache.
  public enum Presence: Sendable, Equatable {
    /// A folder, whether or not it is a cache.
    case folder
    /// Nothing.
    case missing
    /// Something that can't be a cache, and why.
    case other(String)
  }

  /// What there is at the path of the cache.
  public var presence: Presence {
    var info = stat()
    guard stat(root, &info) == 0 else {
      return errno == ENOENT ? .missing : .other(String(cString: strerror(errno)))
    }
    return info.st_mode & S_IFMT == S_IFDIR ? .folder : .other("it is no folder")
  }

  /// Makes sure that nothing is written into, or removed from, a folder that is no cache.
  ///
  /// A folder with the mark is one. A new or empty folder becomes one by its first run. A cache of an earlier version
  /// has no mark; it gets one if it holds nothing but names that the cache itself can have made.
  ///
  /// Does nothing to a folder that is not there or is empty; see `prepare`.
  public func claim() throws(NotACache) {
    if layout.isMarked { return }
    if let found = layout.foreignName() { throw NotACache(folder: root, found: found) }
    if CacheLayout.Folder.allCases.contains(where: { POSIX.facts(layout[$0]) != nil }) {
      // Best effort: one that can't be written can't be cleaned either.
      try? layout.writeMark()
    }
  }
}
