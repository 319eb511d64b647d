// Which folder is the cache, and that nothing else is ever written into or cleaned.

import Foundation
import Testing

@Suite struct CacheFolderTests {
  private func write(_ box: Sandbox) throws {
    try box.write(
      """
      stages:
        hello:
          stage: command
          parameters: {argv: [sh, -c, "echo hello > h.txt"], outputs: [h.txt]}
      """, to: "pipelines/hello.yaml")
    try box.write("mine\n", to: "tmp/keep.txt")
    let old = Date(timeIntervalSinceNow: -60 * 86400)
    try FileManager.default.setAttributes(
      [.modificationDate: old], ofItemAtPath: box.folder + "/tmp/keep.txt")
  }

  private func isKept(_ box: Sandbox) -> Bool {
    (try? String(contentsOfFile: box.folder + "/tmp/keep.txt", encoding: .utf8)) == "mine\n"
  }

  /// An empty name would be the current folder, whose `tmp` is not the cache's.
  @Test func anEmptyVariableCountsAsNone() throws {
    let box = try Sandbox()
    try write(box)
    for arguments in [["run", "hello"], ["cache", "gc", "--older-than", "0"], ["cache", "verify"]] {
      let answer = try box.start("/usr/bin/env", ["PIPELINE_CACHE=", Sandbox.executable] + arguments).1()
      #expect(answer.status == 0, "\(arguments): \(answer.errors)")
    }
    #expect(isKept(box) && box.artifacts().count == 1)
  }

  @Test func aFolderOfTheUserIsNoCache() throws {
    let box = try Sandbox()
    try write(box)
    for arguments in [
      ["run", "hello"], ["cache", "gc", "--older-than", "0"], ["cache", "gc", "--dry-run"],
      ["cache", "verify"],
      ["fetch", "mnist"],
    ] {
      let answer = try box.start(Sandbox.executable, arguments + ["--cache", "."]).1()
      #expect(answer.status == 64, "\(arguments)")
      #expect(answer.errors.contains("is no cache: it holds '"), "\(answer.errors)")
      #expect(answer.errors.contains("choose an empty or new folder with --cache"))
    }
    #expect(try box.pipeline("cache", "gc", "--cache", "").status == 64)
    #expect(isKept(box) && box.artifacts().isEmpty)
    let names = try FileManager.default.contentsOfDirectory(atPath: box.folder)
    #expect(Set(names) == ["cache", "pipelines", "tmp"], "nothing was written")
  }

  @Test func anotherQuestionDoesNotCostTheResultsOfTheFirst() throws {
    let box = try Sandbox()
    try box.write(
      """
      parameters: {v: 1}
      stages:
        v:
          stage: command
          parameters: {argv: [sh, -c, "echo $0 > v.txt", "${v}"], outputs: [v.txt]}
      """, to: "pipelines/v.yaml")
    #expect(try box.run("v") == ["v"] && box.run("v", "--set", "v=2") == ["v"])
    let plan = try box.pipeline("cache", "gc", "--older-than", "0", "--keep-last", "1", "--dry-run")
    #expect(plan.output.contains("made") && plan.output.contains("for v/v in"), "\(plan.output)")
    #expect(try box.pipeline("cache", "gc", "--older-than", "0").status == 0)
    #expect(try box.run("v").isEmpty && box.run("v", "--set", "v=2").isEmpty)
    #expect(try box.pipeline("cache", "gc", "--older-than", "0", "--keep-last", "1").status == 0)
    #expect(try box.run("v", "--set", "v=2").isEmpty && box.run("v") == ["v"])
  }
}
