// Digests of users' files and folders, and copies that share nothing with them.

import FileTree
import Foundation
import Testing

/// A folder that goes away with it.
private final class Folder {
  let path = NSTemporaryDirectory() + "file-tree-test-" + UUID().uuidString

  init() throws { try make("") }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func make(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
  }
  func write(_ text: String, to name: String) throws {
    try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
  }
  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
  }
  func read(_ name: String) throws -> String {
    try String(contentsOfFile: path + "/" + name, encoding: .utf8)
  }
  func digest(_ name: String) throws -> String { try FileTree.digest(of: path + "/" + name).hex }
  func copy(_ name: String, to target: String) throws -> String {
    try FileTree.copy(path + "/" + name, to: path + "/" + target).hex
  }
}

@Suite struct FileTreeTests {
  /// These are in the keys of users' results.
  @Test func digestsStayWhatTheyAre() throws {
    let folder = try Folder()
    try folder.make("data/sub")
    try folder.write("one\n", to: "data/a.txt")
    try folder.write("", to: "data/sub/b")
    // sha256sum, and Python's hashlib over the parts with their lengths.
    #expect(
      try folder.digest("data/a.txt") == "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806")
    #expect(try folder.digest("data") == "832ee3291598d3c06bd1eb91a890e9d5218f5b3c6668940f431ad25f566b601c")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.path + "/data/a.txt")
    #expect(
      try folder.digest("data/a.txt") == "9ec3160be8cc0f3a3e58832dbd75b35d7979255c11cd7481a891559980355cea")
  }

  @Test func aCopyHasTheDigestAndTheBytes() throws {
    let folder = try Folder()
    try folder.make("data/sub")
    try folder.write(String(repeating: "line of a long file\n", count: 50_000), to: "data/long")
    try folder.write("#!/bin/sh\n", to: "data/sub/run")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o500], ofItemAtPath: folder.path + "/data/sub/run")
    #expect(try folder.copy("data", to: "copy") == folder.digest("data"))
    #expect(try folder.digest("copy") == folder.digest("data"))
    #expect(try folder.read("copy/long") == folder.read("data/long"))
    #expect(FileManager.default.isExecutableFile(atPath: folder.path + "/copy/sub/run"))
    // Whatever the original allows, a copy can be written to, and the original stays.
    try folder.write("new", to: "copy/sub/run")
    #expect(try folder.read("data/sub/run") == "#!/bin/sh\n")
    #expect(throws: FileTreeError.self) { try folder.copy("data/long", to: "copy/long") }
  }

  @Test func linksStandForWhatTheyLeadTo() throws {
    let folder = try Folder()
    try folder.make("store")
    try folder.make("data")
    try folder.write("far", to: "store/x")
    try folder.link("data/relative", to: "../store/x")
    try folder.link("data/absolute", to: folder.path + "/store/x")
    try folder.link("data/folder", to: "../store")
    #expect(try folder.digest("data/relative") == folder.digest("store/x"))
    _ = try folder.copy("data", to: "copy")
    for name in ["relative", "absolute", "folder/x"] {
      #expect(try folder.read("copy/" + name) == "far")
      try folder.write("changed", to: "copy/" + name)
    }
    #expect(try folder.read("store/x") == "far")
    try folder.link("data/dangling", to: "nowhere")
    #expect(throws: FileTreeError.self) { try folder.digest("data") }
  }

  @Test(.timeLimit(.minutes(1))) func whatIsNoFileIsRefused() throws {
    let folder = try Folder()
    try folder.make("data")
    #expect(mkfifo(folder.path + "/data/pipe", 0o644) == 0)
    for name in ["data", "data/pipe"] {
      do {
        _ = try folder.digest(name)
        Issue.record("a named pipe was read")
      } catch let error as FileTreeError {
        #expect(error.path == folder.path + "/data/pipe" && error.reason.contains("a named pipe"), "\(error)")
      }
    }
    try folder.make("ring/inner")
    try folder.link("ring/inner/again", to: "..")
    #expect(throws: FileTreeError.self) { try folder.digest("ring") }
    #expect(throws: FileTreeError.self) { try folder.digest("absent") }
  }

  /// Whether or not the file system shares the blocks: the copy has all bytes, and a change of it is its own.
  @Test func aSharedFileIsACopy() throws {
    let folder = try Folder()
    let text = String(repeating: "0123456789", count: 30_000)
    try folder.write(text, to: "a")
    let file = try NewFile(folder.path + "/b")
    if try !file.share(folder.path + "/a") {
      try text.utf8.withContiguousStorageIfAvailable { try file.write(UnsafeRawBufferPointer($0)) }
    }
    try file.finish()
    #expect(try String(contentsOfFile: folder.path + "/b", encoding: .utf8) == text)
    let copy = try #require(FileHandle(forWritingAtPath: folder.path + "/b"))
    try copy.write(contentsOf: Data("x".utf8))
    #expect(try String(contentsOfFile: folder.path + "/a", encoding: .utf8) == text)
    #expect(throws: FileTreeError.self) { try NewFile(folder.path + "/c").share(folder.path + "/absent") }
  }

  @Test func whatChangedLastIsFound() throws {
    let folder = try Folder()
    try folder.make("data/sub")
    for name in ["data/a", "data/sub/b", "data/c"] {
      try folder.write("1", to: name)
      usleep(20_000)
    }
    try folder.write("2", to: "data/sub/b")
    #expect(FileTree.lastChanged(in: folder.path + "/data") == folder.path + "/data/sub/b")
    usleep(20_000)
    unlink(folder.path + "/data/a")
    #expect(FileTree.lastChanged(in: folder.path + "/data") == folder.path + "/data")
    #expect(FileTree.lastChanged(in: folder.path + "/absent") == nil)
  }
}
