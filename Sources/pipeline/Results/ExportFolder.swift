// A folder that results are exported into: each file whole, an index of all, and nothing of the user's overwritten.

import FileTree
import FoundationEssentials
import Glibc
import Hashing
import Wording

/// A file of an export, as the index lists it.
struct ExportedFile: Codable, Equatable {
  /// Below the folder.
  var path: String
  var bytes: Int
  var sha256: String
  /// The pipeline and the node that it is of.
  var pipeline: String
  var node: String
  /// The stage type.
  var stage: String
  var axes: [String: String]
  /// The action key of the artifact.
  var key: String
  /// The digest of the artifact's content: what is made again under the same key may have another. Nil in an index of an
  /// earlier version.
  var content: String?
}

/// What is in the way of an export.
struct ExportError: Error, CustomStringConvertible {
  var description: String
}

/// A folder with exported files.
///
/// One process at a time writes to it. A file appears by rename, after its digest stands in a list; so whatever a kill
/// leaves is either whole and known as ours, or lies in the folder `.export`, which the next export clears.
final class ExportFolder {
  private struct Index: Codable {
    var files: [ExportedFile]
  }

  static let indexName = "index.json"
  let path: String
  private let descriptor: Int32
  private let former: [String: ExportedFile]
  /// The files that earlier exports have written, or were about to write: `sha256 path`.
  private var own: Set<String>
  private var files: [String: ExportedFile] = [:]
  private let overwrites: Bool
  /// How many files were written or removed.
  private(set) var changes = 0
  /// Files that are not ours, or not any more.
  private(set) var conflicts: [String] = []

  private var workshop: String { path + "/.export" }
  private var journal: String { "\(workshop)/journal" }

  /// Makes the folder if need be, waits until no other process exports into it, and reads its index.
  init(_ path: String, overwrites: Bool) throws {
    self.path = path
    self.overwrites = overwrites
    try Self.makeFolder(path)
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure("open", path) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw Self.failure("lock", path) }
    }
    let index = try Self.readIndex(path + "/" + Self.indexName)
    former = Dictionary(index.map { ($0.path, $0) }) { first, _ in first }
    own = Set(index.map { "\($0.sha256) \($0.path)" })
    if let text = try? String(contentsOfFile: path + "/.export/journal", encoding: .utf8) {
      own.formUnion(text.split(separator: "\n").map(String.init))
    }
  }

  deinit { close(descriptor) }

  private static func failure(_ operation: String, _ path: String) -> ExportError {
    ExportError(description: "can't \(operation) \(path): \(String(cString: strerror(errno)))")
  }

  private static func readIndex(_ path: String) throws -> [ExportedFile] {
    guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
    guard let index = try? JSONDecoder().decode(Index.self, from: bytes) else {
      throw ExportError(
        description: "\(path) is not the index of an export; choose another folder, or move that file away")
    }
    return index.files
  }

  // MARK: Files

  /// Puts a file in its place, unless it stands there already.
  ///
  /// - Parameters:
  ///   - file: What it is of; its size and digest are found.
  ///   - write: Writes it to a name that is free.
  func put(_ file: ExportedFile, write: (String) throws -> Void) throws {
    let target = path + "/" + file.path
    let found = try digest(of: target)
    if let known = former[file.path], known.key == file.key, known.content == file.content,
      known.sha256 == found
    {
      files[file.path] = known
      return
    }
    if let known = former[file.path], known.pipeline != file.pipeline, !overwrites {
      conflicts.append("\(target) is of pipeline \(known.pipeline)")
      return
    }
    try Self.makeFolder(workshop)
    let temporary = "\(workshop)/\(files.count + conflicts.count)"
    unlink(temporary)
    try write(temporary)
    var file = file
    file.sha256 = try digest(of: temporary) ?? ""
    file.bytes = Self.size(of: temporary)
    if let found, found != file.sha256, !own.contains("\(found) \(file.path)"), !overwrites {
      conflicts.append("\(target) is none that was exported, or was changed since")
      unlink(temporary)
      return
    }
    try place(temporary, at: target, file)
    if found != file.sha256 { changes += 1 }
    files[file.path] = file
  }

  private func place(_ temporary: String, at target: String, _ file: ExportedFile) throws {
    let line = "\(file.sha256) \(file.path)\n"
    guard let list = fopen(journal, "a") else { throw Self.failure("write", journal) }
    fputs(line, list)
    guard fclose(list) == 0 else { throw Self.failure("write", journal) }
    try Self.makeFolder(target.parentFolder)
    guard rename(temporary, target) == 0 else { throw Self.failure("write", target) }
  }

  /// Makes a folder and those above it.
  private static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    if errno == ENOENT {
      let above = path.parentFolder
      if !above.isEmpty {
        try makeFolder(above)
        if mkdir(path, 0o777) == 0 { return }
      }
    }
    var info = stat()
    if errno == EEXIST, stat(path, &info) == 0 {
      if info.st_mode & S_IFMT == S_IFDIR { return }
      errno = ENOTDIR
    }
    throw failure("make the folder", path)
  }

  /// The digest of an ordinary file; nil where there is none. Whatever else stands there is refused.
  private func digest(of path: String) throws -> String? {
    var info = stat()
    guard lstat(path, &info) == 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure("read", path)
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw ExportError(description: "\(path) is no ordinary file; move it away")
    }
    guard let file = fopen(path, "r") else { throw Self.failure("read", path) }
    defer { fclose(file) }
    var hash = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let got = fread(buffer.baseAddress, 1, buffer.count, file)
      if got == 0 { break }
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<got]))
    }
    guard ferror(file) == 0 else { throw Self.failure("read", path) }
    return hash.finalize().hex
  }

  private static func size(of path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : 0
  }

  // MARK: The end

  /// Removes what earlier exports wrote and is no longer made, writes the index, and clears up.
  ///
  /// - Parameter stays: Whether a file of an earlier export that was not put this time is still true.
  func finish(stays: (ExportedFile) -> Bool) throws {
    for (path, file) in former.sorted(by: { $0.key < $1.key }) where files[path] == nil {
      if stays(file) {
        files[path] = file
      } else if try digest(of: self.path + "/" + path) == file.sha256 {
        unlink(self.path + "/" + path)
        removeEmptyFolders(above: path)
        changes += 1
      }
    }
    let index = Index(files: files.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let place = path + "/" + Self.indexName
    let bytes = try encoder.encode(index) + Data("\n".utf8)
    if FileManager.default.contents(atPath: place) != bytes {
      // In the workshop, which the next export clears: an atomic write of the library leaves a file where a kill meets it.
      try Self.makeFolder(workshop)
      let draft = "\(workshop)/index"
      do { try bytes.write(to: URL(fileURLWithPath: draft)) } catch {
        throw ExportError(description: "can't write \(draft): \(reason(of: error))")
      }
      guard rename(draft, place) == 0 else { throw Self.failure("write", place) }
    }
    try? FileManager.default.removeItem(atPath: workshop)
  }

  private func removeEmptyFolders(above file: String) {
    var folder = file.parentFolder
    while !folder.isEmpty, rmdir(path + "/" + folder) == 0 {
      folder = folder.parentFolder
    }
  }
}
