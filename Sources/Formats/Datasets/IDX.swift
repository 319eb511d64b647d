// The IDX format of MNIST: a header of lengths, then bytes; plain or gzipped.

import Glibc
import Programs

/// An array of bytes from an IDX file.
///
/// The header is: two zero bytes, the element type (8: unsigned byte, the only one here), the number of
/// dimensions, and each length as a big-endian 32-bit number (LeCun, Cortes and Burges, "The MNIST database").
public struct IDX: Equatable, Sendable {
  /// The lengths, outermost first.
  public let shape: [Int]
  /// The elements in C order.
  public let bytes: [UInt8]

  /// More than any data set of this kind, and little enough to hold.
  static let limit = 1 << 30

  /// Reads a file that has to have `rank` dimensions. A name ending in `.gz` is unpacked by `gzip`.
  public init(file: String, rank: Int) throws(DatasetError) {
    let source = try ByteSource(file)
    let magic = try source.read(4, "header")
    let expected: [UInt8] = [0, 0, 8, UInt8(truncatingIfNeeded: rank)]
    guard magic == expected else {
      throw .malformed(file: file, what: "magic number", found: hex(magic), expected: hex(expected))
    }
    var shape: [Int] = []
    var count = 1
    for _ in 0..<rank {
      let length = try source.read(4, "header").reduce(0) { $0 << 8 | Int($1) }
      shape.append(length)
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      count = overflow ? .max : product
    }
    guard count <= Self.limit else {
      throw .malformed(file: file, what: "shape", found: "\(shape)", expected: "at most \(Self.limit) bytes")
    }
    bytes = try source.read(count, "data of shape \(shape)")
    try source.expectEnd(after: 4 + 4 * rank + count)
    self.shape = shape
  }

  /// The file as IDX bytes.
  var encoded: [UInt8] {
    let lengths = shape.flatMap { length in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } }
    return [0, 0, 8, UInt8(truncatingIfNeeded: shape.count)] + lengths + bytes
  }
}

private func hex(_ bytes: [UInt8]) -> String {
  "0x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The bytes of a file, unpacked if need be, from front to back.
private final class ByteSource {
  private let file: String
  private let descriptor: Int32
  private let unpacker: Child?
  /// How the unpacker ended, once it has been waited for.
  private var ending: ProgramEnding?

  init(_ file: String) throws(DatasetError) {
    self.file = file
    // Also tells a missing file in the system's words, which gzip would bury.
    let plain = open(file, O_RDONLY | O_CLOEXEC)
    guard plain >= 0 else { throw .unreadable(file: file, reason: systemReason()) }
    guard file.hasSuffix(".gz") else {
      descriptor = plain
      unpacker = nil
      return
    }
    defer { close(plain) }
    let gzip = Program(["gzip", "-dc"], input: .descriptor(plain), output: .pipe, errors: .pipe)
    do throws(ProgramError) {
      let child = try gzip.start()
      descriptor = child.output
      unpacker = child
    } catch { throw .unreadable(file: file, reason: error.description) }
  }

  deinit {
    // Closing the pipe ends a gzip that has more to say.
    close(descriptor)
    if let unpacker {
      close(unpacker.errors)
      if ending == nil { _ = unpacker.wait() }
    }
  }

  /// Exactly `count` bytes, which grow as they come: a header may promise more than there is.
  func read(_ count: Int, _ what: String) throws(DatasetError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let part = try readSome(min(count - bytes.count, 1 << 20), descriptor)
      guard !part.isEmpty else {
        try checkUnpacker()
        throw .malformed(
          file: file, what: "length of the \(what)", found: "\(bytes.count) bytes", expected: "\(count)")
      }
      bytes.append(contentsOf: part)
    }
    return bytes
  }

  func expectEnd(after count: Int) throws(DatasetError) {
    guard try readSome(1, descriptor).isEmpty else {
      throw .malformed(
        file: file, what: "length", found: "more than \(count) bytes", expected: "\(count) by its header")
    }
    try checkUnpacker()
  }

  /// Up to `count` bytes; none at the end.
  private func readSome(_ count: Int, _ descriptor: Int32) throws(DatasetError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var got = Glibc.read(descriptor, &bytes, count)
    while got < 0, errno == EINTR { got = Glibc.read(descriptor, &bytes, count) }
    if got < 0 { throw .unreadable(file: file, reason: systemReason()) }
    bytes.removeSubrange(got...)
    return bytes
  }

  /// After the last byte: gzip has checked its checksum.
  private func checkUnpacker() throws(DatasetError) {
    guard let unpacker else { return }
    let ending = ending ?? unpacker.wait()
    self.ending = ending
    if !ending.isSuccess {
      let words = String(decoding: try readSome(1 << 12, unpacker.errors), as: UTF8.self)
      let reason = words.split(whereSeparator: \.isNewline).first { !$0.isEmpty } ?? "gzip can't unpack it"
      throw .unreadable(file: file, reason: String(reason))
    }
  }
}
