// What a scheduler and a worker say to each other: one JSON object a line.

import Foundation
import PipelineCore

/// From a worker to its scheduler.
enum WorkerMessage: Codable, Sendable {
  case progress(fraction: Double, message: String)
  case log(String)
  case finished(TaskOutcome)
  case failed(StageFailure)
}

/// Splits a stream of bytes into lines.
struct LineBuffer {
  private var pending: [UInt8] = []

  /// Takes bytes and returns the lines that they complete.
  mutating func take(_ bytes: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
    pending += bytes
    guard let end = pending.lastIndex(of: 0x0A) else { return [] }
    let lines = pending[..<end].split(separator: 0x0A, omittingEmptySubsequences: true)
    pending.removeSubrange(...end)
    return Array(lines)
  }
}

func encodeLine(_ value: some Encodable) -> [UInt8] {
  // Only plain values are encoded here, and none of them is NaN: the encoder can't fail.
  let data = try! JSONEncoder().encode(value)
  return Array(data) + [0x0A]
}

func decodeLine<T: Decodable>(_ type: T.Type, _ line: some Collection<UInt8>) -> T? {
  try? JSONDecoder().decode(type, from: Data(line))
}
