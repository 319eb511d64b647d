// What a run says at its end: a line for people, or JSON.

import Artifacts
import Glibc
import PipelineCore
import PipelineExecution
import Stages
import Wording

/// What a run has done, as `--json` prints it.
struct RunReport: Encodable {
  struct Ran: Encodable {
    var node: String
    var reasons: [String]
  }
  struct Failed: Encodable {
    var node: String
    var message: String
    /// The file of all that it printed.
    var log: String?
  }
  /// A node that was made once more by --force.
  struct MadeAgain: Encodable {
    var node: String
    var isSame: Bool
    /// A sentence for each part of the artifact that differs.
    var differences: [String]
  }
  var ran: [Ran]
  var upToDate: Int
  var unchanged: Int
  var failed: [Failed]
  var blocked: [String]
  var interrupted: Bool
  var madeAgain: [MadeAgain]
  var seconds: Double

  init(_ summary: RunSummary, madeAgain: [MadeAgain] = []) {
    ran = summary.ran.map { Ran(node: $0.node, reasons: $0.reasons.map(\.description)) }
    upToDate = summary.fresh
    unchanged = summary.cutOff
    failed = summary.failures.map { Failed(node: $0.node, message: $0.failure.message, log: $0.log) }
    blocked = summary.blocked
    interrupted = summary.interrupted
    self.madeAgain = madeAgain
    seconds = summary.seconds
  }

  /// Says it on standard error.
  static func tell(_ summary: RunSummary, of pipeline: String) {
    var line = "\(pipeline): \(counted(summary.ran.count, "node")) run, \(summary.fresh) up to date"
    if summary.cutOff > 0 { line += ", \(summary.cutOff) unchanged" }
    if !summary.failures.isEmpty { line += ", \(summary.failures.count) failed" }
    if !summary.blocked.isEmpty { line += ", \(summary.blocked.count) blocked by them" }
    line += "  \(duration(summary.seconds))"
    printError(line)
    for failure in summary.failures {
      printError("error: \(failure.node): \(failure.failure.message)")
      if let log = failure.log { printError("  all that it printed: \(log)") }
    }
    if !summary.failures.isEmpty {
      if !summary.blocked.isEmpty {
        let shown = summary.blocked.prefix(5).joined(separator: ", ")
        let more = summary.blocked.count > 5 ? ", and \(summary.blocked.count - 5) more" : ""
        printError("  not run because of that: \(shown)\(more)")
      }
      printError("  what was finished is kept; run the same command again to go on from here")
    }
    if summary.interrupted { printError("interrupted; run the same command again to go on from here") }
  }
}

extension Session {
  /// Compares what was made once more with what was there before, and drops the former files.
  func compare(_ nodes: [RunSummary.MadeAgain]) -> [RunReport.MadeAgain] {
    nodes.map { made in
      let name = plan[made.node].name
      if made.isSame { return RunReport.MadeAgain(node: name, isSame: true, differences: []) }
      var differences: [String] = []
      if let former = made.former, let artifact = cache.artifact(plan: keys[made.node]) {
        differences =
          (try? ArtifactDifference.sentences(from: former, to: cache.file(of: artifact))) ?? []
        unlink(former)
      }
      return RunReport.MadeAgain(node: name, isSame: false, differences: differences)
    }
  }
}

extension RunReport.MadeAgain {
  /// `fit[seed=1]: made again, the same`, or what differs, in at most so many sentences.
  func text(most: Int = 10) -> String {
    if isSame { return "\(node): made again, the same\n" }
    var text = "\(node): made again, and it differs\n"
    for sentence in differences.prefix(most) { text += "  \(sentence)\n" }
    if differences.count > most { text += "  and \(differences.count - most) more (--json tells all)\n" }
    return text
  }
}
