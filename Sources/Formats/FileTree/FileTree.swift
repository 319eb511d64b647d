// The files that a user points to: one digest of a file or of a whole folder, and private copies that prove theirs.

import Glibc
import Hashing

/// A file, or a folder with all that is in it. Symbolic links are followed: what counts is the content.
///
/// The digest of a file is the SHA-256 of its bytes; that of an executable one, and that of a folder, are over the parts
/// named below, each preceded by its length. Nothing else enters: no time, no owner, no other permission. What
/// `IgnoreRules` pass over in a folder is neither read nor copied.
public enum FileTree {
  /// The digest of what stands at a path.
  ///
  /// - Parameter memory: What is known of large files, which then are read only if they have changed.
  public static func digest(
    of path: String, remembering memory: (any DigestMemory)? = nil
  ) throws(FileTreeError) -> SHA256.Digest {
    var walk = Walk(memory: memory)
    return try walk.visit(path, copyingTo: nil)
  }

  /// Copies what stands at a path, and returns the digest of the bytes that were copied.
  ///
  /// The copy is made of ordinary files and folders that share nothing with the original. It can be written to.
  ///
  /// - Parameter target: Must be free; the folder above it must exist.
  public static func copy(_ path: String, to target: String) throws(FileTreeError) -> SHA256.Digest {
    var walk = Walk()
    return try walk.visit(path, copyingTo: target)
  }

  /// The file or folder that a path leads to when all links are followed, absolute; nil where there is none.
  public static func target(of path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The parts of a folder and of all folders in it, by the digest of the folder; empty for a file.
  public static func folders(in path: String) throws(FileTreeError) -> [SHA256.Digest: [FolderPart]] {
    var walk = Walk()
    walk.folders = [:]
    _ = try walk.visit(path, copyingTo: nil)
    return walk.folders ?? [:]
  }

  /// What was changed last of all that stands at a path, by the system's own clock; nil where there is nothing.
  public static func lastChanged(in path: String) -> String? { Walk().lastChanged(path)?.path }
}

/// Why a user's file can't be read or copied.
public struct FileTreeError: Error, Sendable, CustomStringConvertible {
  /// The file or folder.
  public var path: String
  /// What is in the way.
  public var reason: String
  /// `errno`, where a system call failed.
  public var code: Int32?

  init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }
  init(_ path: String, code: Int32) {
    self.path = path
    self.code = code
    reason = String(cString: strerror(code))
  }

  /// `data/pipe: it is a named pipe; only files and folders can be read`.
  public var description: String { "\(path): \(reason)" }
}

/// One way through a tree.
private struct Walk {
  var memory: (any DigestMemory)?
  /// What the folders on the way are made of; nil where nobody asks.
  var folders: [SHA256.Digest: [FolderPart]]?
  private struct Identity: Equatable {
    var device: dev_t
    var inode: ino_t
  }

  /// The folders that lead to the present one: links can make a folder contain itself.
  private var above: [Identity] = []
  private var ignored = IgnoreRules()

  init(memory: (any DigestMemory)? = nil) { self.memory = memory }

  mutating func visit(_ path: String, copyingTo target: String?) throws(FileTreeError) -> SHA256.Digest {
    var info = stat()
    guard stat(path, &info) == 0 else { throw FileTreeError(path, code: errno) }
    switch info.st_mode & S_IFMT {
    case S_IFREG: return try visitFile(path, copyingTo: target)
    case S_IFDIR:
      let identity = Identity(device: info.st_dev, inode: info.st_ino)
      guard !above.contains(identity) else {
        throw FileTreeError(path, "a link makes this folder contain itself")
      }
      above.append(identity)
      defer { above.removeLast() }
      return try visitFolder(path, copyingTo: target)
    default: throw FileTreeError(path, "it is \(kind(of: info)); only files and folders can be read")
    }
  }

  private mutating func visitFolder(_ path: String, copyingTo target: String?) throws(FileTreeError)
    -> SHA256.Digest
  {
    if let target, mkdir(target, 0o755) != 0 { throw FileTreeError(target, code: errno) }
    var parts: [FolderPart] = []
    let outside = ignored
    defer { ignored = outside }
    try ignored.addFile(in: path)
    for name in try names(in: path) {
      parts.append(
        FolderPart(name, try visit(path + "/" + name, copyingTo: target.map { $0 + "/" + name })))
    }
    var sum = PartsDigest("folder")
    for part in parts { sum.add(part.name, part.digest.hex) }
    let digest = sum.finish()
    memory?.keep(parts, ofFolder: digest)
    folders?[digest] = parts
    return digest
  }

