// Programs whose words are in keys, such as an interpreter that is asked for its version.

import PipelineCore
import Programs

/// Asks programs.
enum TrackedPrograms {
  private struct Refusal: Error, CustomStringConvertible {
    var description: String
  }

  /// What a program says on standard output and standard error, started in the working folder with the caller's own
  /// environment.
  ///
  /// - Throws: Where it can't be started or does not exit with status 0.
  static func ask(_ command: [String]) throws -> String {
    let child = try Program(command, output: .pipe, errors: .likeOutput).start()
    let (ending, output, _) = child.communicate()
    guard case .exited(status: 0) = ending else {
      let said = String(decoding: output.suffix(200), as: UTF8.self)
      throw Refusal(description: "it did not exit with status 0" + (said.isEmpty ? "" : "; it said: \(said)"))
    }
    return String(decoding: output, as: UTF8.self)
  }
}
