// Reads the members of a ZIP archive, as NumPy writes them into .npz files.

import FoundationEssentials
import Wording

/// An archive in memory: its members by name (the layout is that of PKWARE's application note).
struct ZipArchive {
  private struct Member {
    var method: Int
    var checksum: UInt32
    var packed: Int
    var size: Int
    var header: Int
  }

  private let file: String
  private let data: [UInt8]
  private var members: [String: Member] = [:]

  /// The names of the members, sorted.
  var names: [String] { members.keys.sorted() }

  /// Reads the directory at the archive's end.
  init(file: String) throws(DatasetError) {
    self.file = file
    data = try wholeFile(file)
    let (count, start) = try directory()
    var at = start
    for _ in 0..<count {
      guard at + 46 <= data.count, number(at, 4) == 0x0201_4B50 else { throw damaged("directory", "cut off") }
      let (nameLength, extra, comment) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2))
      let end = at + 46 + nameLength
      guard end <= data.count else { throw damaged("directory", "cut off") }
      let name = String(decoding: data[at + 46..<end], as: UTF8.self)
      members[name] = Member(
        method: number(at + 10, 2), checksum: UInt32(number(at + 16, 4)), packed: number(at + 20, 4),
        size: number(at + 24, 4), header: number(at + 42, 4))
      at = end + extra + comment
    }
  }

  /// The unpacked bytes of a member that is there, held to its checksum.
  func bytes(of name: String) throws(DatasetError) -> [UInt8] {
    guard let member = members[name] else { preconditionFailure("the archive has no member \(name)") }
    guard member.size <= IDX.limit else {
      throw .malformed(
        file: file, what: "size of \(name)", found: "\(member.size) bytes",
        expected: "at most \(IDX.limit)")
    }
    let header = member.header
    guard header + 30 <= data.count, number(header, 4) == 0x0403_4B50 else { throw damaged(name, "missing") }
    let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
    guard start + member.packed <= data.count else { throw damaged(name, "cut off") }
    let packed = data[start..<start + member.packed]
    let bytes: [UInt8]?
    switch member.method {
    case 0: bytes = member.packed == member.size ? Array(packed) : nil
    case 8: bytes = Inflate.bytes(packed, .none, count: member.size)
    default:
      throw .malformed(
        file: file, what: "packing of \(name)", found: "method \(member.method)",
        expected: "none or DEFLATE, as by numpy.savez and savez_compressed")
    }
    guard let bytes, Inflate.checksum(bytes) == member.checksum else { throw damaged(name, "damaged") }
    return bytes
  }

  /// The number of members, and where their list begins.
  private func directory() throws(DatasetError) -> (count: Int, start: Int) {
    // The end record has 22 bytes and a comment of at most 65,535.
    var at = data.count - 22
    while at >= max(0, data.count - 22 - 65_535) {
      if number(at, 4) == 0x0605_4B50 {
        let (count, start) = (number(at + 10, 2), number(at + 16, 4))
        guard count < 0xFFFF, start < 0xFFFF_FFFF else {
          throw .malformed(
            file: file, what: "archive", found: "of 4 GB or more", expected: "a smaller one, or .npy files")
        }
        return (count, start)
      }
      at -= 1
    }
    throw damaged("end", "missing: the file is cut off or no ZIP archive")
  }

  private func damaged(_ what: String, _ found: String) -> DatasetError {
    .malformed(file: file, what: what, found: found, expected: "a whole .npz file, as numpy.savez writes")
  }

  /// A little-endian number.
  private func number(_ at: Int, _ count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(data[at + $1]) << (8 * $1) }
  }
}

/// The bytes of a file, of which there are not too many.
func wholeFile(_ file: String) throws(DatasetError) -> [UInt8] {
  do {
    let data = try Data(contentsOf: URL(fileURLWithPath: file), options: .alwaysMapped)
    guard data.count <= 2 * IDX.limit else {
      throw DatasetError.malformed(
        file: file, what: "size", found: "\(data.count) bytes", expected: "at most \(2 * IDX.limit)")
    }
    return [UInt8](data)
  } catch let error as DatasetError {
    throw error
  } catch {
    throw .unreadable(file: file, reason: reason(of: error))
  }
}
