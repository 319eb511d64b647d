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
  private let parts = Mutex<[SHA256.Digest: [FolderPart]]>([:])

  var count: Int { known.withLock { $0.count } }
  var found: Int { reads.withLock { $0 } }

  func digest(of stamp: FileStamp) -> SHA256.Digest? {
    let digest = known.withLock { $0[stamp] }
    if digest != nil { reads.withLock { $0 += 1 } }
    return digest
  }
  func keep(_ digest: SHA256.Digest, of stamp: FileStamp) { known.withLock { $0[stamp] = digest } }
  func keep(_ parts: [FolderPart], ofFolder digest: SHA256.Digest) {
    self.parts.withLock { $0[digest] = parts }
  }
  var folders: [SHA256.Digest: [FolderPart]] { parts.withLock { $0 } }
}

@Suite struct DigestMemoryTests {
  /// What a folder is made of is kept on the way, for it and for all folders in it, without what does not count.
  @Test func partsOfFoldersAreKept() throws {
    let folder = NSTemporaryDirectory() + "digest-memory-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["a/deep", "a/__pycache__"] {
      try FileManager.default.createDirectory(atPath: folder + "/" + name, withIntermediateDirectories: true)
    }
    for name in ["one", "a/two", "a/deep/three", "a/__pycache__/x"] {
      try Data(name.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    let memory = Memory()
    let whole = try FileTree.digest(of: folder, remembering: memory)
    #expect(try FileTree.folders(in: folder) == memory.folders && memory.folders.count == 3)
    let outer = try #require(memory.folders[whole])
    #expect(outer.map(\.name) == ["a", "one"])
    let inner = try #require(memory.folders[outer[0].digest])
    #expect(inner.map(\.name) == ["deep", "two"])
    #expect(inner[1].digest == (try FileTree.digest(of: folder + "/a/two")))
    #expect(try FileTree.folders(in: folder + "/one").isEmpty)
  }

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
