// Answers a run that has nothing to do without the parser of arguments.

import PipelineCore
import PipelineExecution
import PipelineFile

/// A command line of the commonest form: `run NAME` with `--set`, `--cache` and `--jobs`.
///
/// The parser finds the types of all commands and options by reflection, which takes longer than the answer itself. It
/// gets every other command line, and also this one where there is something to do or to complain of.
struct PlainRun {
  private var pipeline = ""
  private var overrides: [String] = []
  private var cache: String?

  /// Nil for a command line of any other form, right or wrong.
  init?(_ arguments: [String]) {
    guard arguments.first == "run" else { return nil }
    var words = arguments.dropFirst()
    while let word = words.popFirst() {
      guard word.hasPrefix("-") else {
        // A second one would be a node.
        guard pipeline.isEmpty, !word.isEmpty else { return nil }
        pipeline = word
        continue
      }
      guard let value = words.popFirst(), !value.isEmpty, !value.hasPrefix("-") else { return nil }
      switch word {
      case "--set": overrides.append(value)
      case "--cache": cache = value
      case "--jobs", "-j": guard let jobs = Int(value), jobs >= 1 else { return nil }
      default: return nil
      }
    }
    if pipeline.isEmpty { return nil }
  }

  /// Prints the answer; false where that takes more than a look.
  func isAnswered() -> Bool {
    let start = ContinuousClock.now
    let paths = PipelineFolder.paths(of: pipeline)
    guard paths.count == 1,
      let completed = CompletedRun.find(paths[0], overrides, in: CacheOptions.store(cache))
    else { return false }
    RunCommand.report(completed, of: paths[0], since: start)
    print(completed.answer, terminator: "")
    return true
  }
}

extension CompletedRun {
  /// The last complete run of a pipeline's file with these options, if it still stands.
  static func find(_ path: String, _ overrides: [String], in cache: CacheStore) -> CompletedRun? {
    CompletedRun(
      question(path, overrides), pipeline: PipelineFile.name(ofFile: path), cache: cache,
      hashFile: { try cache.digest(ofFile: $0, remembering: true) })
  }

  /// What a run of a pipeline's file with these options is asked; tables fit the terminal.
  static func question(_ path: String, _ overrides: [String]) -> RunQuestion {
    RunQuestion(pipeline: path, overrides: overrides, width: Terminal.width)
  }
}
