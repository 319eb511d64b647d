// Reads the parameters that an artifact was made with, as it records them.

import Foundation
import HDF5
import PipelineCore

extension FileReader {
  /// The parameters that the artifact was made with.
  ///
  /// - Throws: `StageFailure` if they are not of the stage.
  func parameters(of stage: StageDeclaration) throws -> ParameterValues {
    do {
      let recorded = try JSONDecoder().decode([String: Value].self, from: Data(string("parameters").utf8))
      return try ParameterValues(recorded: recorded, of: stage)
    } catch let problem as ParameterProblem {
      throw StageFailure(
        "an artifact of \(stage.name) records other parameters than that stage has: \(problem)")
    }
  }
}
