// Owning HDF5 identifiers, so that none leaks, and turning the library's failures into errors.

import CHDF5
import Glibc

/// An HDF5 identifier and the function that releases it, which is called exactly once.
struct Handle: ~Copyable {
  let id: hid_t
  private let release: @convention(c) (hid_t) -> herr_t

  init(_ id: hid_t, _ release: @convention(c) (hid_t) -> herr_t) {
    self.id = id
    self.release = release
  }

  /// Releases now; returns the library's status, which tells of data that could not be written.
  consuming func close() -> herr_t {
    chdf5_silence()
    let status = release(id)
    discard self
    return status
  }

  deinit {
    chdf5_silence()
    _ = release(id)
  }
}

/// The file and object that a call is about, for its error.
struct Site {
  let file: String
  var object = "/"

  func at(_ object: String) -> Site { Site(file: file, object: object) }

  /// The error for a call that has just failed on this thread.
  func error(_ operation: String) -> HDF5Error {
    let message = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 2048) { buffer in
      chdf5_last_message(buffer.baseAddress, buffer.count)
      return buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
    let reason = cause(in: message)
    if reason == noSpaceText { return .noSpace(file: file, object: object) }
    return .failed(file: file, object: object, operation: operation, reason: reason)
  }

  /// The error for a system call that has just failed.
  func systemError(_ operation: String, _ code: Int32 = errno) -> HDF5Error {
    if code == ENOSPC || code == EDQUOT { return .noSpace(file: file, object: object) }
    return .failed(
      file: file, object: object, operation: operation, reason: String(cString: strerror(code)))
  }

  func check(_ operation: String, _ call: () -> herr_t) throws(HDF5Error) {
    chdf5_silence()
    if call() < 0 { throw error(operation) }
  }

  func own(
    _ operation: String, _ release: @convention(c) (hid_t) -> herr_t, _ call: () -> hid_t
  ) throws(HDF5Error) -> Handle {
    chdf5_silence()
    let id = call()
    if id < 0 { throw error(operation) }
    return Handle(id, release)
  }

  /// Calls the body with a simple or scalar dataspace of that shape.
  func withSpace<R>(_ shape: [Int], _ body: (hid_t) throws(HDF5Error) -> R) throws(HDF5Error) -> R {
    if shape.isEmpty { return try body(SharedObjects.scalar) }
    let dimensions = shape.map { hsize_t($0) }
    let space = try own("make a dataspace", H5Sclose) {
      H5Screate_simple(Int32(shape.count), dimensions, nil)
    }
    return try body(space.id)
  }

  /// Calls the body with the library's type; a text's is UTF-8 of that many bytes, padded with NUL.
  func withType<R>(_ type: ElementType, _ body: (hid_t) throws(HDF5Error) -> R) throws(HDF5Error) -> R {
    if let number = type.libraryType { return try body(number) }
    let text = try own("make a string type", H5Tclose) { H5Tcopy(chdf5_c_string()) }
    let id = text.id
    try check("make a string type") {
      H5Tset_size(id, type.size) < 0
        || H5Tset_cset(id, H5T_CSET_UTF8) < 0
        || H5Tset_strpad(id, H5T_STR_NULLPAD) < 0 ? -1 : 0
    }
    return try body(id)
  }
}

private let noSpaceText = String(cString: strerror(ENOSPC))

/// The system's own words, where the library quotes them among addresses and times that change each run.
private func cause(in message: String) -> String {
  let mark = "error message = '"
  guard let start = message.range(of: mark)?.upperBound,
    let end = message[start...].firstIndex(of: "'")
  else { return message.isEmpty ? "no reason given by the library" : message }
  return String(message[start..<end])
}

extension String {
  /// The first place of `part`.
  fileprivate func range(of part: String) -> Range<Index>? {
    ranges(of: part).first
  }
}

// The standard library's `withUnsafeBytes` of an array doesn't keep the type of the error.
extension Array {
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws(HDF5Error) -> R) throws(HDF5Error) -> R {
    try withUnsafeBufferPointer { (elements) throws(HDF5Error) in
      try body(UnsafeRawBufferPointer(elements))
    }
  }

  mutating func withMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer) throws(HDF5Error) -> R
  ) throws(HDF5Error) -> R {
    try withUnsafeMutableBufferPointer { (elements) throws(HDF5Error) in
      try body(UnsafeMutableRawBufferPointer(elements))
    }
  }
}
