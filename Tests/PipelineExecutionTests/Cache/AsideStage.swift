// A toy stage whose results depend on what no key knows.

import Foundation
import PipelineCore

/// The number in a file that its key knows nothing of, as a program's own library is.
enum AsideStage: Stage {
  static let aside = Parameter("aside", .string, changesResult: false, "the file")
  static let log = Parameter("log", .string, default: "", changesResult: false, "not used")
  static let declaration = StageDeclaration(
    name: "aside", version: 1, summary: "a number that is in no key", parameters: [aside, log],
    fileExtension: "txt")
  static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: task.parameters[aside]))
    if bytes.isEmpty { throw StageFailure("there is no number") }
    try bytes.write(to: URL(fileURLWithPath: task.output))
    return Digest(of: bytes)
  }
}
