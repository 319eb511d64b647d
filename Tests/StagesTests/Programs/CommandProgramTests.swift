// The program of a command: which file it was, how it ended, and what a second attempt finds.

import FileTree
import Foundation
import Glibc
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct CommandProgramTests {
  /// A small program in a folder of its own.
  private func tool(_ shop: Workshop, _ folder: String, _ word: String) throws -> String {
    try shop.write("#!/bin/sh\necho \(word) > o\n", to: "\(folder)/mytool")
    let path = "\(shop.folder)/\(folder)/mytool"
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  @Test func theProgramThatWasFoundIsNoted() throws {
    let shop = try Workshop()
    let path = try tool(shop, "one", "first")
    let environment = Value.map(["PATH": .string("\(shop.folder)/two:\(shop.folder)/one:/bin")])
    _ = try shop.command(["mytool"], outputs: ["o"], more: ["environment": environment])
    #expect(shop.notes == ["program": path], "no digest, for nobody asked for it")
    // A link, as an environment of Python has one to its interpreter.
    try FileManager.default.createDirectory(atPath: shop.folder + "/two", withIntermediateDirectories: true)
    let link = shop.folder + "/two/mytool"
    #expect(symlink(path, link) == 0)
    _ = try shop.command(["mytool"], outputs: ["o"], more: ["environment": environment])
    #expect(shop.notes["program"] == link && shop.notes["program_target"] == FileTree.target(of: path))
    _ = try shop.command([path], outputs: ["o"])
    #expect(shop.notes["program"] == path)
  }

  @Test func theDigestOfATrackedProgramIsNotedAndCompared() throws {
    let shop = try Workshop()
    let path = try tool(shop, "one", "first")
    let digest = Digest(try FileTree.digest(of: path))
    let more: [String: Value] = [
      "environment": .map(["PATH": .string("\(shop.folder)/one:/bin")]), "track": .string("program"),
    ]
    shop.program = digest
    _ = try shop.command(["mytool"], outputs: ["o"], more: more)
    #expect(shop.notes["program_digest"] == digest.hex)
    shop.program = Digest(of: "another program".utf8)
    let message = failure { _ = try shop.command(["mytool"], outputs: ["o"], more: more) }
    #expect(message.hasPrefix("the program \(path) changed during the run"), "\(message)")
  }

  /// What comes with the node's files is in the key as one of them, and runs from the node's own folder.
  @Test func aToolOfTheProjectIsNotedAsItIsCalled() throws {
    let shop = try Workshop()
    let path = try tool(shop, "tools", "mine")
    _ = try shop.command(
      ["tools/mytool"], outputs: ["o"], files: ["tools"], more: ["track": .list([.string("program")])])
    #expect(shop.notes["program"] == "tools/mytool")
    let digest = Digest(try FileTree.digest(of: path))
    #expect(shop.notes["program_digest"] == digest.hex)
    let named = try shop.command(
      ["mytool"], outputs: ["o"], files: ["tools"],
      more: ["environment": .map(["PATH": .string("tools:/bin")]), "track": .string("program")])
    #expect(try shop.text("o", of: named) == "mine\n" && shop.notes["program"] == "tools/mytool")
  }

  @Test func whatIsTrackedIsAsked() throws {
    func questions(_ argv: [String], _ track: Value, path: String? = nil) throws -> [TrackedQuestion] {
      let declaration = try #require(allStages.declaration("command"))
      var given: [String: Value] = [
        "argv": .list(argv.map { .string($0) }), "outputs": .list([.string("o")]), "track": track,
      ]
      if let path { given["environment"] = .map(["PATH": .string(path)]) }
      let values = try ParameterValues(given, of: declaration)
      if let problem = declaration.check(values) { throw problem }
      return declaration.tracked(values)
    }
    let words = Value.list([.string("python3"), .string("--version")])
    #expect(try questions(["python3", "x"], .string("program")) == [.program("python3", searchPath: nil)])
    #expect(
      try questions(["python3"], .list([words, .string("program")]), path: "/a:/b")
        == [.words(["python3", "--version"]), .program("python3", searchPath: "/a:/b")])
    #expect(try questions(["/bin/sh"], .list([.string("program")])) == [.program("/bin/sh", searchPath: nil)])
    #expect(try questions(["./run.sh"], .string("program")).isEmpty)
    #expect(throws: ParameterProblem.self) { try questions(["sh"], .string("programs")) }
    #expect(throws: ParameterProblem.self) {
      try questions(["sh"], .list([.string("program"), .string("program")]))
    }
    #expect(throws: ParameterProblem.self) { try questions(["sh"], .list([.list([])])) }
  }

  // MARK: Its end

  /// Whoever asks for an end means the run, not the node: it runs again. Any other signal is the program's own failure.
  @Test func askedToEndIsNoFailure() throws {
    let shop = try Workshop()
    func kind(_ signal: String) throws -> StageFailure.Kind? {
      let error = #expect(throws: StageFailure.self) {
        try shop.command(["sh", "-c", "kill -\(signal) $$"], outputs: ["o"])
      }
      return error?.kind
    }
    for signal in ["TERM", "INT", "HUP", "USR1"] { #expect(try kind(signal) == .interrupted, "\(signal)") }
    for signal in ["KILL", "SEGV", "ABRT"] { #expect(try kind(signal) == .failed, "\(signal)") }
  }

  /// The second attempt starts anew: with all that the first found, and with nothing that it left.
  @Test func theSecondAttemptFindsTheSame() throws {
    let shop = try Workshop()
    try shop.write("mine\n", to: "data/v.txt")
    let input = try shop.command(["sh", "-c", "echo made > m"], outputs: ["m"])
    let mark = shop.folder + "/first"
    let script = """
      cat data/v.txt inputs/i/m >> o
      test -e '\(mark)' || { : > '\(mark)'; echo spoilt > data/v.txt; exit 1; }
      """
    let made = try shop.command(
      ["sh", "-c", script], outputs: ["o"], inputs: ["i": [input]], files: ["data"],
      more: ["retries": .integer(1)])
    #expect(try shop.text("o", of: made) == "mine\nmade\n")
  }

  /// The look before a task and the copy are two readings: only what was copied counts.
  @Test func anArtifactThatChangedIsNotLaid() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: images.path))
    var other = images
    other.path = shop.path()
    try (bytes + Data([0])).write(to: URL(fileURLWithPath: other.path))
    let message = failure {
      _ = try shop.command(["sh", "-c", "cp inputs/i o"], outputs: ["o"], inputs: ["i": [other]])
    }
    #expect(message.contains("changed while it was copied"), "\(message)")
  }
}
