// Writes the record of one run: what ran, why, how long, on how many threads, with how much memory.

import PipelineCore

/// Writes the record; a run that changes nothing leaves none.
struct RunLog {
  private let file: OwnLog
  private let plan: Plan
  private let jobs: Int
  private let overrides: [String]
  private let time = POSIX.timestamp()
  private var started = false

  init(cache: CacheStore, plan: Plan, jobs: Int, overrides: [String]) {
    self.plan = plan
    self.jobs = jobs
    self.overrides = overrides
    file = OwnLog(cache.layout.run(RunHistory.newID(of: PipelineIdentity(of: plan, in: cache.layout))))
  }

  mutating func add(_ node: NodeRun) throws(SystemError) {
    if !started {
      started = true
      try write(
        .start(
          RunStart(
            time: time, pipeline: plan.name, owner: .current, jobs: jobs, overrides: overrides,
            processor: Machine.processor, parameters: plan.parametersByStage())))
    }
    try write(.node(node))
  }

  func end(_ end: RunEnd) throws(SystemError) {
    if started { try write(.end(end)) }
  }

  private func write(_ event: RunEvent) throws(SystemError) {
    // The last member is a checksum of all that stands before it.
    let body = event.json.dropLast()
    try file.append("\(body),\"check\":\"\(checksum(body.utf8))\"}\n")
  }

  /// Whether a line is as it was written.
  static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    let tail = 28
    guard line.count > tail else { return false }
    let body = line.dropLast(tail)
    return line.suffix(tail).elementsEqual(",\"check\":\"\(checksum(body))\"}".utf8)
  }
}
