// The append-only record of one run: what ran, why, how long, on how many threads, with how much memory.

import Foundation
import Glibc
import PipelineCore

/// One line of a run's record.
public struct RunEvent: Codable, Sendable {
  /// `start`, `ran`, `failed` or `end`.
  public var event: String
  /// Universal time.
  public var time: String
  /// The pipeline.
  public var pipeline: String?
  /// The node.
  public var node: String?
  /// The action key under which the artifact is kept.
  public var key: Digest?
  /// Why it ran.
  public var reasons: [String]?
  /// How long, in seconds.
  public var seconds: Double?
  /// On how many threads.
  public var threads: Int?
  /// Peak memory in bytes.
  public var peakMemory: Int?
  /// The message of a failure, or how the run ended.
  public var message: String?
}

/// Writes the record; a run that changes nothing leaves none.
struct RunLog {
  private let path: String
  private let pipeline: String
  private var started = false

  init(cache: Cache, pipeline: String) {
    self.pipeline = pipeline
    let time = POSIX.timestamp().filter { $0 != "-" && $0 != ":" }
    let unique = String(UInt32.random(in: .min ... .max), radix: 36)
    path = "\(cache.root)/runs/\(time)-\(Experiment.fileName(pipeline))-\(unique).jsonl"
  }

  mutating func add(_ event: RunEvent) throws(SystemError) {
    if !started {
      started = true
      try write(RunEvent(event: "start", time: POSIX.timestamp(), pipeline: pipeline))
    }
    try write(event)
  }

  mutating func end(_ message: String) throws(SystemError) {
    if started { try write(RunEvent(event: "end", time: POSIX.timestamp(), message: message)) }
  }

  private func write(_ event: RunEvent) throws(SystemError) {
    // The last member is a checksum of all that stands before it.
    let body = encodeLine(event).dropLast(2)
    try POSIX.append("\(String(decoding: body, as: UTF8.self)),\"check\":\"\(checksum(body))\"}\n", to: path)
  }

  /// Whether a line is as it was written.
  static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    let tail = 28
    guard line.count > tail else { return false }
    let body = line.dropLast(tail)
    return line.suffix(tail).elementsEqual(",\"check\":\"\(checksum(body))\"}".utf8)
  }
}
