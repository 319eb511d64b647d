// What a pipeline file publishes: copies of results in a folder of the user's, at the end of each run.

import PipelineCore
import PipelineExecution
import PipelineFile
import Wording

extension Session {
  /// Leaves what the file says in the folders that it names, as far as it is up to date, and says which files there are of
  /// an earlier run.
  ///
  /// - Returns: False if something there is none of the program's.
  func publish() throws -> Bool {
    var isClear = true
    for publication in document.publications {
      let folder = Project.path(publication.folder)
      let export = Export(
        session: self, folder: folder, nodes: publication.nodes, withArtifactsOfOthers: true,
        isPublication: true)
      let outcome = try export.carryOut(overwrites: false)
      if outcome.changes > 0 { printError("published in \(folder): \(outcome.changes) changed") }
      if !outcome.former.isEmpty {
        let more = outcome.former.count > 5 ? ", and \(outcome.former.count - 5) more" : ""
        let list = outcome.former.prefix(5).joined(separator: ", ") + more
        printError(
          "warning: published in \(folder): of an earlier run, since not up to date: \(list)")
      }
      isClear = isClear && outcome.conflicts.isEmpty
    }
    return isClear
  }
}
