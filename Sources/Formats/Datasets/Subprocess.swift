// Runs other programs for their effect, and keeps the last of what they say.

import Programs

/// A program's end: its status and the last of what it said.
struct ProcessResult {
  let succeeded: Bool
  /// The last lines of its standard output and error.
  let lastLines: [String]

  /// The last lines in one.
  var lastWords: String { lastLines.joined(separator: "; ") }
}

/// Runs `arguments` (the program's name or path first) and waits for its end. Nothing is fed to it.
func runProgram(_ arguments: [String], in folder: String? = nil) -> ProcessResult {
  do throws(ProgramError) {
    let child = try Program(arguments, directory: folder, output: .pipe, errors: .likeOutput).start()
    // Only the end is of interest, and it tells the cause.
    let (ending, output, _) = child.communicate(keepingLast: 4096)
    let lines = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
    return ProcessResult(succeeded: ending.isSuccess, lastLines: lines.suffix(3).map(String.init))
  } catch {
    return ProcessResult(succeeded: false, lastLines: [error.description])
  }
}
