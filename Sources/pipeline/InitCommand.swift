// `pipeline init`: a small commented project that runs.

import ArgumentParser
import FoundationEssentials
import Wording

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Writes a small project that runs, into an empty folder.",
    discussion: """
      The project is a pipeline of two commands in pipelines/letters.yaml, with a script beside it. It needs nothing \
      but a shell. Files that exist are left alone: then nothing is written, and the exit code is 65.
      """)

  @Argument(help: "The folder; it is made if it does not exist.", completion: .directory)
  var folder = "."

  func run() throws {
    let files = Self.files.map { (path: "\(folder)/\($0.path)", text: $0.text) }
    let present = files.filter { FileManager.default.fileExists(atPath: $0.path) }
    guard present.isEmpty else {
      printError(
        "error: there is \(present.map(\.path).joined(separator: ", ")) already; nothing was written")
      throw Exit.wrongFile
    }
    for file in files {
      do {
        try FileManager.default.createDirectory(
          atPath: String(file.path[..<file.path.lastIndex(of: "/")!]), withIntermediateDirectories: true)
        try Data(file.text.utf8).write(to: URL(fileURLWithPath: file.path))
      } catch {
        printError("error: can't write \(file.path): \(reason(of: error))")
        throw Exit.unavailable
      }
      print(file.path)
    }
    print("\nnow: \(folder == "." ? "" : "cd \(PipelineOptions.quoted(folder)) && ")pipeline run letters")
  }

  /// The project, by path.
  static let files: [(path: String, text: String)] = [
    ("pipelines/letters.yaml", pipeline), ("pipelines/count.sh", script), (".gitignore", ignored),
  ]

  private static let pipeline = """
    # Counts the letters of some words, each in a node of its own, and gathers the counts.
    #
    #   pipeline run letters                                  runs what is not up to date
    #   pipeline run letters --set 'word=[plum, pear, fig]'   only fig is new
    #   pipeline plan letters --set least=4                   says what would run, and why
    #   pipeline path letters all                             where the result is
    description: How many letters each word has

    parameters:
      least: 1

    # A stage that is `for` an axis has a node for each of its values.
    axes:
      word: [plum, pear]

    stages:
      count:
        stage: command
        for: word
        parameters:
          argv: [sh, count.sh, "${word}", "${least}"]
          # The content of these is part of the key: an edit runs the nodes again.
          files: [count.sh]
          outputs: [count.txt]

      # All nodes of `count` stand in folders of their own below inputs/counts.
      all:
        stage: command
        inputs: {counts: count}
        parameters:
          argv: [sh, -c, "cat inputs/counts/*/count.txt > all.txt"]
          outputs: [all.txt]

    """

  private static let script = """
    # usage: count.sh WORD LEAST      writes count.txt: the word and how many letters it has, if there are enough
    word=$1
    if [ ${#word} -ge "$2" ]; then echo "$word ${#word}"; fi > count.txt

    """

  private static let ignored = """
    /cache/
    /pictures/

    """
}
