// What pilots tell each other: lines that grow, read from where the reader stopped.

import Foundation
import PipelineCore
import PipelineExecution
import Testing

@Suite struct PilotNewsTests {
  private let key = Digest(of: "key".utf8)

  private func line(_ text: String) throws -> String {
    // FNV-1a by its definition (Fowler, Noll, Vo), apart from the engine's own.
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    let digits = String(hash, radix: 16)
    return "\(text) \(String(repeating: "0", count: 16 - digits.count))\(digits)\n"
  }

  @Test func aReaderGoesOnWhereItStopped() throws {
    let lab = try Lab()
    let folder = lab.folder + "/results"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func write(_ text: String, to name: String) throws {
      let path = folder + "/" + name
      if !FileManager.default.fileExists(atPath: path) {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
      }
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data(text.utf8))
      try file.close()
    }
    let reader = PilotNewsReader(folder, except: "own")
    let made = try line("made \(key.hex) \(key.hex) \(key.hex) 12 h5 avx2  3 1.5")
    let failed = try line("failed \(key.hex) 4")
    try write(made, to: "own")
    #expect(reader.read().isEmpty)
    try write(made + failed, to: "a")
    try write(String(made.prefix(50)), to: "b")
    let first = reader.read()
    #expect(first.count == 2 && reader.count == 2)
    guard case .made(let artifact, let node, let cost) = first[0],
      case .failed(let action, let other) = first[1]
    else {
      Issue.record("\(first)")
      return
    }
    #expect(artifact.action == key && artifact.size == 12 && artifact.variant == "avx2")
    #expect(node.index == 3 && cost == 1.5 && action == key && other.index == 4)
    // The rest of a line completes it; a flipped bit is passed over, and what follows is read.
    try write(String(made.dropFirst(50)), to: "b")
    #expect(reader.read().count == 1)
    var damaged = Array(made.utf8)
    damaged[20] ^= 1
    try write(String(decoding: damaged, as: UTF8.self) + "\n\n" + failed, to: "a")
    #expect(reader.read().count == 1)
    #expect(reader.read().isEmpty)
    // More than a buffer at once.
    try write(String(repeating: made, count: 2000), to: "c")
    #expect(reader.read().count == 2000)
  }

  @Test func manyFilesAreReadInTurnAndSilentOnesSeldom() throws {
    let lab = try Lab()
    let folder = lab.folder + "/results"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let failed = try line("failed \(key.hex) 4")
    for name in 0..<10 { try failed.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8) }
    let reader = PilotNewsReader(folder, except: "")
    #expect((0..<3).map { _ in reader.read(atMost: 4).count } == [4, 4, 2])
    #expect(reader.read().isEmpty && reader.count == 10)
    // One that was not there at the last listing is found by the next.
    try failed.write(toFile: "\(folder)/new", atomically: false, encoding: .utf8)
    #expect(reader.read(lists: false).isEmpty && reader.read().count == 1)
    for _ in 0..<100 { #expect(reader.read(sparing: true).isEmpty) }
    try (failed + failed).write(toFile: "\(folder)/3", atomically: false, encoding: .utf8)
    let looks = (1...8).first { _ in !reader.read(sparing: true).isEmpty }
    #expect(looks != nil)
  }

  @Test func aLineMustMakeSense() throws {
    let lab = try Lab()
    let folder = lab.folder + "/results"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let lines = [
      "made \(key.hex) \(key.hex) \(key.hex) 12 ../h5 avx2  3 1.5", "failed \(key.hex) -1", "failed x 1",
      "made \(key.hex)", "other \(key.hex) 1", "",
    ]
    try lines.map { try line($0) }.joined().write(toFile: folder + "/a", atomically: true, encoding: .utf8)
    #expect(PilotNewsReader(folder, except: "").read().isEmpty)
  }
}
