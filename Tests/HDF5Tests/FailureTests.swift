// Missing, wrong, damaged and unwritable files give errors that name the place.

import Foundation
import HDF5
import Testing

@Suite struct FailureTests {
  @Test func missingFile() {
    #expect(throws: HDF5Error.unreadableFile(file: "/no/such.h5", reason: "No such file or directory")) {
      _ = try FileReader(at: "/no/such.h5")
    }
    #expect(throws: HDF5Error.unreadableFile(file: "/dev", reason: "not a regular file")) {
      _ = try FileReader(at: "/dev")
    }
  }

  @Test func noHDF5File() throws {
    let folder = try TemporaryFolder()
    try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: folder.file("a.h5")))
    let error = #expect(throws: HDF5Error.self) { _ = try FileReader(at: folder.file("a.h5")) }
    #expect(error?.description == "\(folder.file("a.h5")): can't be opened: file signature not found")
  }

  @Test func wrongExpectations() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    _ = try writeSample(path)
    let file = try FileReader(at: path)
    func message(_ read: () throws -> Void) -> String? {
      do {
        try read()
        return nil
      } catch { return "\(error)" }
    }
    #expect(message { _ = try file.read("/nope/x", as: Int.self) } == "\(path): /nope/x: no such dataset")
    #expect(message { _ = try file.read("/numbers", as: Int.self) }?.contains("/numbers") == true)
    #expect(
      message { _ = try file.read("/cube", as: Float.self) } == "\(path): /cube: type is i64, expected f32")
    #expect(
      message { _ = try file.read("/cube", as: Int.self, shape: [2, nil]) }
        == "\(path): /cube: shape is [2, 3, 4], expected [2, any]")
    #expect(
      message { _ = try file.read("/cube", as: Int.self, shape: [3, nil, nil]) }
        == "\(path): /cube: shape is [2, 3, 4], expected [3, any, any]")
    #expect(
      message { _ = try file.readScalar("/none", as: Double.self) }
        == "\(path): /none: shape is [0], expected []")
    #expect(
      message { _ = try file.readStrings("/cube") } == "\(path): /cube: type is i64, expected string")
    #expect(
      message { _ = try file.read("/cube", rows: 1..<3, as: Int.self) }
        == "\(path): /cube: rows 1..<3 of a dataset of shape [2, 3, 4]")
    #expect(message { _ = try file.attribute("net") } == "\(path): /: no attribute 'net'")
    #expect(message { _ = try file.attribute("net", of: "/zz") } == "\(path): /zz: no such dataset")
    #expect(
      message { _ = try file.integer("stage") }
        == "\(path): /: attribute 'stage': type is string, expected integer")
  }

  @Test func unwritableFolder() {
    #expect(
      throws: HDF5Error.failed(
        file: "/no/such/a.h5", object: "/", operation: "create the file", reason: "No such file or directory")
    ) { _ = try FileWriter(at: "/no/such/a.h5") }
  }

  @Test func datasetTwice() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    try file.write("/x", [1])
    #expect(throws: HDF5Error.self) { try file.write("/x", [2]) }
    // The file has missed a write, so it can't be finished either.
    do {
      try file.close()
      Issue.record("closed a file of which a write failed")
    } catch {}
  }

  @Test func theFirstFailureIsTold() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    try file.write("/x", [1])
    try file.write("/y", [1])
    #expect(throws: HDF5Error.self) { try file.write("/x", [2]) }
    #expect(throws: HDF5Error.self) { try file.write("/y", [2]) }
    do {
      try file.close()
      Issue.record("closed a file of which a write failed")
    } catch { #expect("\(error)".hasPrefix("\(folder.file("a.h5")): /x: ")) }
  }

  /// A few hundred bytes can claim more values than any machine has room for.
  @Test func aShapeThatNoFileCanHold() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    _ = try python(
      "import h5py, sys; h5py.File(sys.argv[1], 'w').create_dataset('x', (1 << 42,), 'f8', chunks=(1024,))",
      path)
    let file = try FileReader(at: path)
    let error = #expect(throws: HDF5Error.self) { _ = try file.read("/x", as: Double.self) }
    #expect(error?.description.contains("more than the file can hold") == true)
  }

  /// A link within a file is another name, not another dataset; one that leads up would have no end.
  @Test func linksToGroupsAboveAreNotFollowed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    _ = try python(
      """
      import h5py, sys
      file = h5py.File(sys.argv[1], "w")
      file["g/x"] = [1.0]
      file["g/up"] = h5py.SoftLink("/")
      """, path)
    #expect(try FileReader(at: path).datasets().map(\.path) == ["/g/x"])
  }

  @Test func textWithNUL() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    #expect(throws: HDF5Error.self) { try file.setAttribute("a", to: "x\0y") }
    #expect(throws: HDF5Error.self) { try file.write("/t", ["x\0y"]) }
  }

  @Test func writerThatWasKilled() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    try file.write("/x", (0..<1_000_000).map { Double($0) })
    // What a kill at this moment would leave.
    try FileManager.default.copyItem(atPath: folder.file("a.h5"), toPath: folder.file("killed.h5"))
    try file.close()
    #expect(throws: HDF5Error.self) { _ = try FileReader(at: folder.file("killed.h5")) }
    #expect(try FileReader(at: folder.file("a.h5")).info("/x").shape == [1_000_000])
  }

  @Test func fullDevice() {
    #expect(throws: HDF5Error.noSpace(file: "/dev/full", object: "/")) { _ = try FileWriter(at: "/dev/full") }
  }

  /// On a file system of 512 KiB, files from a little larger to a little smaller than what it holds: the room
  /// of those that failed has to come back.
  @Test func fullFileSystem() throws {
    let folder = try TemporaryFolder()
    let mount = Process()
    mount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    mount.arguments = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder.path]
    mount.standardError = FileHandle.nullDevice
    try mount.run()
    mount.waitUntilExit()
    // Only root may mount; `fullDevice` holds for everyone.
    if mount.terminationStatus != 0 { return }
    defer {
      let unmount = Process()
      unmount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      unmount.arguments = ["umount", folder.path]
      if (try? unmount.run()) != nil { unmount.waitUntilExit() }
    }
    var (written, full) = (0, 0)
    for kibibytes in stride(from: 640, through: 440, by: -4) {
      let path = folder.file("a.h5")
      let half = [UInt8](repeating: 3, count: kibibytes << 9)
      do {
        var file = try FileWriter(at: path)
        try file.write("/a", half)
        try file.write("/b", half)
        try file.setAttribute("stage", to: "train")
        try file.close()
        #expect(try FileReader(at: path).read("/b") == half)
        written += 1
      } catch .noSpace {
        full += 1
      }
      try? FileManager.default.removeItem(atPath: path)
    }
    #expect(written > 5 && full > 5)
  }
}
