// Reads the parameters that an artifact was made with, as it records them.

import Artifacts
import PipelineCore

extension ArtifactReader {
  /// The parameters that the artifact was made with.
  ///
  /// - Throws: `StageFailure` if they are not of the stage.
  func parameters(of stage: StageDeclaration) throws -> ParameterValues {
    do {
      return try ParameterValues(recorded: parameters(), of: stage)
    } catch let problem as ParameterProblem {
      throw StageFailure(
        "an artifact of \(stage.name) records other parameters than that stage has: \(problem)")
    }
  }
}