  private func visitFile(_ path: String, copyingTo target: String?) throws(FileTreeError) -> SHA256.Digest {
    // A named pipe that has taken the file's place meanwhile would let an ordinary open wait for ever.
    let source = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard source >= 0 else { throw FileTreeError(path, code: errno) }
    defer { close(source) }
    var info = stat()
    guard fstat(source, &info) == 0 else { throw FileTreeError(path, code: errno) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw FileTreeError(path, "it is \(kind(of: info)) now, and was a file before")
    }
    let isExecutable = info.st_mode & S_IXUSR != 0
    var copy: NewFile?
    if let target { copy = try NewFile(target, isExecutable: isExecutable) }
    let content = try target == nil ? digest(path, source, info) : transfer(path, source, to: copy)
    try copy?.finish()
    guard isExecutable else { return content }
    var parts = PartsDigest("executable file")
    parts.add("content", content.hex)
    return parts.finish()
  }

  /// A smaller file is read about as fast as what is known of it.
  private static let large = 1 << 20

  /// The digest of a file: what is known of it where it has not changed, or else that of its bytes.
  private func digest(_ path: String, _ source: Int32, _ info: stat) throws(FileTreeError) -> SHA256.Digest {
    guard let memory, info.st_size >= Self.large else { return try transfer(path, source, to: nil) }
    let stamp = FileStamp(info)
    if let known = memory.digest(of: stamp) { return known }
    var clock = timespec()
    clock_gettime(CLOCK_REALTIME, &clock)
    let digest = try transfer(path, source, to: nil)
    var after = stat()
    if fstat(source, &after) == 0, FileStamp(after) == stamp, !stamp.isRacy(at: clock) {
      memory.keep(digest, of: stamp)
    }
    return digest
  }

  /// Reads a file in blocks, each of which is hashed and, where there is a copy, written.
  private func transfer(_ path: String, _ source: Int32, to copy: NewFile?) throws(FileTreeError)
    -> SHA256.Digest
  {
    var hash = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let got = read(source, buffer.baseAddress, buffer.count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw FileTreeError(path, code: errno) }
      if got == 0 { return hash.finalize() }
      let block = UnsafeRawBufferPointer(rebasing: buffer[..<got])
      hash.update(bufferPointer: block)
      try copy?.write(block)
    }
  }

  /// The names in a folder, in the order of their bytes.
  private func names(in path: String) throws(FileTreeError) -> [String] {
    guard let folder = opendir(path) else { throw FileTreeError(path, code: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else { break }
      func text<R>(_ read: (UnsafePointer<CChar>) -> R) -> R {
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256, read)
        }
      }
      guard let name = text({ String(validatingCString: $0) }) else {
        let shown = text { String(cString: $0) }
        throw FileTreeError(path, "the name '\(shown)' in it is no UTF-8; rename that file")
      }
      if name == "." || name == ".." || ignored.contains(name, isFolder: isFolder(path + "/" + name)) {
        continue
      }
      names.append(name)
    }
    guard errno == 0 else { throw FileTreeError(path, code: errno) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private func isFolder(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  func lastChanged(_ path: String) -> (path: String, time: timespec)? {
    var info = stat()
    guard lstat(path, &info) == 0 else { return nil }
    // Links to folders are not followed: they could lead in circles.
    var target = stat()
    if stat(path, &target) == 0, target.st_mode & S_IFMT == S_IFREG { info = target }
    var last = (path: path, time: info.st_ctim)
    guard info.st_mode & S_IFMT == S_IFDIR, let names = try? names(in: path) else { return last }
    for name in names {
      guard let inner = lastChanged(path + "/" + name) else { continue }
      let isLater = (inner.time.tv_sec, inner.time.tv_nsec) >= (last.time.tv_sec, last.time.tv_nsec)
      if isLater { last = inner }
    }
    return last
  }
}

/// What a file that is neither file nor folder is, in words.
private func kind(of info: stat) -> String {
  switch info.st_mode & S_IFMT {
  case S_IFIFO: "a named pipe"
  case S_IFSOCK: "a socket"
  case S_IFCHR, S_IFBLK: "a device"
  default: "no ordinary file"
  }
}

/// A digest over named parts: no two lists of parts have the same bytes, since lengths come first.
private struct PartsDigest {
  private var hash = SHA256()

  init(_ kind: String) { append(kind) }

  mutating func add(_ name: String, _ value: String) {
    append(name)
    append(value)
  }

  private mutating func append(_ text: String) {
    withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
    hash.update(data: Array(text.utf8))
  }

  func finish() -> SHA256.Digest { hash.finalize() }
}
