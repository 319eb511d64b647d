// A checksum over the whole file, kept behind HDF5's own end, so that damage is told before it is parsed.

import Glibc
import Hashing

/// The 56 bytes behind the HDF5 data: a mark and the SHA-256 of all that precedes it.
///
/// HDF5 checks its own metadata, but not small datasets, and its parser of variable-length text (the global
/// heap) crashes or hangs on some flipped bits. A sealed file is verified whole as it is opened. Other HDF5
/// programs don't look beyond the data's end.
enum Seal {
  private static let mark = Array("pipeline-sealed-sha256-1".utf8)
  static let length = mark.count + SHA256.byteCount

  /// Appends the seal to the closed file and, if so asked, brings it to the disk.
  static func append(to site: Site, sync: Bool) throws(HDF5Error) {
    let descriptor = try Descriptor(site, O_RDWR | O_CLOEXEC)
    let size = try descriptor.size()
    let seal = try mark + Array(descriptor.hash(of: size))
    try seal.withBytes { (bytes) throws(HDF5Error) in try descriptor.write(bytes, at: size) }
    if sync { try descriptor.synchronise() }
  }

  /// Whether the file is sealed; throws when it is and the seal doesn't fit, unless others have checked its bytes.
  static func verify(_ site: Site, isChecked: Bool = false) throws(HDF5Error) -> Bool {
    let descriptor = try Descriptor(site, O_RDONLY | O_CLOEXEC)
    let size = try descriptor.size() - length
    guard size >= 0 else { return false }
    var seal = [UInt8](repeating: 0, count: length)
    try seal.withMutableBytes { (bytes) throws(HDF5Error) in
      try descriptor.read(bytes, at: size)
    }
    guard seal.starts(with: mark) else { return false }
    if isChecked { return true }
    guard try seal[mark.count...].elementsEqual(descriptor.hash(of: size)) else {
      throw .damaged(file: site.file, reason: "its content does not fit its checksum")
    }
    return true
  }
}

/// An open file of the system.
private struct Descriptor: ~Copyable {
  let site: Site
  let number: Int32

  init(_ site: Site, _ flags: Int32) throws(HDF5Error) {
    self.site = site
    number = open(site.file, flags)
    if number < 0 { throw .unreadableFile(file: site.file, reason: String(cString: strerror(errno))) }
  }

  deinit { _ = Glibc.close(number) }

  func size() throws(HDF5Error) -> Int {
    var status = stat()
    if fstat(number, &status) != 0 { throw site.systemError("look at the file") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadableFile(file: site.file, reason: "not a regular file")
    }
    return Int(status.st_size)
  }

  /// SHA-256 of the first `count` bytes.
  func hash(of count: Int) throws(HDF5Error) -> SHA256.Digest {
    let block = 1 << 18
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(block, max(count, 1)), alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    for start in stride(from: 0, to: count, by: block) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(block, count - start)])
      try read(part, at: start)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
    }
    return hash.finalize()
  }

  func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(HDF5Error) {
    var done = 0
    while done < bytes.count {
      let start = bytes.baseAddress.map { $0 + done }
      let count = pread(number, start, bytes.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw site.systemError("read the file") }
      if count == 0 { throw .damaged(file: site.file, reason: "it got shorter while it was read") }
      done += count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(HDF5Error) {
    var done = 0
    while done < bytes.count {
      let start = bytes.baseAddress.map { $0 + done }
      let count = pwrite(number, start, bytes.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw site.systemError("seal the file") }
      done += count
    }
  }

  func synchronise() throws(HDF5Error) {
    if fsync(number) != 0 { throw site.systemError("bring the file to the disk") }
  }
}
