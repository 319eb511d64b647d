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

  /// A typing error in the path of a cache is no clean bill of health; a project in which nothing has run is no error.
  @Test func aCacheThatIsNotThere() throws {
    let box = try Sandbox()
    try write(box)
    let commands = [["verify"], ["gc", "--older-than", "0"], ["gc", "--dry-run"], ["list"], ["size"]]
    try box.write("", to: "file")
    for command in commands {
      let answer = try box.start(Sandbox.executable, ["cache"] + command + ["--cache", "cahce"]).1()
      #expect(answer.status == 66 && answer.output.isEmpty, "\(command): \(answer)")
      #expect(
        answer.errors.contains("there is no folder \(box.folder)/cahce, which --cache names as the cache"))
      let variable = try box.start(
        "/usr/bin/env", ["PIPELINE_CACHE=cahce", Sandbox.executable, "cache"] + command
      ).1()
      #expect(variable.status == 66 && variable.errors.contains("which PIPELINE_CACHE names"), "\(variable)")
      let file = try box.start(Sandbox.executable, ["cache"] + command + ["--cache", "file"]).1()
      #expect(file.status == 66 && file.errors.contains("file can't be a cache: it is no folder"), "\(file)")
    }
    try FileManager.default.removeItem(atPath: box.cache)
    for command in commands {
      let answer = try box.start(Sandbox.executable, ["cache"] + command).1()
      #expect(answer.status == 0 && answer.output.isEmpty, "\(command): \(answer)")
      #expect(answer.errors.contains("there is no cache yet: \(box.folder)/cache is made by the first"))
    }
    #expect(try box.pipeline("cache", "verify", "--json").output == "[]\n")
    let run = try box.pipeline("run", "hello", "--cache", "/dev/null")
    #expect(run.status == 66 && run.errors.contains("/dev/null"), "\(run)")
  }

  /// A log that can't be read says nothing of what is still needed.
  @Test func aCollectionThatCantReadALogRemovesNothing() throws {
    let box = try Sandbox()
    try write(box)
    #expect(try box.run("hello") == ["hello"])
    let folder = box.cache + "/experiments"
    try FileManager.default.moveItem(atPath: folder, toPath: box.folder + "/experiments")
    try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: folder)
    for command in [["gc", "--older-than", "0"], ["gc", "--dry-run"], ["gc", "--json"], ["verify"]] {
      let answer = try box.start(Sandbox.executable, ["cache"] + command).1()
      #expect(answer.status == 66 && answer.output.isEmpty, "\(command): \(answer)")
      #expect(answer.errors.contains(folder + ": ") && answer.errors.contains("nothing was removed or moved"))
    }
    #expect(box.artifacts().count == 1)
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
