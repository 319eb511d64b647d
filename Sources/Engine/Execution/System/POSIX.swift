// The few system calls that the engine makes, with errors that name the operation and the path.

import FileTree
import Glibc
import PipelineCore

/// A failed system call.
public struct SystemError: Error, Sendable, CustomStringConvertible {
  /// What was tried: "create", "rename", …
  public var operation: String
  /// On which file.
  public var path: String
  /// `errno`.
  public var code: Int32

  package init(_ operation: String, _ path: String, code: Int32 = errno) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  private static let reading: Set<String> = ["open", "read", "stat"]

  /// `can't create /x: No space left on device`, and what to do where that is known.
  public var description: String {
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "; free some space (pipeline cache gc) or choose another --cache, and run again"
      case EACCES where Self.reading.contains(operation): "; make it readable"
      case EROFS, EACCES, EPERM: "; make it writable or choose another --cache"
      case ENOTDIR: "; choose another --cache"
      default: ""
      }
    return "can't \(operation) \(path): \(String(cString: strerror(code)))\(advice)"
  }
}

/// What `stat` says of a file.
struct FileFacts: Equatable, Hashable {
  var size: Int
  var inode: UInt64
  var modified: Double
  var isDirectory: Bool

  init(_ info: stat) {
    size = Int(info.st_size)
    inode = UInt64(info.st_ino)
    modified = Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) * 1e-9
    isDirectory = info.st_mode & S_IFMT == S_IFDIR
  }
}

/// Files and folders are made with all permissions that the user's umask leaves, so that a group can share a cache.
enum POSIX {
  static func facts(_ path: String) -> FileFacts? {
    var info = stat()
    guard stat(path, &info) == 0 else {
      note(SystemError("stat", path))
      return nil
    }
    return FileFacts(info)
  }

  /// The whole file, or nil if there is none.
  static func read(_ path: String) throws(SystemError) -> [UInt8]? { try readWithFacts(path)?.bytes }

  /// The whole file and what was known of it when it was opened, or nil if there is none.
  static func readWithFacts(_ path: String) throws(SystemError) -> (bytes: [UInt8], facts: FileFacts)? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw note(SystemError("open", path))
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw note(SystemError("stat", path)) }
    // One byte more than the size, so that a file that has not grown is read by one call and one empty one.
    var bytes = [UInt8](repeating: 0, count: Int(info.st_size) + 1)
    var count = 0
    while true {
      if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: max(4096, bytes.count))) }
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
      }
      if got < 0 {
        if errno == EINTR { continue }
        throw note(SystemError("read", path))
      }
      count += got
      // All that there was when it was opened: no call more, to hear that this is the end.
      if got == 0 || count == Int(info.st_size) { break }
    }
    bytes.removeLast(bytes.count - count)
    return (bytes, FileFacts(info))
  }

  /// Writes a new file under a name that must be free; nothing is left on failure.
  static func create(_ path: String, _ bytes: [UInt8], sync: Bool = false) throws(SystemError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError("create", path) }
    do throws(SystemError) {
      try writeAll(descriptor, bytes, path: path)
      if sync, fsync(descriptor) != 0 { throw SystemError("sync", path) }
    } catch {
      close(descriptor)
      unlink(path)
      throw error
    }
    // Some network file systems say only now that the disk is full.
    guard close(descriptor) == 0 else {
      let error = SystemError("close", path)
      unlink(path)
      throw error
    }
  }

  static func writeAll(_ descriptor: Int32, _ bytes: [UInt8], path: String) throws(SystemError) {
    var offset = 0
    while offset < bytes.count {
      let wrote = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + offset, $0.count - offset) }
      if wrote < 0 {
        if errno == EINTR { continue }
        throw SystemError("write", path)
      }
      offset += wrote
    }
  }

  /// Makes a file appear whole or not at all: a unique temporary name, then rename.
  static func writeAtomically(
    _ bytes: [UInt8], to path: String, temporary: String, sync: Bool
  ) throws(SystemError) {
    try create(temporary, bytes, sync: sync)
    do throws(SystemError) {
      try move(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
    if sync { try syncDirectory(of: path) }
  }

  static func move(_ source: String, to target: String) throws(SystemError) {
    if rename(source, target) == 0 { return }
    guard errno == ENOENT else { throw SystemError("rename to", target) }
    // The fan-out folder is made when it is first needed.
    try makeDirectories(parent(of: target))
    guard rename(source, target) == 0 else { throw SystemError("rename to", target) }
  }

  /// Takes the right to write from everyone, the owner too.
  static func makeReadOnly(_ path: String) throws(SystemError) {
    var info = stat()
    guard stat(path, &info) == 0, chmod(path, info.st_mode & 0o555) == 0 else {
      throw SystemError("make read-only", path)
    }
  }

  static func syncFile(_ path: String) throws(SystemError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw SystemError("sync", path) }
  }

  static func syncDirectory(of path: String) throws(SystemError) { try syncFile(parent(of: path)) }

  /// Adds lines to the end of a file, by one write. A last line that a kill has cut is ended first, so that
  /// it does not swallow the next one. Returns how many bytes were written.
  @discardableResult
  static func append(_ text: String, to path: String) throws(SystemError) -> Int {
    var descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    if descriptor < 0, errno == ENOENT {
      try makeDirectories(parent(of: path))
      descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw SystemError("append to", path) }
    defer { close(descriptor) }
    var last: UInt8 = 0x0A
    let end = lseek(descriptor, 0, SEEK_END)
    if end > 0 { _ = pread(descriptor, &last, 1, end - 1) }
    let bytes = (last == 0x0A ? [] : [0x0A]) + Array(text.utf8)
    try writeAll(descriptor, bytes, path: path)
    return bytes.count
  }

  /// The SHA-256 of a file's bytes, or nil if there is no such file.
  ///
  /// - Parameter size: Its size, if that is known: it spares the call that finds the end. What has grown since is found by
  ///   whoever asks for the size once more.
  static func digest(ofFile path: String, size: Int? = nil) throws(SystemError) -> Digest? {
    var hash = StreamingDigest()
    do throws(SystemError) {
      try forEachBlock(of: path, size: size) { block throws(SystemError) in hash.update(block) }
    } catch {
      if error.operation == "open", error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw error
    }
    return hash.finish()
  }

  /// Hands a file's bytes on, a block after another.
  ///
  /// - Parameter size: Its size, if that is known: reading ends there.
  static func forEachBlock(
    of path: String, size: Int? = nil, _ body: (UnsafeRawBufferPointer) throws(SystemError) -> Void
  ) throws(SystemError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw note(SystemError("open", path)) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    var count = 0
    while count == 0 || count != size {
      let got = Glibc.read(descriptor, buffer.baseAddress!, buffer.count)
      if got < 0 {
        if errno == EINTR { continue }
        throw note(SystemError("read", path))
      }
      if got == 0 { return }
      count += got
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
    }
  }
}

/// FNV-1a over 64 bits (Fowler, Noll, Vo): finds any one flipped bit in a line, at next to no cost.
func checksum(_ bytes: some Sequence<UInt8>) -> String {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The digest of a user's file or folder, as it is in keys.
public func digestOfFile(_ path: String) throws -> Digest { Digest(try FileTree.digest(of: path)) }
