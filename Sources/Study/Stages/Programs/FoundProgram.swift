// The program that a node's name for it came to: what the record says of it, and whether it is the one in the key.

import FileTree
import PipelineCore
import Programs

/// Notes of the stage `command`; see `StageContext.note`.
public enum ProgramNote {
  /// The file of the program: absolute where its name was looked up, or else as `argv` has it.
  public static let path = "program"
  /// Where that leads, if it is a link: an environment of Python links to the interpreter that it was made with.
  public static let target = "program_target"
  /// The digest of the file, where it is tracked.
  public static let digest = "program_digest"
}

extension Program {
  /// Notes which file is about to run for a task, with its digest where the node tracks it.
  ///
  /// - Throws: `StageFailure` where it has other bytes than those in the key.
  func note(for task: StageTask, in folder: ProgramFolder, _ context: some StageContext) throws {
    // The start says so, too.
    guard let found = found() else { return }
    context.note(ProgramNote.path, found)
    let place = found.hasPrefix("/") ? found : folder.path + "/" + found
    let target = FileTree.target(of: place)
    if found.hasPrefix("/"), let target, target != found { context.note(ProgramNote.target, target) }
    guard task.parameters[CommandStage.track].contains(.itself) else { return }
    let digest = Digest(try FileTree.digest(of: place))
    context.note(ProgramNote.digest, digest.hex)
    // What stands in the node's own folder is a copy that was checked.
    if found.hasPrefix("/"), let expected = task.program, digest != expected {
      throw StageFailure(
        "the program \(found) changed during the run: it is not what it was when the run began; run again")
    }
  }
}
