// Says what a word that other tools know is called here.

import ArgumentParser

/// Words that users of make, ninja, Snakemake, DVC and git type out of habit.
enum Habits {
  /// What an unknown option means elsewhere, and the words for it here.
  private static let options: [(words: Set<String>, advice: String)] = [
    (
      ["-n", "--dry-run", "--dryrun", "--just-print"],
      "'pipeline plan NAME' says what would run, and why; it runs nothing"
    ),
    (
      ["-B", "--always-make", "-F", "--forceall", "-R", "--forcerun"],
      "'pipeline run NAME NODE --force' makes nodes again although nothing has changed"
    ),
    (
      ["-f", "--file", "--snakefile", "-s", "-C", "--directory", "-d"],
      "a pipeline that is not in the folder pipelines is named by its path: 'pipeline run PATH/NAME.yaml'"
    ),
    (
      ["-v", "--verbose", "-p", "--printshellcmds", "--debug"],
      "'pipeline explain NAME NODE' says why a node runs, and 'pipeline logs NAME NODE' what it printed"
    ),
    (["-q", "--quiet", "--silent"], "what a run says, but for its tables, is on standard error: 2>run.log"),
    (["--cores", "-c", "--parallel", "--threads"], "'--jobs 4', or '-j4', is for the number of cores"),
    (["--all", "-a", "--all-pipelines"], "'pipeline run NAME' without nodes runs all of them"),
    (
      ["--unlock"],
      "there is no lock to take away: what a run that died was at is taken over by the next one"
    ),
    (
      ["--config", "--param", "-P", "-S", "--set-param"],
      "'--set KEY=VALUE' sets a parameter, an axis, or a stage's parameter"
    ),
  ]

  /// What a word in the place of a command means elsewhere.
  private static let commands: [(words: Set<String>, advice: String)] = [
    (["dag", "rulegraph"], "pipeline graph NAME"),
    (["repro", "make", "build", "exp", "execute"], "pipeline run NAME"),
    (["list", "ls", "outdated"], "pipeline status NAME"),
    (["diff"], "pipeline compare NAME NAME"),
    (["why"], "pipeline explain NAME NODE"),
    (["metrics"], "pipeline table NAME"),
  ]

  /// A line of advice for a command line that the parser refuses; nil where nothing is known.
  static func advice(_ arguments: [String]) -> String? {
    guard let first = arguments.first else { return nil }
    let isCommand = PipelineCommand.configuration.subcommands.contains {
      $0.configuration.commandName == first
    }
    guard isCommand || first.hasPrefix("-") else {
      if let known = commands.first(where: { $0.words.contains(first) }) {
        return "did you mean '\(known.advice)'?"
      }
      if CacheCommand.configuration.subcommands.contains(where: { $0.configuration.commandName == first }) {
        return "did you mean 'pipeline cache \(first)'?"
      }
      if !PipelineFolder.paths(of: first).isEmpty {
        return "'\(first)' is a pipeline: 'pipeline run \(PipelineOptions.quoted(first))'"
      }
      return nil
    }
    for word in arguments {
      let option = word.hasPrefix("--") ? String(word.prefix { $0 != "=" }) : String(word.prefix(2))
      if let known = options.first(where: { $0.words.contains(option) }) { return known.advice }
    }
    return nil
  }

  /// Runs a command line, and says what went wrong.
  static func main(_ arguments: [String]) {
    do {
      var command = try PipelineCommand.parseAsRoot(arguments)
      try command.run()
    } catch {
      let code = PipelineCommand.exitCode(for: error)
      guard code == .validationFailure, !(error is ExitCode), let advice = advice(arguments) else {
        PipelineCommand.exit(withError: error)
      }
      printError(PipelineCommand.fullMessage(for: error))
      printError("  note: \(advice)")
      PipelineCommand.exit(withError: code)
    }
  }
}
