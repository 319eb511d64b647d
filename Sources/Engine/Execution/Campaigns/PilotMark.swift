// What says that a pilot is at work: a file that it touches, with its host and the batch job that it belongs to.

import Glibc
import PipelineCore

/// The batch job that this process belongs to, as people know it.
package enum BatchJob {
  /// `job 123_4` in SLURM, and what other batch systems call theirs; nil outside of any.
  package static let current: String? = name(in: { name in getenv(name).map { String(cString: $0) } })

  static func name(in variable: (String) -> String?) -> String? {
    func text(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    if let array = text("SLURM_ARRAY_JOB_ID"), let task = text("SLURM_ARRAY_TASK_ID") {
      return "\(array)_\(task)"
    }
    let names = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_COMPLETION_INDEX", "OAR_JOB_ID"]
    for name in names { if let job = text(name) { return job } }
    return nil
  }
}

/// A pilot as others see it.
public struct PilotMark: Sendable {
  /// Its name, which no other pilot has.
  public var name: String
  /// Its host.
  public var host: String
  /// Its process number there.
  public var process: Int32
  /// The batch job that it belongs to.
  public var job: String?
  var scope: String
  /// Seconds since it last touched its mark, by the clock of the folder's server.
  var silence: Double

  /// A pilot touches its mark this often, in seconds.
  static let period = 20.0

  /// Whether it is at work, as far as can be seen: its process where that is visible, or else its mark, which it may have
  /// missed to touch a few times.
  public var isAlive: Bool {
    if scope == POSIX.scope { return kill(process, 0) == 0 || errno != ESRCH }
    return silence < 6 * Self.period
  }

  /// `job 123_4 on n1`, or `process 77 on n1`.
  public var description: String { (job.map { "job \($0)" } ?? "process \(process)") + " on \(host)" }

  init?(name: String, file path: String, now: Double) {
    guard let bytes = (try? POSIX.read(path)) ?? nil, let record = RecordFile(bytes, kind: .pilot),
      let host = record["host"], let scope = record["scope"], let facts = POSIX.facts(path),
      let process = record["process"].flatMap({ Int32($0) })
    else { return nil }
    (self.name, self.host, self.scope, self.process) = (name, host, scope, process)
    job = record["job"]
    silence = now - facts.modified
  }

  static func record() -> RecordFile {
    var record = RecordFile()
    record.add("host", POSIX.hostName)
    record.add("scope", POSIX.scope)
    record.add("process", String(getpid()))
    if let job = BatchJob.current { record.add("job", job) }
    record.add("began", POSIX.timestamp())
    return record
  }

  /// A name that no other pilot has, and that says where it is: host, job or process, and a random part.
  static func newName() -> String {
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    let host = PipelineIdentity.escape(String(POSIX.hostName.prefix { $0 != "." }))
    return "\(host)-\(PipelineIdentity.escape(BatchJob.current ?? String(getpid())))-\(unique)"
  }
}

extension Campaign {
  /// The pilots that have not said their end, dead ones among them.
  public func pilots() -> [PilotMark] {
    let names = POSIX.list(path(.pilots))
    guard !names.isEmpty else { return [] }
    let now = serverTime()
    return names.compactMap { PilotMark(name: $0, file: path(.pilots) + "/" + $0, now: now) }
  }

  /// The time of day by the clock that marks are dated with: hosts' clocks may differ.
  private func serverTime() -> Double {
    let probe = cache.layout.temporary("clock")
    if (try? POSIX.create(probe, [])) != nil, let facts = POSIX.facts(probe) {
      unlink(probe)
      return facts.modified
    }
    return Double(time(nil))
  }

  // MARK: Failures

  /// Keeps a failure for all pilots. To be called under the lease of the action.
  func record(failure message: String, of action: Digest, node: String) throws(SystemError) {
    var record = RecordFile()
    record.add("message", message)
    record.add("node", node)
    record.add("where", PilotMark.whereabouts)
    try POSIX.writeAtomically(
      record.bytes(kind: .failure), to: "\(path(.failures))/\(action.hex)",
      temporary: cache.layout.temporary("failure"), sync: false)
  }

  /// Why an action has failed in this campaign, and where; nil if it has not.
  func failure(of action: Digest) -> String? {
    guard let bytes = (try? POSIX.read("\(path(.failures))/\(action.hex)")) ?? nil,
      let record = RecordFile(bytes, kind: .failure), let message = record["message"]
    else { return nil }
    return "\(message) (\(record["where"] ?? "elsewhere"))"
  }

  /// What has failed: the node, why and where.
  public func failures() -> [(node: String, message: String)] {
    POSIX.list(path(.failures)).compactMap { name in
      guard let bytes = (try? POSIX.read("\(path(.failures))/\(name)")) ?? nil,
        let record = RecordFile(bytes, kind: .failure), let node = record["node"]
      else { return nil }
      return (node, "\(record["message"] ?? "") (\(record["where"] ?? "elsewhere"))")
    }.sorted { $0.node < $1.node }
  }
}

extension PilotMark {
  /// Where this process is, as people know it: `job 123_4 on n1`.
  static var whereabouts: String {
    (BatchJob.current.map { "job \($0)" } ?? "process \(getpid())") + " on \(POSIX.hostName)"
  }
}
