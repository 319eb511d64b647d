// Temporary folders, and h5py as the outside oracle.

import Foundation
import Testing

/// A folder of its own, removed when the value goes out of scope.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "hdf5-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

/// Runs a Python program in the environment that `make test` sets up; returns what it prints.
func python(_ program: String, _ arguments: String...) throws -> String {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  let interpreter =
    ProcessInfo.processInfo.environment["PIPELINE_PYTHON"] ?? root + "/.build-python/bin/python"
  guard FileManager.default.isExecutableFile(atPath: interpreter) else {
    throw NoPython(interpreter: interpreter)
  }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: interpreter)
  process.arguments = ["-c", program] + arguments
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  process.waitUntilExit()
  #expect(process.terminationStatus == 0, "the Python program failed")
  return text.trimmingCharacters(in: .whitespacesAndNewlines)
}

struct NoPython: Error, CustomStringConvertible {
  let interpreter: String
  var description: String { "no Python with h5py at \(interpreter): `make test` sets it up" }
}

/// SplitMix64, for tests that need the same choices each time.
struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
