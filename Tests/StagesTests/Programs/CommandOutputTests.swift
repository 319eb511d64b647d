// What of a program's files is kept, and what is a failure.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct CommandOutputTests {
  private func kept(_ artifact: TaskInput) throws -> [String] {
    try ArtifactReader<CommandArtifact>(artifact).files().map(\.path)
  }

  @Test func filesFoldersAndPatterns() throws {
    let shop = try Workshop()
    try shop.write("laid", to: "laid.csv")
    let made = try shop.command(
      [
        "sh", "-c",
        """
        echo 1 > ./o; mkdir -p model/deep empty; echo 2 > model/deep/w; echo 3 > model/.hidden
        echo 4 > b.csv; echo 5 > a.csv; echo 6 > .dot.csv; mkdir x.csv; ln -s a.csv link.csv
        """,
      ], outputs: ["./o", "model/", "*.csv"], files: ["laid.csv"])
    #expect(try kept(made) == ["a.csv", "b.csv", "link.csv", "model/.hidden", "model/deep/w", "o"])
    #expect(try shop.text("link.csv", of: made) == "5\n")
  }

  @Test func optionalOutputsMayBeAbsent() throws {
    let shop = try Workshop()
    let more: [String: Value] = ["optional": .list(["maybe", "plots/", "*.log"].map(Value.string))]
    #expect(try kept(shop.command(["sh", "-c", "touch o"], outputs: ["o"], more: more)) == ["o"])
    #expect(
      try kept(shop.command(["sh", "-c", "touch o maybe plots/p 1.log"], outputs: ["o"], more: more))
        == ["1.log", "maybe", "o", "plots/p"])
  }

  @Test(arguments: [
    ("touch p", "o", "sh exited well but did not make its output o"),
    ("mkdir o", "o", "sh made a folder at o, which is named as a file; name it 'o/' to keep it"),
    ("rmdir d; touch d", "d/", "sh made a file at d, which is named as a folder; name it 'd' to keep it"),
    ("mkdir d/e", "d/", "sh exited well but made no file in its output folder d/"),
    ("rmdir d", "d/", "sh exited well but did not make its output folder d/"),
    ("touch a.txt", "*.csv", "sh exited well but made no file that fits '*.csv'"),
    ("mkfifo o", "o", "the output o is no ordinary file, so its content can't be kept"),
    ("ln -s nowhere o", "o", "sh exited well but did not make its output o"),
  ]) func whatIsMissingIsNamed(script: String, output: String, message: String) throws {
    let shop = try Workshop()
    #expect(failure { _ = try shop.command(["sh", "-c", script], outputs: [output]) } == message)
  }

  /// Its content would not be in the key.
  @Test func aLinkOutOfTheFolderIsNotKept() throws {
    let shop = try Workshop()
    for (script, output) in [("ln -s /etc/passwd o", "o"), ("rmdir d; ln -s /etc d", "d/passwd")] {
      let message = failure { _ = try shop.command(["sh", "-c", script], outputs: [output]) }
      #expect(message.contains("outside of the program's folder"), "\(message)")
    }
  }

  @Test func linksWithinTheFolderAreFollowed() throws {
    let shop = try Workshop()
    let made = try shop.command(
      [
        "sh", "-c",
        "mkdir -p o/run-1/deep; echo 1 > o/run-1/deep/w; ln -s run-1 o/latest; ln -s latest/deep/w o/w",
      ],
      outputs: ["o/"])
    #expect(try kept(made) == ["o/latest/deep/w", "o/run-1/deep/w", "o/w"])
    #expect(try shop.text("o/latest/deep/w", of: made) == "1\n")
  }

  @Test(arguments: [
    (
      "ln -s gone d/dead",
      "the output d/dead is a link to 'gone', which can't be followed: No such file or directory"
    ),
    ("ln -s ring d/ring", "the output d/ring is a link to 'ring', which can't be followed: Too many levels"),
    ("mkdir d/e; ln -s .. d/e/up", "the output d/e/up is a link to"),
    ("touch d/f; ln -s /etc d/etc", "outside of the program's folder"),
    (
      "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"d/s\")'",
      "the output d/s is no ordinary file"
    ),
  ]) func linksThatLeadNowhereAreNamed(script: String, part: String) throws {
    let shop = try Workshop()
    let message = failure { _ = try shop.command(["sh", "-c", script], outputs: ["d/"]) }
    #expect(message.contains(part), "\(message)")
  }

  @Test func manyBlocksComeBackAsTheyWere() throws {
    let shop = try Workshop()
    let made = try shop.command(
      ["sh", "-c", "head -c 5000001 /dev/urandom > big; : > empty; cksum < big > sum"],
      outputs: ["big", "empty", "sum"])
    let used = try shop.command(
      ["sh", "-c", "cksum < inputs/i/big > sum; test ! -s inputs/i/empty"], outputs: ["sum"],
      inputs: ["i": [made]])
    #expect(try shop.text("sum", of: used) == shop.text("sum", of: made))
  }

  @Test func figuresAreNamed() throws {
    let shop = try Workshop()
    func figures(_ text: String, _ name: String) throws -> [String: Double] {
      try shop.write(text, to: "source")
      let made = try shop.command(
        ["cp", "source", name], outputs: [name], files: ["source"], more: ["metrics": .string(name)])
      return try ArtifactReader<CommandArtifact>(made).read(\.metrics)
    }
    #expect(try figures(#"{"loss": 0.1, "epochs": 3}"#, "m.json") == ["loss": 0.1, "epochs": 3])
    #expect(try figures("loss,\"epochs\"\r\n1e-3, 3\r\n", "m.csv") == ["loss": 1e-3, "epochs": 3])
    #expect(try figures("\u{FEFF}loss\n1\n", "m.csv") == ["loss": 1])
    // As Python's json writes them.
    #expect(try figures(#"{"loss": Infinity}"#, "m.json") == ["loss": .infinity])
    #expect(try figures(#"{"loss": NaN}"#, "m.json")["loss"]?.isNaN == true)
    for (text, name, part) in [
      ("[1]", "m.json", "no JSON object"), (#"{"a": "b"}"#, "m.json", "'a' is no number"),
      ("{}", "m.json", "have no figure"), (#"{"a": true}"#, "m.json", "'a' is no number"),
      (#"{"a/b": 1}"#, "m.json", "can't be that of a figure"), ("a\n1\n2\n", "m.csv", "3 lines"),
      ("a,b\n1\n", "m.csv", "2 names and 1 value;"), ("a,a\n1,2\n", "m.csv", "no name twice"),
      ("a\nx\n", "m.csv", "expected a number"),
    ] {
      let message = failure { _ = try figures(text, name) }
      #expect(message.contains(part), "\(text): \(message)")
    }
  }

  @Test func aFailedProgramIsTriedAgainInANewFolder() throws {
    let shop = try Workshop()
    let counter = shop.folder + "/tries"
    let script =
      "echo >> '\(counter)'; test ! -e left || exit 9; touch left o; test $(wc -l < '\(counter)') -ge 2"
    let once = failure { _ = try shop.command(["sh", "-c", script], outputs: ["o"]) }
    #expect(once == "sh exited with status 1")
    try FileManager.default.removeItem(atPath: counter)
    _ = try shop.command(["sh", "-c", script], outputs: ["o"], more: ["retries": .integer(1)])
    #expect(try String(contentsOfFile: counter, encoding: .utf8) == "\n\n")
    // What can't be started, or lacks an output, is no better the next time.
    let start = Date()
    for argv in [["no-such-program"], ["true"]] {
      _ = failure { _ = try shop.command(argv, outputs: ["o"], more: ["retries": .integer(5)]) }
    }
    #expect(Date().timeIntervalSince(start) < 1)
  }

  /// All of this is found when the pipeline file is read.
  @Test(
    arguments: [
      (["argv": ["a", "b\0c"]], "argv", "a NUL byte"), (["argv": []], "argv", "at least the program"),
      (["argv": [""]], "argv", "empty"), (["files": ["v", "v"]], "files", "named twice"),
      (["files": ["src", "src/s"]], "files", "lies in 'src'"),
      (["files": ["./v", "v"]], "files", "named twice"),
      (["files": ["inputs/x"]], "files", "among the node's inputs"),
      (["outputs": []], "outputs", "at least one"),
      (["outputs": ["o", "./o"]], "outputs", "named twice"),
      (["outputs": ["d/", "d/o"]], "outputs", "lies in 'd'"),
      (["outputs": ["o/p", "o"]], "outputs", "lies in 'o'"),
      (["outputs": ["o/*", "o"]], "outputs", "lies in 'o'"),
      (["outputs": ["*", "./*"]], "outputs", "named twice"),
      (["files": ["/v"]], "files", "relative to the pipeline file's folder"),
      (["outputs": ["../o"]], "outputs", "'..'"),
      (["outputs": ["/tmp/o"]], "outputs", "absolute"), (["outputs": ["."]], "outputs", "names no file"),
      (["outputs": ["inputs/o"]], "outputs", "among the inputs"), (["outputs": ["a\0"]], "outputs", "NUL"),
      (["outputs": [String(repeating: "é", count: 128)]], "outputs", "256 bytes"),
      (["outputs": ["*.d/"]], "outputs", "patterns are for files"),
      (["outputs": ["v"], "files": ["v"]], "outputs", "in one place"),
      (["outputs": ["o"], "optional": ["o"]], "optional", "named twice"),
      (["pass": ["A=B"]], "pass", "the name of a variable"),
    ] as [([String: [String]], String, String)])
  func listsAreCheckedAgainstEachOther(lists: [String: [String]], parameter: String, part: String) throws {
    let values = ["argv": ["x"], "outputs": ["o"]].merging(lists) { $1 }.mapValues {
      Value.list($0.map(Value.string))
    }
    try expectProblem(values, parameter, part)
  }

  @Test(
    arguments: [
      (["stdin": .string("x")], "stdin", "neither below inputs/ nor one of 'files'"),
      (["stdout": .string("x")], "stdout", "none of 'outputs'"),
      (["stdout": .string("d/")], "stdout", "is a folder"),
      (["metrics": .string("m.json")], "metrics", "none of the files"),
      (["metrics": .string("o")], "metrics", "neither a .json nor a .csv"),
      (["environment": .map(["A=": .string("")])], "environment", "the name of a variable"),
      (["environment": .map(["A": .string("\0")])], "environment", "NUL"),
      (
        ["environment": .map(["A": .string("")]), "pass": .list([.string("A")])], "pass", "from 'environment'"
      ),
    ] as [([String: Value], String, String)])
  func othersAreCheckedToo(values: [String: Value], parameter: String, part: String) throws {
    let needed: [String: Value] = ["argv": .list([.string("x")]), "outputs": .list([.string("o")])]
    try expectProblem(needed.merging(values) { $1 }, parameter, part)
  }

  /// Two files whose names only look the same are two files.
  @Test func namesAreComparedByTheirBytes() throws {
    let declaration = CommandStage.declaration
    let values: [String: Value] = [
      "argv": .list([.string("x")]), "outputs": .list([.string("\u{E9}"), .string("e\u{301}")]),
    ]
    #expect(declaration.check(try ParameterValues(values, of: declaration)) == nil)
  }

  private func expectProblem(_ values: [String: Value], _ parameter: String, _ part: String) throws {
    let declaration = CommandStage.declaration
    let problem = try #require(declaration.check(try ParameterValues(values, of: declaration)))
    #expect(problem.parameter == parameter && problem.message.contains(part), "\(problem)")
  }
}
