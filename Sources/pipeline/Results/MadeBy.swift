// The program that made an artifact, as its record tells it.

import PipelineExecution
import Stages

/// Which program a stage `command` has run.
struct MadeBy: Encodable {
  /// Its file, absolute where its name was looked up on the PATH.
  var path: String
  /// Where that leads, if it is a link.
  var target: String?
  /// The digest of the file, where the stage tracks it.
  var digest: String?

  /// What a record says; nil for what no program has made.
  init?(_ record: ActionRecord?) {
    guard let record, let path = record.note(ProgramNote.path) else { return nil }
    self.path = path
    target = record.note(ProgramNote.target)
    digest = record.note(ProgramNote.digest)
  }

  /// `/opt/venv/bin/python3 → /usr/bin/python3.11, digest 1f2e3d4c5b6a`.
  var text: String {
    path + (target.map { " → \($0)" } ?? "") + (digest.map { ", digest \($0.prefix(12))" } ?? "")
  }
}
