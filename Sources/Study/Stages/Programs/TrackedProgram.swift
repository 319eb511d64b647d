// What of a program decides the result of its node beyond arguments and files: its own file, and what programs say.

import PipelineCore

/// What the parameter `track` of the stage `command` names.
enum TrackedProgram: Sendable, Hashable {
  /// The file of the program that the node runs.
  case itself
  /// What a program says; the program, then its arguments.
  case words([String])

  /// The word for the program itself.
  static let word = "program"

  /// The form of the parameter: the word, or a list of that and of programs with arguments.
  static let form: ParameterForm<[TrackedProgram]> = .either(
    word, as: [.itself], or: .list(.either(word, as: .itself, or: command)))

  private static let command: ParameterForm<TrackedProgram> = ParameterForm<[String]>.list(.string).mapped(
    to: { .words($0) }, from: { if case .words(let command) = $0 { command } else { [] } })

  /// What is to be asked when a plan is made. The program of a relative path stands among the node's files or inputs, so its
  /// content is in the key already.
  static func questions(_ parameters: ParameterValues) -> [TrackedQuestion] {
    parameters[CommandStage.track].compactMap { tracked in
      switch tracked {
      case .words(let command): return .words(command)
      case .itself:
        let name = parameters[CommandStage.argv][0]
        if name.utf8.contains(UInt8(ascii: "/")), !name.hasPrefix("/") { return nil }
        return .program(name, searchPath: parameters[CommandStage.environment]["PATH"])
      }
    }
  }
}
