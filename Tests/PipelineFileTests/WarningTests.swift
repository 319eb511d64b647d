// Files that are right and may not mean what their author meant.

import PipelineCore
import PipelineFile
import Testing

/// A file that is right, and what is said of it all the same.
let doubtful = WrongFile(
  "an axis on which nothing depends",
  #"""
  axes: { n: 2 }
  stages:
    images: { stage: load-images }
    parts: { stage: cluster, for: n }
    base: { stage: train, for: n, parameters: { epochs: 1 } }
    group: { for: n, parameters: { label: "${n}" } }
    retrain: { for: n, inputs: ["group[n=0]"] }
    evaluate: { for: net, inputs: [net: base, "group[n=0]"] }
    all: { stage: table, for: n, inputs: { rows: evaluate } }

  """#,
  says: #"""
    folder/main.yaml:4:33: warning: stage 'parts' makes one result for all values of 'n', since nothing that it reads depends on it
     4 |   parts: { stage: cluster, for: n }
       |                                 ^
      note: take 'n' out of its 'for', or use '${n}' in its parameters
    """#)

@Suite struct WarningTests {
  /// Random stages draw other numbers at each value; what reads a stage of that axis depends on it.
  @Test func warnsOfIdleAxes() throws {
    let warnings = try document(doubtful.text).warnings
    #expect(warnings.map(\.description).joined(separator: "\n") == doubtful.errors)
  }

  @Test func rightFilesWarnOfNothing() throws {
    #expect(try document(coherent).warnings.isEmpty)
  }
}
