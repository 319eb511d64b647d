// Reading, hashing and safe writing of files.

import FoundationEssentials
import Glibc
import Hashing
import Wording

/// The folder that a path is in; the current one for a bare name.
func folder(of path: String) -> String {
  path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
}

func systemReason() -> String { String(cString: strerror(errno)) }

/// SHA-256 of a file in hex, read piece by piece.
func sha256(ofFile path: String) throws(DatasetError) -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .unreadable(file: path, reason: systemReason()) }
  defer { close(descriptor) }
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  defer { buffer.deallocate() }
  var hash = SHA256()
  while true {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw .unreadable(file: path, reason: systemReason()) }
    if count == 0 { break }
    hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }
  return hash.finalize().hex
}

/// Brings a file's content, or a folder's entries, to the disk.
func synchronise(_ path: String) throws(DatasetError) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .unwritable(file: path, reason: systemReason()) }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .unwritable(file: path, reason: systemReason()) }
}

/// Moves a finished file to its place: whoever looks sees the old one or the new one, whole.
func publish(_ temporary: String, as path: String) throws(DatasetError) {
  try synchronise(temporary)
  guard rename(temporary, path) == 0 else { throw .unwritable(file: path, reason: systemReason()) }
  try synchronise(folder(of: path))
}

func makeFolder(_ path: String) throws(DatasetError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw .unwritable(file: path, reason: reason(of: error))
  }
}

func write(_ bytes: [UInt8], to path: String) throws(DatasetError) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw .unwritable(file: path, reason: systemReason()) }
  defer { close(descriptor) }
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes { all in
      Glibc.write(descriptor, all.baseAddress.map { $0 + done }, all.count - done)
    }
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw .unwritable(file: path, reason: systemReason()) }
    done += count
  }
}
