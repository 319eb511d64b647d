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

/// Splits a stream of bytes into lines; each byte is looked at once, however long a line is.
struct LineBuffer {
  private var pending: [UInt8] = []
  /// A longer line is broken here.
  private let limit: Int

  init(limit: Int = Int.max) { self.limit = limit }

  /// Takes bytes and returns the lines that they complete, without empty ones.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var rest = bytes
    while let end = rest.firstIndex(of: 0x0A) {
      if pending.isEmpty {
        lines.append(rest[..<end])
      } else {
        lines.append((pending + rest[..<end])[...])
        pending = []
      }
      rest = rest[(end + 1)...]
    }
    pending += rest
    if pending.count >= limit { lines += [takeRest()] }
    return lines.filter { !$0.isEmpty }
  }

  /// What has come since the last end of a line.
  mutating func takeRest() -> ArraySlice<UInt8> {
    defer { pending = [] }
    return pending[...]
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
