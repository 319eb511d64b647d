// A program that a stage runs: how it ended, as the stage's own failure.

import PipelineCore
import Programs

extension Program {
  /// Runs the program to its end. Its output goes where this process's standard error goes, whose last lines the engine
  /// tells with a failure; its input is empty.
  ///
  /// - Throws: `StageFailure` if it can't be started or does not exit with status 0.
  func runWell() throws(StageFailure) {
    let ending: ProgramEnding
    do throws(ProgramError) {
      ending = try run()
    } catch {
      throw StageFailure(error.description, kind: .unavailable)
    }
    switch ending {
    case .exited(status: 0): return
    case .exited(let status): throw StageFailure("\(arguments[0]) exited with status \(status)")
    case .signalled(let signal):
      throw StageFailure(
        "\(arguments[0]) was ended by signal \(signal)", kind: ending.wasAskedToEnd ? .interrupted : .failed)
    }
  }
}
