// Runs the real executable, and Python with h5py, in a scratch folder of each test's own.

import Foundation
import Testing

/// What a program answered.
struct Answer {
  var status: Int32
  var output: String
  var errors: String
}

/// A scratch folder with a cache, in which the executable is run.
final class Sandbox {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  /// The executable under test: the one built beside this test.
  static let executable =
    ProcessInfo.processInfo.environment["PIPELINE_EXECUTABLE"] ?? root + "/.build/release/pipeline"
  static let python =
    ProcessInfo.processInfo.environment["PIPELINE_PYTHON"] ?? root + "/.build-python/bin/python"

  let folder: String
  var cache: String { folder + "/cache" }

  init() throws {
    folder = NSTemporaryDirectory() + "pipeline-test-" + UUID().uuidString
    let manager = FileManager.default
    try manager.createDirectory(atPath: cache, withIntermediateDirectories: true)
    try manager.copyItem(atPath: Self.root + "/pipelines", toPath: folder + "/pipelines")
    // Data is fetched once for all tests, by `make test`.
    let downloads = Self.root + "/cache/downloads"
    try manager.createDirectory(atPath: downloads, withIntermediateDirectories: true)
    try manager.createSymbolicLink(atPath: cache + "/downloads", withDestinationPath: downloads)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ text: String, to path: String) throws {
    let url = URL(fileURLWithPath: folder + "/" + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }

  /// Starts a program, in the scratch folder or in another one.
  func start(_ program: String, _ arguments: [String], in directory: String? = nil) throws -> (
    Process, () -> Answer
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory ?? folder)
    process.standardInput = FileHandle.nullDevice
    // A developer's own cache is no place for tests.
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "PIPELINE_CACHE" }
    // Files rather than pipes: a program that says much can't block, and nothing has to be read meanwhile.
    let names = ["out", "err"].map { folder + "/" + UUID().uuidString + "." + $0 }
    for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: names[0])
    process.standardError = FileHandle(forWritingAtPath: names[1])
    try process.run()
    return (
      process,
      {
        process.waitUntilExit()
        let texts = names.map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" }
        for name in names { try? FileManager.default.removeItem(atPath: name) }
        let status =
          process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        return Answer(status: status, output: texts[0], errors: texts[1])
      }
    )
  }

  @discardableResult
  func pipeline(in directory: String? = nil, _ arguments: String...) throws -> Answer {
    try start(Self.executable, arguments, in: directory).1()
  }

  func python(_ arguments: [String]) throws -> Answer {
    guard FileManager.default.isExecutableFile(atPath: Self.python) else {
      Issue.record("there is no \(Self.python); 'make test' sets it up")
      throw CocoaError(.fileNoSuchFile)
    }
    // One thread: NumPy's others would wait in loops for processors that other tests have.
    return try start("/usr/bin/env", ["OPENBLAS_NUM_THREADS=1", Self.python] + arguments).1()
  }

  /// The nodes that a run would run.
  func planned(_ arguments: String...) throws -> Set<String> {
    struct Entry: Decodable { var node: String }
    let answer = try start(Self.executable, ["plan"] + arguments + ["--json"]).1()
    #expect(answer.status == 0, "\(answer.errors)")
    return Set(try JSONDecoder().decode([Entry].self, from: Data(answer.output.utf8)).map(\.node))
  }

  /// The nodes that a run ran.
  func run(_ arguments: String...) throws -> Set<String> {
    struct Report: Decodable {
      struct Ran: Decodable { var node: String }
      var ran: [Ran]
    }
    let answer = try start(Self.executable, ["run"] + arguments + ["--json"]).1()
    #expect(answer.status == 0, "\(answer.errors)")
    return Set(try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8)).ran.map(\.node))
  }

  /// The artifacts of the cache, by path relative to it.
  func artifacts() -> [String] {
    let folder = cache + "/artifacts"
    return (FileManager.default.subpaths(atPath: folder) ?? []).filter { $0.hasSuffix(".h5") }.sorted().map {
      folder + "/" + $0
    }
  }
}
