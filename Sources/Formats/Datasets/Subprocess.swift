// Runs other programs, without a shell.

import Foundation

/// A program's end: its status and the last of what it said.
struct ProcessResult {
  let succeeded: Bool
  /// The last lines of its standard output and error.
  let lastLines: [String]

  /// The last lines in one.
  var lastWords: String { lastLines.joined(separator: "; ") }
}

/// Runs `arguments` (the program's name or path first) and waits for its end. Nothing is fed to it.
func runProgram(_ arguments: [String]) -> ProcessResult {
  guard let program = findProgram(arguments[0]) else {
    return ProcessResult(succeeded: false, lastLines: ["there is no program '\(arguments[0])'"])
  }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = Array(arguments.dropFirst())
  process.standardInput = FileHandle.nullDevice
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  do {
    try process.run()
  } catch {
    return ProcessResult(succeeded: false, lastLines: ["\(error)"])
  }
  // Only the end is of interest, and it tells the cause.
  var tail = Data()
  while true {
    let part = output.fileHandleForReading.availableData
    if part.isEmpty { break }
    tail = (tail + part).suffix(4096)
  }
  process.waitUntilExit()
  let lines = String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline)
  return ProcessResult(
    succeeded: process.terminationReason == .exit && process.terminationStatus == 0,
    lastLines: lines.suffix(3).map(String.init))
}

/// The path of a program: itself if it has a slash in it, or else the first one on PATH.
func findProgram(_ name: String) -> String? {
  if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
  let folders = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
  return folders.split(separator: ":").map { "\($0)/\(name)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}
