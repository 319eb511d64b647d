// Temporary folders, small data sets and Python for the tests.

import Foundation
import Testing

/// A folder of its own, removed when the value goes out of scope.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "datasets-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

func save(_ bytes: [UInt8], _ path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

func load(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// The bytes of an IDX file.
func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
  [0, 0, 8, UInt8(shape.count)]
    + shape.flatMap { length in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } } + bytes
}

/// Writes a data set of `count` training and 2 test images.
func saveDataset(_ folder: String, count: Int = 3) throws {
  for (prefix, count) in [("train", count), ("t10k", 2)] {
    let pixels = (0..<count * 784).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try save(idx([count, 28, 28], pixels), "\(folder)/\(prefix)-images-idx3-ubyte")
    try save(idx([count], (0..<count).map { UInt8($0 % 10) }), "\(folder)/\(prefix)-labels-idx1-ubyte")
  }
}

/// The package's folder.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// Runs a program; what it prints.
@discardableResult
func run(_ arguments: String...) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  process.waitUntilExit()
  try #require(process.terminationStatus == 0, "\(arguments[0]) failed")
  return text
}

/// Runs a Python program in the environment that `make test` sets up; returns what it prints.
@discardableResult
func python(_ program: String, _ arguments: String...) throws -> String {
  let interpreter =
    ProcessInfo.processInfo.environment["PIPELINE_PYTHON"] ?? packageRoot + "/.build-python/bin/python"
  try #require(
    FileManager.default.isExecutableFile(atPath: interpreter),
    "no Python with NumPy at \(interpreter): `make test` sets it up")
  let process = Process()
  process.executableURL = URL(fileURLWithPath: interpreter)
  process.arguments = ["-c", program] + arguments
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  process.waitUntilExit()
  try #require(process.terminationStatus == 0, "the Python program failed")
  return text
}

/// The description of the error that `body` throws.
func message(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch { return "\(error)" }
}
