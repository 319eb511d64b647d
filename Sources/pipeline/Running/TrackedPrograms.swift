// Programs that are in keys: their words, such as those of an interpreter that is asked for its version, or their files.

import Glibc
import PipelineCore
import PipelineExecution
import Programs

/// Asks programs.
enum TrackedPrograms {
  private struct Refusal: Error, CustomStringConvertible {
    var description: String
  }

  /// The answer to a question of a node's.
  ///
  /// - Parameter hashFile: Gives the digest of a file.
  static func answer(
    _ question: TrackedQuestion, hashFile: (String) throws -> Digest
  ) throws -> TrackedOutput {
    switch question {
    case .words(let command): return TrackedOutput(command: command, said: try ask(command))
    case .program(let name, _):
      guard let found = file(of: question) else {
        throw Refusal(
          description: name.hasPrefix("/")
            ? "there is no such program" : "there is no such program on the PATH that it is given")
      }
      return TrackedOutput(program: name, digest: try hashFile(found))
    }
  }

  /// The file of the program that a question is about; nil where there is none.
  static func file(of question: TrackedQuestion) -> String? {
    switch question {
    case .words(let command): return Program.find(command[0])
    case .program(let name, let path):
      // Folders of the program's own are not there before it starts, and what is in them is in the key already.
      let folders = (path ?? getenv("PATH").map { String(cString: $0) }).map {
        $0.split(separator: ":").filter { $0.hasPrefix("/") }.joined(separator: ":")
      }
      return Program.find(name, path: folders)
    }
  }

  /// What a program says on standard output and standard error, started in the working folder with the caller's own
  /// environment.
  ///
  /// Whoever ends this process meanwhile ends the program, too; nothing has been begun by then.
  ///
  /// - Throws: Where it can't be started or does not exit with status 0.
  private static func ask(_ command: [String]) throws -> String {
    let (ending, output) = try Interrupts.meeting { stop in
      try Program(command, output: .pipe, errors: .likeOutput).start().communicate(stoppingAt: stop)
    }
    if ending == nil { exit(Exit.interrupted.rawValue) }
    guard case .exited(status: 0) = ending else {
      let said = String(decoding: output.suffix(200), as: UTF8.self)
        .split(whereSeparator: \.isNewline).joined(separator: "\n")
      throw Refusal(description: "it did not exit with status 0" + (said.isEmpty ? "" : "; it said: \(said)"))
    }
    return String(decoding: output, as: UTF8.self)
  }
}
