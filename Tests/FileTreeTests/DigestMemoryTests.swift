// Digests that are remembered: of large files only, never of one that may yet change without a trace.

import FileTree
import Foundation
import Glibc
import Hashing
import Synchronization
import Testing

private final class Memory: DigestMemory {
  private let known = Mutex<[FileStamp: SHA256.Digest]>([:])
  private let reads = Mutex(0)

  var count: Int { known.withLock { $0.count } }
  var found: Int { reads.withLock { $0 } }

  func digest(of stamp: FileStamp) -> SHA256.Digest? {
    let digest = known.withLock { $0[stamp] }
    if digest != nil { reads.withLock { $0 += 1 } }
    return digest
  }
  func keep(_ digest: SHA256.Digest, of stamp: FileStamp) { known.withLock { $0[stamp] = digest } }
}

@Suite struct DigestMemoryTests {
  @Test func onlyOldLargeFilesAreRemembered() throws {
    let folder = NSTemporaryDirectory() + "digest-memory-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ count: Int, _ byte: UInt8, to name: String) throws {
      try Data(repeating: byte, count: count).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    try write(1 << 20, 1, to: "large")
    try write((1 << 20) - 1, 1, to: "small")
    let memory = Memory()
    let plain = try FileTree.digest(of: folder)
    #expect(try FileTree.digest(of: folder, remembering: memory) == plain)
    #expect(memory.count == 0, "it was changed a moment ago, and could be changed again in the same moment")
    usleep(3_100_000)
    #expect(try FileTree.digest(of: folder, remembering: memory) == plain && memory.count == 1)
    #expect(try FileTree.digest(of: folder, remembering: memory) == plain && memory.found == 1)
    // Other bytes of the same size, under the time of before.
    var before = stat()
    stat(folder + "/large", &before)
    let file = try #require(FileHandle(forUpdatingAtPath: folder + "/large"))
    try file.write(contentsOf: Data([9]))
    try file.close()
    let times = [before.st_atim, before.st_mtim]
    #expect(utimensat(AT_FDCWD, folder + "/large", times, 0) == 0)
    let changed = try FileTree.digest(of: folder, remembering: memory)
    #expect(changed == (try FileTree.digest(of: folder)) && changed != plain)
    #expect(memory.count == 1)
  }

  @Test func hexReadsBack() {
    let digest = SHA256().finalize()
    #expect(SHA256.Digest(hex: digest.hex) == digest)
    #expect(
      SHA256.Digest(hex: String(digest.hex.dropLast())) == nil && SHA256.Digest(hex: digest.hex + "0") == nil)
    #expect(SHA256.Digest(hex: "g" + digest.hex.dropFirst()) == nil)
  }
}
