// Bytes that are written and read in blocks give the same file as bytes at once.

import Foundation
import HDF5
import Testing

@Suite struct BlockTests {
  private struct Interruption: Error {}

  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 1 << 20, (1 << 20) + 1, (3 << 20) + 5])
  func theFileIsTheSameAsAtOnce(count: Int) throws {
    let folder = try TemporaryFolder()
    let values = bytes(count)
    var whole = try FileWriter(at: folder.file("whole"))
    try whole.write("/a/b", values)
    let wholeHash = whole.contentHash()
    try whole.close()

    var parts = try FileWriter(at: folder.file("parts"))
    var done = 0
    try parts.write("/a/b", byteCount: count) { block in
      block.copyBytes(from: values[done..<(done + block.count)])
      done += block.count
    }
    #expect(done == count && parts.contentHash() == wholeHash)
    try parts.close()
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder.file("parts")))
        == Data(contentsOf: URL(fileURLWithPath: folder.file("whole"))))

    var read: [UInt8] = []
    try FileReader(at: folder.file("whole")).readBlocks("/a/b", byteCount: count) { read += $0 }
    #expect(read == values)
  }

  @Test func anInterruptedFileIsNeverSealed() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a"))
    do {
      try file.write("/a", byteCount: 3 << 20) { _ in throw Interruption() }
      Issue.record("wrote a file of which a block failed")
    } catch { #expect(error is Interruption) }
    do {
      try file.close()
      Issue.record("closed a file of which a block failed")
    } catch {}
  }

  @Test func theExpectedLengthIsChecked() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a"))
    try file.write("/a", bytes(100))
    try file.close()
    let path = folder.file("a")
    for count in [0, 99, 101] {
      #expect(throws: HDF5Error.self) {
        try FileReader(at: path).readBlocks("/a", byteCount: count) { _ in }
      }
    }
  }
}
