// A toy stage that keeps what it computes in a section of the cache.

import Foundation
import PipelineCore

/// The square of a number, remembered between runs.
public enum MemoryStage: Stage {
  private static let number = Parameter("value", .integer(0...1_000_000), default: 0, "the number")
  private static let label = Parameter("label", .string, default: "", "in the key, not in the content")
  private static let seconds = Parameter(
    "seconds", .number(0...), default: 0, changesResult: false, "how long a square takes")
  private static let log = Parameter(
    "log", .string, default: "", changesResult: false, "a file that gets a line a square")

  /// A number, a label that makes another node of it, and the time that a square takes.
  public static var declaration: StageDeclaration {
    StageDeclaration(
      name: "memory", version: 1, summary: "a square, remembered",
      parameters: [number, label, seconds, log], fileExtension: "txt")
  }

  /// Looks the square up, or else computes it while no other process does.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let section = context.section("squares", of: ["toy", "1"])
    let value = task.parameters[number]
    let name = "\(value).square"
    var square = section.read(name)
    if square == nil {
      _ = try section.withLock(name, waits: true) {
        square = section.read(name)
        if square == nil {
          square = try compute(value, task)
          try section.write(square ?? [], as: name)
        }
      }
    }
    section.markUsed(name)
    let bytes = square ?? []
    try Data(bytes).write(to: URL(fileURLWithPath: task.output))
    return Digest(of: bytes)
  }

  private static func compute(_ value: Int, _ task: StageTask) throws -> [UInt8] {
    usleep(UInt32(task.parameters[seconds] * 1e6))
    let descriptor = open(task.parameters[log], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    let line = "start 0 0 0 0 0 square of \(value)\n"
    _ = write(descriptor, line, line.utf8.count)
    close(descriptor)
    return Array("\(value * value)\n".utf8)
  }
}
