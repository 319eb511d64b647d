// The commands over the past of a cache, and a run that watches its files, by the real executable.

import Foundation
import Glibc
import Testing

@Suite struct HistoryCommandTests {
  private func chain(_ word: String, _ box: Sandbox) throws {
    try box.write(
      """
      parameters:
        word: \(word)
      stages:
        write:
          stage: command
          parameters: {argv: [sh, -c, "cat note > w; echo ${word} >> w"], files: [note], outputs: [w]}
        read:
          stage: command
          inputs: {from: write}
          parameters: {argv: [sh, -c, "cat inputs/from/w > r"], outputs: [r]}
      """, to: "pipelines/chain.yaml")
    try box.write("note\n", to: "pipelines/note")
  }

  @Test func theLogTellsRunsAndNodes() throws {
    let box = try Sandbox()
    try chain("one", box)
    #expect(try box.pipeline("log", "chain").status == 1, "nothing was run yet")
    #expect(try box.run("chain") == ["write", "read"])
    try chain("two", box)
    #expect(try box.run("chain") == ["write", "read"])
    let lines = try box.pipeline("log", "chain").output.split(separator: "\n")
    #expect(lines.count == 3 && lines[1].contains("word: one → two") && lines[2].contains("never built"))
    let past = try box.pipeline("log", "chain", "write", "--json")
    struct Past: Decodable {
      var event: String
      var reasons: [String]
      var key: String
    }
    let entries = try JSONDecoder().decode([Past].self, from: Data(past.output.utf8))
    #expect(entries.map(\.event) == ["ran", "ran"] && entries[0].key != entries[1].key)
    #expect(entries[1].reasons == ["never built"] && entries[0].reasons == ["word: one → two"])
    let drawing = try box.pipeline("timeline", "chain")
    #expect(drawing.status == 0 && drawing.output.hasPrefix("<svg") && drawing.output.contains(">read<"))
    #expect(try box.pipeline("timeline", "nothing").status == 66)
    let difference = try box.pipeline("compare", "chain~1", "chain~0").output
    #expect(difference.contains("  write.word: one → two\n"), "\(difference)")
    #expect(!difference.contains("argv"))
  }

  @Test func theLogTellsWhatWasSet() throws {
    let box = try Sandbox()
    try chain("one", box)
    #expect(try box.run("chain") == ["write", "read"])
    #expect(try !box.pipeline("log", "chain").output.contains("  set  "))
    #expect(try box.run("chain", "--set", "word=two") == ["write", "read"])
    #expect(try box.run("chain", "--set", "word=a b") == ["write", "read"])
    let lines = try box.pipeline("log", "chain").output.split(separator: "\n")
    #expect(
      lines.count == 4 && lines[0].contains("  set  ") && lines[1].contains("  'word=a b'  ")
        && lines[2].contains("  word=two  ") && !lines[3].contains("word=two"), "\(lines)")
    struct Run: Decodable { var set: [String] }
    let runs = try box.pipeline("log", "chain", "--json").output
    #expect(
      try JSONDecoder().decode([Run].self, from: Data(runs.utf8)).map(\.set)
        == [["word=a b"], ["word=two"], []])
    let past = try box.pipeline("log", "chain", "read", "--json").output
    #expect(
      try JSONDecoder().decode([Run].self, from: Data(past.utf8)).map(\.set)
        == [["word=a b"], ["word=two"], []])
    #expect(try box.pipeline("log", "chain", "read").output.contains("  word=two  "))
  }

  @Test func aWatchingRunFollowsTrackedPrograms() throws {
    let box = try Sandbox()
    func tool(_ word: String) throws {
      try box.write("#!/bin/sh\necho \(word) > o\n", to: "draft")
      chmod(box.folder + "/draft", 0o755)
      #expect(rename(box.folder + "/draft", box.folder + "/tool") == 0)
    }
    try tool("one")
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {argv: ["\(box.folder)/tool"], outputs: [o], track: program}}
      """, to: "pipelines/t.yaml")
    let (process, answer) = try box.start(Sandbox.executable, ["run", "t", "--watch", "--json"])
    #expect(comes(to: 1, in: box))
    try tool("two")
    #expect(comes(to: 2, in: box))
    process.interrupt()
    let ended = answer()
    #expect(ended.status == 130, "\(ended.errors)")
    #expect(try box.pipeline("cat", "t", "a", "o").output == "two\n")
  }

  /// Whether a cache comes to so many artifacts within 20 s.
  private func comes(to count: Int, in box: Sandbox) -> Bool {
    let end = Date().addingTimeInterval(20)
    while Date() < end {
      if box.artifacts().count >= count { return true }
      usleep(20_000)
    }
    return false
  }

  @Test func aWatchingRunFollowsItsFiles() throws {
    let box = try Sandbox()
    try chain("one", box)
    let (process, answer) = try box.start(
      Sandbox.executable, ["run", "chain", "--watch", "--json"])
    #expect(comes(to: 2, in: box))
    try chain("two", box)
    #expect(comes(to: 4, in: box), "the pipeline's own file")
    try box.write("another\n", to: "pipelines/note")
    #expect(comes(to: 6, in: box), "a file that a stage reads")
    try box.write("stages: [", to: "pipelines/chain.yaml")
    usleep(800_000)
    #expect(process.isRunning, "an error in the file is told, and the next change may mend it")
    try chain("three", box)
    #expect(comes(to: 8, in: box))
    process.interrupt()
    let ended = answer()
    #expect(ended.status == 130, "\(ended.errors)")
    #expect(ended.errors.contains("this is not YAML"))
  }
}
