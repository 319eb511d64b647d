// Damaged files, by seeded mutation: an error or the right values, never a crash or a hang.

import Foundation
import HDF5
import Testing

@Suite struct DamageTests {
  /// Reads all there is in the file.
  private func readAll(_ path: String) throws -> String {
    let file = try FileReader(at: path)
    for dataset in try file.datasets() where dataset.type == .float64 {
      _ = try file.read(dataset.path, as: Double.self)
    }
    return try file.contentHash()
  }

  private func mutate(_ data: Data, _ random: inout Random) -> Data {
    var data = data
    switch Int.random(in: 0..<6, using: &random) {
    case 0: data = data.prefix(Int.random(in: 0..<data.count, using: &random))
    case 1:
      let start = Int.random(in: 0..<data.count, using: &random)
      let end = min(data.count, start + Int.random(in: 1...64, using: &random))
      for index in start..<end { data[index] = UInt8.random(in: 0...255, using: &random) }
    case 2:
      let start = Int.random(in: 0..<data.count, using: &random)
      data.removeSubrange(start..<min(data.count, start + Int.random(in: 1...16, using: &random)))
    default:
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        data[Int.random(in: 0..<data.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      }
    }
    return data
  }

  @Test func sealedFile() throws {
    let folder = try TemporaryFolder()
    let hash = try writeSample(folder.file("a.h5"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    var random = Random(state: 1)
    var refused = 0
    for round in 0..<300 {
      let damaged = mutate(whole, &random)
      if damaged == whole { continue }
      try damaged.write(to: URL(fileURLWithPath: folder.file("b.h5")))
      do {
        #expect(try readAll(folder.file("b.h5")) == hash, "round \(round) read other values")
      } catch is HDF5Error {
        refused += 1
      }
    }
    #expect(refused > 250)
  }

  /// Files of other programs have no seal: HDF5's own checks have to do.
  @Test func unsealedFile() throws {
    let folder = try TemporaryFolder()
    var file = try FileWriter(at: folder.file("a.h5"))
    try file.write("/g/h/x", (0..<40_000).map { Double($0) }, shape: [400, 100])
    try file.write("/g/y", (0..<100).map { Float($0) })
    for name in ["b", "c", "d"] { try file.setAttribute(name, of: "/g", to: .integers([1, 2, 3])) }
    try file.close()
    let sealed = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    // The values of the large dataset are most of the file; mutations there would tell little.
    let whole = sealed.prefix(sealed.count - 56)
    var random = Random(state: 2)
    var refused = 0
    for _ in 0..<600 {
      try mutate(whole, &random).write(to: URL(fileURLWithPath: folder.file("b.h5")))
      do { _ = try readAll(folder.file("b.h5")) } catch is HDF5Error { refused += 1 }
    }
    #expect(refused > 200)
  }

  @Test func variableTextIsNotParsedUnsealed() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    let sealed = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    try sealed.prefix(sealed.count - 56).write(to: URL(fileURLWithPath: folder.file("b.h5")))
    let file = try FileReader(at: folder.file("b.h5"))
    let isSealed = file.isSealed
    #expect(!isSealed)
    #expect(try file.read("/one", shape: []) == [0.1])
    #expect(throws: HDF5Error.self) { _ = try file.string("stage") }
  }

  /// Whoever has compared a file's bytes with their digest need not do so again: it is read as a whole one.
  @Test func checkedFileIsReadAsSealed() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    let file = try FileReader(atChecked: folder.file("a.h5"))
    let isSealed = file.isSealed
    #expect(isSealed)
    #expect(try file.string("stage") == FileReader(at: folder.file("a.h5")).string("stage"))
  }

  @Test func randomBytes() throws {
    let folder = try TemporaryFolder()
    var random = Random(state: 3)
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    for round in 0..<200 {
      let count = Int.random(in: 0...4096, using: &random)
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      if round % 2 == 0 { bytes = signature + bytes }
      try Data(bytes).write(to: URL(fileURLWithPath: folder.file("b.h5")))
      #expect(throws: HDF5Error.self) { _ = try FileReader(at: folder.file("b.h5")) }
    }
  }
}
