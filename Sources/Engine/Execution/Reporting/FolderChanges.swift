// Which files within a user's folder have changed, where the digest of the whole folder did.

import FileTree
import PipelineCore

/// Follows changed folders to the files in them, as far as is known what the folders were made of.
public final class FolderChanges {
  /// A file that was changed, added (no old digest) or removed (no new one).
  public struct Change: Hashable, Sendable {
    /// Relative to where the folder's own path is.
    public var path: String
    /// The digest before.
    public var old: Digest?
    /// The digest now.
    public var new: Digest?
  }

  private let cache: CacheStore
  /// The folders that stand on disk, by the path of the outermost; read when they are asked for.
  private var standing: [String: [Digest: [String: Digest]]] = [:]

  /// Changes as the cache knows them. It reads only.
  public init(_ cache: CacheStore) { self.cache = cache }

  /// The files that differ between two digests of a file or folder, by path; the path itself where it is a file, or not
  /// known what it was made of.
  ///
  /// - Parameters:
  ///   - path: As the pipeline file writes it.
  ///   - place: Where it stands on disk now.
  public func changes(at path: String, _ old: Digest?, _ new: Digest?, place: String) -> [Change] {
    guard let old, let new, let before = parts(old, place), let after = parts(new, place) else {
      return [Change(path: path, old: old, new: new)]
    }
    var found: [Change] = []
    for name in Set(before.keys).union(after.keys).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    where before[name] != after[name] {
      let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      found += changes(at: inner, before[name], after[name], place: place)
    }
    return found
  }

  private func parts(_ digest: Digest, _ place: String) -> [String: Digest]? {
    if let known = cache.parts(ofFolder: digest) { return known }
    if standing[place] == nil {
      let folders = (try? FileTree.folders(in: place)) ?? [:]
      standing[place] = Dictionary(
        folders.map { digest, parts in
          (Digest(digest), Dictionary(parts.map { ($0.name, Digest($0.digest)) }) { first, _ in first })
        }
      ) { first, _ in first }
    }
    return standing[place]?[digest]
  }
}
